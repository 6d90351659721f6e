//! In production: has the vendor's own key signed this installation? Pure: the time is an argument.
//!
//! A key for which a statement was accepted is renewed without another one; another key needs another statement, and one that is
//! older than the one accepted is not taken: a key that was given up does not come back with the paper it came with, nor when the
//! credential is deleted and created again.

use dmp_api::solution_credential::AcceptedInstallation;
use dmp_api::{Mode, SolutionCredential};
use dmp_homologation::dossier::arrived;
use dmp_homologation::installation::{Asked, verify};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::validate::{Refusal, Valid};

/// How long before the credential a statement may have been signed.
const BEFORE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The statement that stands behind a certificate of this key; none in the sandbox.
///
/// # Errors
/// Why none does.
pub fn accept(
    credential: &SolutionCredential,
    valid: &Valid,
    now: Timestamp,
) -> Result<Option<AcceptedInstallation>, Refusal> {
    if credential.spec.mode == Mode::Sandbox {
        return Ok(None);
    }
    let before = credential
        .status
        .as_ref()
        .and_then(|status| status.installation.as_ref());
    if let Some(before) = before
        && before.key_sha256 == valid.key_sha256
    {
        return Ok(Some(before.clone()));
    }
    let key = valid
        .installation_key
        .as_ref()
        .ok_or_else(|| Refusal::InstallationKeyMissing(credential.spec.version.clone()))?;
    let text = credential
        .spec
        .installation
        .as_ref()
        .ok_or(Refusal::InstallationMissing)?;
    let namespace = credential.namespace().unwrap_or_default();
    let establishment = credential.spec.establishment.as_ref();
    let asked = Asked {
        credential: &format!("{namespace}/{}", credential.name_any()),
        solution: &format!("{namespace}/{}", credential.spec.solution),
        version: &credential.spec.version,
        establishment: establishment.map(|establishment| establishment.inpe.as_str()),
        key_sha256: &valid.key_sha256,
    };
    let statement = verify(text, key, &asked, now)?;
    // One of this name that is gone may have had it, and given up its key.
    if statement.signed_at < arrived(&credential.metadata) - BEFORE {
        return Err(Refusal::InstallationOutdated);
    }
    let last = before.and_then(|before| before.signed_at.parse::<Timestamp>().ok());
    if last.is_some_and(|last| statement.signed_at <= last) {
        return Err(Refusal::InstallationSuperseded);
    }
    Ok(Some(AcceptedInstallation {
        key_sha256: valid.key_sha256.clone(),
        signed_at: statement.signed_at.to_string(),
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_homologation::installation::Installation;
    use dmp_homologation::sign::Signatory;
    use rcgen::KeyPair;
    use serde_json::json;

    use super::super::validate::Entitled;
    use super::*;
    use crate::status::Refusal as _;

    const KEY: &str = "aa";

    struct Case {
        vendor: KeyPair,
        credential: SolutionCredential,
        valid: Valid,
        now: Timestamp,
    }

    impl Case {
        fn new() -> Self {
            let vendor = KeyPair::generate().unwrap();
            let credential = json!({
                "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionCredential",
                "metadata": { "namespace": "vendor-a", "name": "chu" },
                "spec": {
                    "solution": "his", "version": "4.2", "mode": "production", "csr": "c",
                    "establishment": { "inpe": "123456789" }, "healthGroup": "reel",
                },
            });
            Self {
                credential: serde_json::from_value(credential).unwrap(),
                valid: Valid {
                    domain: "dmp.test".to_owned(),
                    namespace: "vendor-a".to_owned(),
                    name: "chu".to_owned(),
                    life: SignedDuration::from_hours(24),
                    entitled: Entitled::default(),
                    key_sha256: KEY.to_owned(),
                    installation_key: Some(vendor.public_key_pem()),
                },
                vendor,
                now: Timestamp::now(),
            }
        }

        fn state(&mut self, key: &str, minutes_ago: i64) {
            let statement = Installation {
                credential: "vendor-a/chu".to_owned(),
                solution: "vendor-a/his".to_owned(),
                version: "4.2".to_owned(),
                establishment: Some("123456789".to_owned()),
                key_sha256: key.to_owned(),
                jti: "1".to_owned(),
                signed_at: self.now - SignedDuration::from_mins(minutes_ago),
            };
            let signatory = Signatory::of_key(&self.vendor.serialize_pem()).unwrap();
            self.credential.spec.installation = Some(signatory.sign(&statement).unwrap());
        }

        fn accept(&self) -> Result<Option<AcceptedInstallation>, &'static str> {
            accept(&self.credential, &self.valid, self.now).map_err(|refusal| refusal.reason())
        }

        /// As the operator's status would then say.
        fn accepted(&mut self) {
            let installation = self.accept().unwrap();
            self.credential.status.get_or_insert_default().installation = installation;
        }
    }

    #[test]
    fn production_needs_the_vendors_signature_over_this_key_and_the_sandbox_none() {
        let mut case = Case::new();
        assert_eq!(case.accept(), Err("InstallationMissing"));
        case.state(KEY, 5);
        assert_eq!(case.accept().unwrap().unwrap().key_sha256, KEY);
        case.valid.installation_key = None;
        assert_eq!(case.accept(), Err("InstallationKeyMissing"));
        case.valid.installation_key = Some(KeyPair::generate().unwrap().public_key_pem());
        assert_eq!(case.accept(), Err("InstallationInvalid"), "another vendor's key");
        case.credential.spec.mode = Mode::Sandbox;
        case.credential.spec.installation = None;
        assert_eq!(case.accept(), Ok(None));
    }

    #[test]
    fn a_statement_taken_to_another_installation_opens_nothing() {
        type Change = fn(&mut Case);
        let cases: [(&str, Change); 6] = [
            ("InstallationOtherCredential", |case| {
                case.credential.metadata.name = Some("clinique".to_owned())
            }),
            ("InstallationOtherCredential", |case| {
                case.credential.metadata.namespace = Some("vendor-b".to_owned())
            }),
            ("InstallationOtherVersion", |case| {
                case.credential.spec.version = "4.3".to_owned()
            }),
            ("InstallationOtherVersion", |case| {
                case.credential.spec.solution = "lis".to_owned()
            }),
            ("InstallationOtherEstablishment", |case| {
                case.credential.spec.establishment = None
            }),
            ("InstallationOtherKey", |case| {
                case.valid.key_sha256 = "bb".to_owned()
            }),
        ];
        for (reason, change) in cases {
            let mut case = Case::new();
            case.state(KEY, 5);
            change(&mut case);
            assert_eq!(case.accept(), Err(reason));
        }
    }

    #[test]
    fn one_key_needs_one_statement_and_another_key_a_newer_one() {
        let mut case = Case::new();
        case.state(KEY, 5);
        case.accepted();
        // The paper is gone, the vendor has another key since: this installation's key is still its own.
        case.credential.spec.installation = None;
        case.valid.installation_key = None;
        assert!(case.accept().is_ok());
        case.valid.installation_key = Some(case.vendor.public_key_pem());
        case.valid.key_sha256 = "bb".to_owned();
        assert_eq!(case.accept(), Err("InstallationMissing"));
        case.state("bb", 2);
        case.accepted();
        // Back to the first key with the paper it came with.
        case.valid.key_sha256 = KEY.to_owned();
        case.state(KEY, 5);
        assert_eq!(case.accept(), Err("InstallationSuperseded"));
        case.state(KEY, 1);
        assert!(case.accept().is_ok());
    }

    #[test]
    fn a_credential_that_is_created_again_takes_no_paper_of_the_one_before() {
        let mut case = Case::new();
        let created = |case: &mut Case, hours_ago: i64| {
            let at = case.now - SignedDuration::from_hours(hours_ago);
            case.credential.metadata.creation_timestamp =
                Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at));
        };
        created(&mut case, 0);
        case.state(KEY, 7 * 24 * 60 + 1);
        assert_eq!(case.accept(), Err("InstallationOutdated"));
        case.state(KEY, 7 * 24 * 60 - 1);
        assert!(case.accept().is_ok(), "it took some days to get there");
        // Waiting for the homologation makes no statement older.
        created(&mut case, 200 * 24);
        case.state(KEY, 201 * 24 * 60);
        assert!(case.accept().is_ok());
        case.accepted();
        // The same key is renewed without it.
        case.credential.spec.installation = None;
        created(&mut case, 0);
        assert!(case.accept().is_ok());
    }

    #[test]
    fn every_reason_leaves_the_present_certificate_in_force() {
        use super::super::is_about_the_next_one;
        for refusal in [
            Refusal::InstallationMissing,
            Refusal::InstallationSuperseded,
            Refusal::InstallationOutdated,
            Refusal::InstallationKeyMissing(String::new()),
            Refusal::Installation(dmp_homologation::installation::Invalid::Future),
        ] {
            assert!(is_about_the_next_one(refusal.reason()), "{refusal}");
        }
        assert!(!is_about_the_next_one(
            Refusal::NotHomologated(String::new()).reason()
        ));
    }
}
