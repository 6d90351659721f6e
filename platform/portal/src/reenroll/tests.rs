//! Which requests software may make for itself, and what the operator's word about them is.

#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dmp_homologation::sign::Signatory;
use dmp_testkit::{Pki, Validity};
use jiff::Timestamp;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use serde_json::Value;

use super::*;

const URI: &str = "spiffe://dmp.test/credential/vendor-a/chu";

/// A credential that has its certificate.
struct World {
    key: KeyPair,
    credential: Value,
}

fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// PKCS #10: its bytes and its PEM.
fn csr(params: &CertificateParams, key: &KeyPair) -> (Vec<u8>, String) {
    let made = params.serialize_request(key).unwrap();
    (made.der().to_vec(), made.pem().unwrap())
}

impl World {
    fn new(mode: &str) -> Self {
        let pki = Pki::new("dmp.test");
        let validity = Validity::For(Duration::from_secs(600));
        let issued = pki.solution_certificate("vendor-a", "chu", validity);
        let key = KeyPair::from_pem(&issued.key_pem).unwrap();
        let spec = json!({
            "solution": "his", "version": "4.2", "mode": mode, "csr": csr(&params(), &key).1,
        });
        Self {
            key,
            credential: json!({
                "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionCredential",
                "metadata": { "namespace": "vendor-a", "name": "chu", "generation": 1 },
                "spec": spec,
                "status": { "observedGeneration": 1, "certificate": issued.chain_pem },
            }),
        }
    }

    fn typed(&self) -> SolutionCredential {
        serde_json::from_value(self.credential.clone()).unwrap()
    }

    fn asked(&self, der: &[u8]) -> Result<Wanted, Refusal> {
        wanted(&self.typed(), &request(&STANDARD.encode(der)))
    }
}

fn request(csr: &str) -> ReenrollRequest {
    ReenrollRequest {
        credential: "vendor-a/chu".to_owned(),
        certificate_sha256: "ab".to_owned(),
        csr: csr.to_owned(),
    }
}

#[test]
fn a_request_for_what_the_certificate_is_goes_to_the_operator_as_one_text() {
    for mode in ["sandbox", "production"] {
        let world = World::new(mode);
        let (der, pem) = csr(&params(), &world.key);
        let Wanted::New(text) = world.asked(&der).unwrap() else {
            panic!("a new request");
        };
        assert_eq!(text.replace('\n', ""), pem.replace(['\r', '\n'], ""));
        assert!(text.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"));
        let mut named = params();
        named.subject_alt_names = vec![uri(URI)];
        assert!(matches!(
            world.asked(&csr(&named, &world.key).0),
            Ok(Wanted::New(_))
        ));
    }
}

#[test]
fn the_request_that_is_there_already_is_the_same_whatever_its_lines() {
    let mut world = World::new("sandbox");
    let (der, pem) = csr(&params(), &world.key);
    world.credential["spec"]["csr"] = json!(pem.replace('\n', "\r\n"));
    assert_eq!(world.asked(&der), Ok(Wanted::Same));
}

#[test]
fn other_names_are_refused() {
    let world = World::new("sandbox");
    let mut subject = params();
    subject
        .distinguished_name
        .push(DnType::CommonName, "another hospital");
    let mut other = params();
    other.subject_alt_names = vec![uri("spiffe://dmp.test/credential/vendor-a/clinique")];
    let mut more = params();
    more.subject_alt_names = vec![uri(URI), SanType::DnsName("gateway.dmp.test".try_into().unwrap())];
    for asked in [subject, other, more] {
        assert_eq!(world.asked(&csr(&asked, &world.key).0), Err(Refusal::OtherNames));
    }
}

#[test]
fn another_key_comes_with_its_statement_in_production_and_freely_in_the_sandbox() {
    let other = KeyPair::generate().unwrap();
    let (der, pem) = csr(&params(), &other);
    assert!(matches!(World::new("sandbox").asked(&der), Ok(Wanted::New(_))));
    let mut world = World::new("production");
    assert_eq!(world.asked(&der), Err(Refusal::OtherKey));
    assert!(Refusal::OtherKey.to_string().contains("guichet"));
    let state = |key_sha256: String| {
        let statement = Installation {
            credential: "vendor-a/chu".to_owned(),
            solution: "vendor-a/his".to_owned(),
            version: "4.2".to_owned(),
            establishment: None,
            key_sha256,
            jti: "1".to_owned(),
            signed_at: Timestamp::now(),
        };
        let vendor = KeyPair::generate().unwrap();
        Signatory::of_key(&vendor.serialize_pem())
            .unwrap()
            .sign(&statement)
            .unwrap()
    };
    world.credential["spec"]["installation"] = json!(state("ff".repeat(32)));
    assert_eq!(world.asked(&der), Err(Refusal::OtherKey));
    let key = dmp_homologation::installation::key_of_request(&pem).unwrap();
    world.credential["spec"]["installation"] = json!(state(key));
    assert!(
        matches!(world.asked(&der), Ok(Wanted::New(_))),
        "the operator verifies it"
    );
}

#[test]
fn what_is_no_request_is_refused() {
    let world = World::new("sandbox");
    let (der, _) = csr(&params(), &world.key);
    for wrong in [&b""[..], b"x", &der[..40], &[der.as_slice(), b"x"].concat()] {
        assert_eq!(world.asked(wrong), Err(Refusal::NotUnderstood));
    }
    assert_eq!(wanted(&world.typed(), &request("%")), Err(Refusal::NotUnderstood));
    let mut bare = World::new("sandbox");
    bare.credential["status"]["certificate"] = Value::Null;
    assert_eq!(bare.asked(&der), Err(Refusal::NotThere));
}

#[test]
fn the_operators_word_counts_once_it_is_about_this_request() {
    let world = World::new("sandbox");
    let put = world.typed();
    let own = digest(put.spec.csr.as_bytes());
    let word = |generation: i64, csr_sha256: &str, stalled: &str, csr: Option<&str>| {
        let mut now = world.credential.clone();
        now["status"]["observedGeneration"] = json!(generation);
        now["status"]["csrSha256"] = json!(csr_sha256);
        now["status"]["conditions"] = json!([{
            "type": "Stalled", "status": stalled, "reason": "NotHomologated", "message": "why",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]);
        if let Some(csr) = csr {
            now["spec"]["csr"] = json!(csr);
        }
        judged(&serde_json::from_value(now).unwrap(), &put)
    };
    assert!(matches!(
        word(1, &own, "False", None),
        Some(ReenrollAnswer::Issued { chain }) if chain.contains("BEGIN CERTIFICATE")
    ));
    assert_eq!(word(0, &own, "False", None), None, "not looked at");
    assert_eq!(word(0, &own, "True", None), None, "a word about the one before");
    assert_eq!(
        word(1, "the one before", "False", None),
        None,
        "OpenBao does not answer"
    );
    let refused = Some(ReenrollAnswer::Refused {
        reason: "NotHomologated".to_owned(),
        detail: "why".to_owned(),
    });
    assert_eq!(word(1, &own, "True", None), refused);
    assert_eq!(
        word(1, &own, "False", Some("another")),
        Some(Refusal::Replaced.into())
    );
}
