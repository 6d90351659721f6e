//! A PKI with the shape of the platform's: a root, an intermediate for services and one for solutions.

use std::path::Path;
use std::time::Duration;

use dmp_core::peer::SpiffeId;
use dmp_core::tls::{Identity, roots};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate with its issuer and its key.
pub struct Certificate {
    /// Leaf, then the intermediate.
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
    /// PEM of `chain`.
    pub chain_pem: String,
    pub key_pem: String,
}

/// When a certificate is valid, relative to the moment of its making.
#[derive(Clone, Copy, Debug)]
pub enum Validity {
    /// From a minute ago for this long (whole seconds).
    For(Duration),
    /// Ended a minute ago.
    Expired,
    /// Begins in ten minutes, for an hour: of a signer whose clock is ahead.
    Early,
}

pub struct Pki {
    domain: String,
    root: CertifiedIssuer<'static, KeyPair>,
    services: CertifiedIssuer<'static, KeyPair>,
    solutions: CertifiedIssuer<'static, KeyPair>,
}

const HOUR: Validity = Validity::For(Duration::from_secs(3600));

impl Pki {
    pub fn new(domain: &str) -> Self {
        dmp_core::install_crypto_provider();
        let root = CertifiedIssuer::self_signed(ca("DMP test root"), new_key()).expect("a root");
        let signed = |name| CertifiedIssuer::signed_by(ca(name), new_key(), &root).expect("an intermediate");
        let (services, solutions) = (signed("DMP test services"), signed("DMP test solutions"));
        Self {
            domain: domain.to_owned(),
            root,
            services,
            solutions,
        }
    }

    /// A service's identity for one hour. Its names include `localhost` and `127.0.0.1`.
    pub fn service(&self, namespace: &str, account: &str) -> Identity {
        self.identity(&self.service_certificate(namespace, account, HOUR))
    }

    /// A solution's certificate for one hour.
    pub fn solution(&self, vendor_namespace: &str, credential: &str) -> Identity {
        self.identity(&self.solution_certificate(vendor_namespace, credential, HOUR))
    }

    pub fn service_certificate(&self, namespace: &str, account: &str, validity: Validity) -> Certificate {
        let id = SpiffeId::service(&self.domain, namespace, account);
        let names = [
            format!("{account}.{namespace}.svc"),
            format!("{account}.{namespace}.svc.cluster.local"),
            format!("{account}.{namespace}"),
            "localhost".to_owned(),
        ];
        let mut params = CertificateParams::new(names).expect("DNS names");
        params
            .subject_alt_names
            .push(SanType::IpAddress([127, 0, 0, 1].into()));
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        issue(params, &id, validity, &self.services)
    }

    pub fn solution_certificate(
        &self,
        vendor_namespace: &str,
        credential: &str,
        validity: Validity,
    ) -> Certificate {
        let id = SpiffeId::credential(&self.domain, vendor_namespace, credential);
        self.solution_certificate_of(&id, validity)
    }

    /// A certificate of the solutions' CA with any name, also one that the operator never gives.
    pub fn solution_certificate_of(&self, id: &SpiffeId, validity: Validity) -> Certificate {
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        issue(params, id, validity, &self.solutions)
    }

    /// The identity of a certificate of this or another PKI, trusting this one's root.
    pub fn identity(&self, certificate: &Certificate) -> Identity {
        Identity::new(
            certificate.chain.clone(),
            certificate.key.clone_key(),
            self.root(),
        )
        .expect("an identity")
    }

    /// Certificates and private key in one text, as software's own file has them.
    pub fn pem(certificate: &Certificate) -> String {
        format!("{}\n{}", certificate.chain_pem, certificate.key_pem)
    }

    /// What every part trusts when it calls a service.
    pub fn root(&self) -> RootCertStore {
        roots([self.root.der().clone()]).expect("a root")
    }

    /// What the public listener trusts.
    pub fn solutions_ca(&self) -> RootCertStore {
        roots([self.solutions.der().clone()]).expect("a root")
    }

    /// What the service listener trusts.
    pub fn services_ca(&self) -> RootCertStore {
        roots([self.services.der().clone()]).expect("a root")
    }

    pub fn root_pem(&self) -> String {
        self.root.pem()
    }

    pub fn solutions_ca_pem(&self) -> String {
        self.solutions.pem()
    }

    /// Writes `tls.crt`, `tls.key` and `ca.crt` (for `TlsConfig::Files`).
    pub fn write_files(&self, certificate: &Certificate, folder: &Path) {
        for (name, text) in [
            ("tls.crt", &certificate.chain_pem),
            ("tls.key", &certificate.key_pem),
            ("ca.crt", &self.root_pem()),
        ] {
            std::fs::write(folder.join(name), text).expect("a file of the certificate");
        }
    }
}

fn issue(
    mut params: CertificateParams,
    id: &SpiffeId,
    validity: Validity,
    issuer: &CertifiedIssuer<'_, KeyPair>,
) -> Certificate {
    params.distinguished_name = DistinguishedName::new();
    let uri = id.as_str().try_into().expect("an ASCII URI");
    params.subject_alt_names.push(SanType::URI(uri));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let minute = Duration::from_secs(60);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    let (from, to) = match validity {
        Validity::For(duration) => (now - minute, now + duration),
        Validity::Expired => (now - 60 * minute, now - minute),
        Validity::Early => (now + 10 * minute, now + 70 * minute),
    };
    (params.not_before, params.not_after) = (epoch + from, epoch + to);
    let key = new_key();
    let leaf = params.signed_by(&key, issuer).expect("a certificate");
    Certificate {
        chain_pem: leaf.pem() + &issuer.pem(),
        chain: vec![leaf.der().clone(), issuer.der().clone()],
        key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        key_pem: key.serialize_pem(),
    }
}

fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key")
}
