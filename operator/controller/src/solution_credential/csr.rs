//! The request: PKCS #10, a usable key, and nothing asked that a credential does not have. Pure.
//!
//! Names and uses of the certificate are the operator's, whatever the request says; a request that asks for others is refused
//! all the same, so that nobody believes to have them. Its own signature is checked by OpenBao when it signs.

use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

/// The weakest RSA key that is signed, in bits.
const MIN_RSA_BITS: usize = 2048;
/// P-256, P-384, P-521 (RFC 5480).
const CURVES: [&str; 3] = ["1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"];
/// RFC 8410.
const ED25519: &str = "1.3.101.112";
/// Of an establishment's national number.
const INPE_DIGITS: usize = 9;

/// SHA-256 of its key (SubjectPublicKeyInfo, DER), hex. `own`: the credential's URI, the one name it may ask for; `inpe`: its
/// establishment, the one whose number its subject may name.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(pem: &str, own: &str, inpe: Option<&str>) -> Result<String, &'static str> {
    let der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| "it is not a PEM block `CERTIFICATE REQUEST`")?;
    let (rest, request) = X509CertificationRequest::from_der(&der).map_err(|_| "it is not PKCS #10")?;
    if !rest.is_empty() {
        return Err("something follows the request");
    }
    key(&request.certification_request_info.subject_pki)?;
    if names_another(&request.certification_request_info.subject, inpe) {
        return Err("its subject names another establishment (INPE): leave the subject out");
    }
    for extension in request.requested_extensions().into_iter().flatten() {
        match extension {
            ParsedExtension::BasicConstraints(constraints) if constraints.ca => {
                return Err("it asks for an authority (CA): a credential signs no certificates");
            }
            ParsedExtension::KeyUsage(usage) if usage.key_cert_sign() || usage.crl_sign() => {
                return Err("it asks for the use of an authority (keyCertSign, cRLSign)");
            }
            ParsedExtension::SubjectAlternativeName(names)
                if !names
                    .general_names
                    .iter()
                    .all(|name| *name == GeneralName::URI(own)) =>
            {
                return Err(
                    "it asks for names (SAN): leave them out, the operator gives the credential its own",
                );
            }
            _ => {}
        }
    }
    Ok(dmp_homologation::canonical::digest(
        request.certification_request_info.subject_pki.raw,
    ))
}

/// Whether a subject has a number of nine digits that is not this one.
fn names_another(subject: &X509Name<'_>, inpe: Option<&str>) -> bool {
    subject.iter_attributes().any(|attribute| {
        let text = attribute.as_str().unwrap_or_default();
        let mut numbers = text.split(|letter: char| !letter.is_ascii_digit());
        numbers.any(|number| number.len() == INPE_DIGITS && Some(number) != inpe)
    })
}

