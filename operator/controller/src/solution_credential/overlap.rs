//! How long the certificate before a new one goes on opening the door: an answer that was lost locks nobody out. Pure.
//!
//! One certificate at most, and the one that its holder uses: whoever asked for the new one (the gateway says so with the CSR) is not
//! known to have any other. A key that is replaced ends within a day; one that is kept lives as long as it was promised.

use dmp_api::names::RENEWED_WITH_ANNOTATION;
use dmp_api::solution_credential::PreviousCertificate;
use dmp_api::{SolutionCredential, SolutionCredentialStatus};
use dmp_homologation::canonical::digest;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::build::is_of;
use super::listing::leaf;

/// How long its holder may take to fetch the certificate of another key.
const OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// What stays beside a new certificate for this CSR.
pub fn previous(credential: &SolutionCredential, csr: &str, now: Timestamp) -> Option<PreviousCertificate> {
    let status = credential.status.as_ref()?;
    let asked_with = asked_with(credential, csr);
    let before = status.previous.clone();
    let asking = before.filter(|before| {
        end(before).is_some_and(|until| until > now) && asked_with == Some(before.certificate_sha256.as_str())
    });
    let stays = asking.or_else(|| present(status))?;
    let until = end(&stays)?;
    // The operator's own renewal, near the end: nobody has lost anything by it.
    let until = if is_of(status, csr) {
        until
    } else {
        until.min(now + OVERLAP)
    };
    (until > now).then(|| PreviousCertificate {
        until: until.to_string(),
        ..stays
    })
}

/// The certificate in force, as the one before the next.
fn present(status: &SolutionCredentialStatus) -> Option<PreviousCertificate> {
    Some(PreviousCertificate {
        certificate_sha256: status.certificate_sha256.clone()?,
        until: status.not_after.clone()?,
        certificate: status
            .certificate
            .as_deref()
            .and_then(leaf)
            .map(ToOwned::to_owned),
    })
}

fn end(certificate: &PreviousCertificate) -> Option<Timestamp> {
    certificate.until.parse().ok()
}

/// The certificate that asked for this very CSR.
fn asked_with<'a>(credential: &'a SolutionCredential, csr: &str) -> Option<&'a str> {
    let text = credential.annotations().get(RENEWED_WITH_ANNOTATION)?;
    let (csr_sha256, certificate) = text.split_once(':')?;
    (csr_sha256 == digest(csr.as_bytes())).then_some(certificate)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-11-29T10:00:00Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn in_hours(hours: i64) -> String {
        (now() + SignedDuration::from_hours(hours)).to_string()
    }

    /// The certificate `present` for the CSR `csr-1`, and the one before it.
    fn credential(ends: i64, before: Option<(&str, i64)>, asked: Option<(&str, &str)>) -> SolutionCredential {
        let mut credential = json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionCredential",
            "metadata": { "namespace": "vendor-a", "name": "x" },
            "spec": { "solution": "his", "version": "1", "csr": "c" },
            "status": { "certificateSha256": "present", "notAfter": in_hours(ends), "csrSha256": digest(b"csr-1") },
        });
        if let Some((sha256, until)) = before {
            credential["status"]["previous"] =
                json!({ "certificateSha256": sha256, "until": in_hours(until) });
        }
        if let Some((csr, certificate)) = asked {
            credential["metadata"]["annotations"] =
                json!({ RENEWED_WITH_ANNOTATION: format!("{}:{certificate}", digest(csr.as_bytes())) });
        }
        serde_json::from_value(credential).unwrap()
    }

    fn stays(credential: &SolutionCredential, csr: &str) -> Option<(String, String)> {
        previous(credential, csr, now()).map(|previous| (previous.certificate_sha256, previous.until))
    }

    fn some(sha256: &str, hours: i64) -> Option<(String, String)> {
        Some((sha256.to_owned(), in_hours(hours)))
    }

    #[test]
    fn the_certificate_in_use_stays_for_a_day_and_never_beyond_its_end() {
        assert_eq!(stays(&credential(500, None, None), "csr-2"), some("present", 24));
        assert_eq!(stays(&credential(3, None, None), "csr-2"), some("present", 3));
        assert_eq!(stays(&credential(-1, None, None), "csr-2"), None);
        let mut first = credential(500, None, None);
        first.status = None;
        assert_eq!(stays(&first, "csr-1"), None);
    }

    #[test]
    fn it_is_kept_itself_so_that_it_can_be_revoked() {
        let leaf = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
        let mut present = credential(500, None, None);
        present.status.as_mut().unwrap().certificate = Some(format!("{leaf}\n{leaf}\n"));
        let stays = previous(&present, "csr-2", now()).unwrap();
        assert_eq!(stays.certificate.as_deref(), Some(leaf), "without its issuers");
        // The one that asked, with its own.
        let mut asked = credential(500, Some(("old", 20)), Some(("csr-2", "old")));
        let status = asked.status.as_mut().unwrap();
        status.certificate = present.status.unwrap().certificate;
        status.previous.as_mut().unwrap().certificate = Some("old".to_owned());
        let stays = previous(&asked, "csr-2", now()).unwrap();
        assert_eq!(stays.certificate.as_deref(), Some("old"));
    }

    #[test]
    fn a_renewal_of_the_same_request_takes_nothing_from_its_holder() {
        assert_eq!(stays(&credential(240, None, None), "csr-1"), some("present", 240));
    }

    #[test]
    fn who_asked_twice_because_an_answer_was_lost_is_not_locked_out() {
        // `old` asked for `present`, never got it, and asks again with another key.
        let asked = Some(("csr-2", "old"));
        assert_eq!(
            stays(&credential(500, Some(("old", 20)), asked), "csr-2"),
            some("old", 20),
            "and its time does not grow"
        );
        assert_eq!(
            stays(&credential(500, Some(("old", 200)), asked), "csr-2"),
            some("old", 24),
            "another key ends it within a day"
        );
        // The one that asked is the present one, or is not known, or asked for another CSR, or has ended.
        for (before, asked) in [
            (Some(("old", 20)), Some(("csr-2", "present"))),
            (Some(("old", 20)), Some(("csr-2", "stranger"))),
            (Some(("old", 20)), Some(("csr-1", "old"))),
            (Some(("old", -1)), Some(("csr-2", "old"))),
            (Some(("old", 20)), None),
        ] {
            assert_eq!(
                stays(&credential(500, before, asked), "csr-2"),
                some("present", 24),
                "{before:?} {asked:?}"
            );
        }
    }

    #[test]
    fn an_end_that_is_not_understood_is_past() {
        let mut odd = credential(500, None, None);
        odd.status.as_mut().unwrap().not_after = Some("later".to_owned());
        assert_eq!(stays(&odd, "csr-2"), None);
    }
}
