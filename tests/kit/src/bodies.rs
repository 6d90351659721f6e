//! The bodies that homologate: each an authority of its own, with people who have certificates.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SignatureAlgorithm,
};

/// A body's authority.
pub struct Authority {
    pub name: String,
    /// Identifiant commun de l'entreprise of the body.
    pub ice: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
    key_pem: String,
}

/// A person's certificate chain and key, PEM.
pub struct Member {
    pub chain_pem: String,
    pub key_pem: String,
}

fn new_key(algorithm: &'static SignatureAlgorithm) -> KeyPair {
    KeyPair::generate_for(algorithm).expect("a key")
}

impl Authority {
    pub fn new(name: &str, ice: &str) -> Self {
        Self::with_key(name, ice, new_key(&PKCS_ECDSA_P256_SHA256))
    }

    /// The same certificate every time, for a platform that outlives the test: a body's first authority is pinned.
    pub fn lasting(name: &str, ice: &str) -> Self {
        let seed = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, format!("{name} {ice}").as_bytes());
        // PKCS #8 of an Ed25519 key (RFC 8410), whose signatures are the same every time.
        let mut der = vec![
            0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
        ];
        der.extend_from_slice(seed.as_ref());
        let der = rustls_pki_types::PrivatePkcs8KeyDer::from(der);
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ED25519).expect("a key");
        Self::with_key(name, ice, key)
    }

    fn with_key(name: &str, ice: &str, key: KeyPair) -> Self {
        let key_pem = key.serialize_pem();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("{name}: reviewers"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self {
            name: name.to_owned(),
            ice: ice.to_owned(),
            issuer: CertifiedIssuer::self_signed(params, key).expect("an authority"),
            key_pem,
        }
    }

    /// The authority's certificate, PEM.
    pub fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    /// The authority as a signer: its own certificate and key.
    pub fn itself(&self) -> Member {
        Member {
            chain_pem: self.issuer.pem(),
            key_pem: self.key_pem.clone(),
        }
    }

    /// A person of the body's own staff, with a P-256 key.
    pub fn person(&self, person: &str) -> Member {
        self.employed(person, &self.name, &self.ice)
    }

    /// A person whom another organisation employs.
    pub fn employed(&self, person: &str, employer: &str, ice: &str) -> Member {
        let key = new_key(&PKCS_ECDSA_P256_SHA256);
        self.certified(person, employer, ice, key, Duration::from_secs(3600))
    }

    /// With this key, valid from two hours ago until `ends` from now.
    pub fn certified(&self, person: &str, employer: &str, ice: &str, key: KeyPair, ends: Duration) -> Member {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("Reviewer {person}"));
        params.distinguished_name.push(DnType::OrganizationName, employer);
        // X.520 organizationIdentifier (ETSI EN 319 412-1) and serialNumber.
        params
            .distinguished_name
            .push(DnType::CustomDnType(vec![2, 5, 4, 97]), format!("NTRMA-{ice}"));
        if !person.is_empty() {
            params
                .distinguished_name
                .push(DnType::CustomDnType(vec![2, 5, 4, 5]), person);
        }
        let now = std::time::SystemTime::now();
        params.not_before = (now - Duration::from_secs(7200)).into();
        params.not_after = (now + ends).into();
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Member {
            chain_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }
}