fn key(key: &SubjectPublicKeyInfo<'_>) -> Result<(), &'static str> {
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) if rsa.key_size() >= MIN_RSA_BITS => Ok(()),
        Ok(PublicKey::RSA(_)) => Err("an RSA key has at least 2048 bits"),
        Ok(PublicKey::EC(_)) => {
            let curve = key
                .algorithm
                .parameters
                .as_ref()
                .and_then(|named| named.as_oid().ok());
            let known = curve.is_some_and(|curve| CURVES.contains(&curve.to_id_string().as_str()));
            known.then_some(()).ok_or("an EC key is on P-256, P-384 or P-521")
        }
        // Ed25519 has no structure of its own.
        Ok(PublicKey::Unknown(_)) if key.algorithm.algorithm.to_id_string() == ED25519 => Ok(()),
        _ => Err("its key is neither RSA, EC nor Ed25519"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rcgen::{
        BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
        PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SanType, SignatureAlgorithm,
    };

    const OWN: &str = "spiffe://dmp.test/credential/vendor-atlas/chu-tanger";
    const INPE: &str = "123456789";

    fn check(pem: &str, own: &str) -> Result<String, &'static str> {
        super::check(pem, own, Some(INPE))
    }

    fn request(
        algorithm: &'static SignatureAlgorithm,
        change: impl FnOnce(&mut CertificateParams),
    ) -> String {
        let mut params = CertificateParams::default();
        change(&mut params);
        let key = KeyPair::generate_for(algorithm).unwrap();
        params.serialize_request(&key).unwrap().pem().unwrap()
    }

    fn uri(text: &str) -> SanType {
        SanType::URI(text.try_into().unwrap())
    }

    #[test]
    fn a_key_and_at_most_its_own_name() {
        for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
            let request = request(algorithm, |_| {});
            let key = dmp_homologation::installation::key_of_request(&request);
            assert_eq!(check(&request, OWN), key, "one hash for one key");
            assert!(key.is_ok_and(|key| key.len() == 64));
        }
        let named = request(&PKCS_ED25519, |params| params.subject_alt_names = vec![uri(OWN)]);
        assert!(check(&named, OWN).is_ok());
    }

    #[test]
    fn a_request_for_more_than_a_credential_is_refused() {
        type Change = fn(&mut CertificateParams);
        let cases: [(&str, Change, &str); 5] = [
            (
                "an authority",
                |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
                "authority (CA)",
            ),
            (
                "another establishment's credential",
                |params| {
                    params.subject_alt_names = vec![uri("spiffe://dmp.test/credential/vendor-atlas/chu-fes")]
                },
                "names (SAN)",
            ),
            (
                "its own name and a host",
                |params| {
                    let host = SanType::DnsName("gateway.dmp.test".try_into().unwrap());
                    params.subject_alt_names = vec![uri(OWN), host];
                },
                "names (SAN)",
            ),
            (
                "a thousand names",
                |params| {
                    let names = (0..1000).map(|number| uri(&format!("urn:inpe:{number:09}")));
                    params.subject_alt_names = names.collect();
                },
                "names (SAN)",
            ),
            (
                "the use of an authority",
                |params| params.key_usages = vec![KeyUsagePurpose::KeyCertSign],
                "keyCertSign",
            ),
        ];
        for (what, change, says) in cases {
            let refused = check(&request(&PKCS_ECDSA_P256_SHA256, change), OWN).unwrap_err();
            assert!(refused.contains(says), "{what}: {refused}");
        }
    }

    #[test]
    fn a_subject_names_no_other_establishment() {
        let named = |kind: DnType, text: &str| {
            request(&PKCS_ED25519, |params| params.distinguished_name.push(kind, text))
        };
        let other = "another establishment (INPE)";
        for text in ["987654321", "INPE-987654321", "CHU 123456789 / 987654321"] {
            for kind in [DnType::CommonName, DnType::OrganizationalUnitName] {
                let refused = check(&named(kind, text), OWN).unwrap_err();
                assert!(refused.contains(other), "{text}: {refused}");
            }
        }
        let own = named(
            DnType::CommonName,
            "CHU de Tanger, 123456789, +212 539 000 000, 1234567890",
        );
        assert!(check(&own, OWN).is_ok());
        // Software without an establishment names none.
        assert!(super::check(&own, OWN, None).unwrap_err().contains(other));
    }

    #[test]
    fn weak_and_exotic_keys_are_refused() {
        // `openssl req -new`, keys of 1024 bits and on secp256k1.
        for (pem, says) in [
            (include_str!("testdata/rsa-1024.csr"), "2048 bits"),
            (include_str!("testdata/secp256k1.csr"), "P-256"),
        ] {
            let refused = check(pem, OWN).unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let request = request(&PKCS_ED25519, |_| {});
        let twice = format!("{request}{request}");
        assert_eq!(
            check(&twice, OWN),
            check(&request, OWN),
            "the first block is the request"
        );
        for wrong in ["", "-----BEGIN CERTIFICATE REQUEST-----\n!!\n", &request[..80]] {
            assert!(check(wrong, OWN).is_err());
        }
    }
}
