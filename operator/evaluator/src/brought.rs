//! What people brought for controls (`ControlEvidence`), newest first. What says that it was seen after it was brought is left out
//! for good: it would be the newest for as long as its date is ahead, and nobody can take it away.
//!
//! Who may bring what is the API server's to say (policy `dmp-control-evidence`); whether it is the role that answers for the
//! control, what its hash was made of, and young enough, is `dmp_policies`' to judge. Names of people stay where they are.

use dmp_api::{ControlEvidence, DocumentHash};
use dmp_policies::judge::{AHEAD, Document};
use jiff::Timestamp;
use kube::{Api, Client, Resource as _, ResourceExt as _};
use serde_json::json;

use crate::collect::Observed;
use crate::evidence::sha256;
use crate::world::{Read, list};

/// One `ControlEvidence`.
#[derive(Clone, Debug)]
pub struct Brought {
    pub name: String,
    pub control: String,
    pub role: String,
    /// When what it says was seen.
    pub at: Timestamp,
    /// As it was brought.
    pub inputs: String,
    /// SHA-256 that was stated, hex.
    pub stated: String,
    pub documents: Vec<DocumentHash>,
    /// The platform's image that it is about; empty when it is about no release.
    pub image: String,
    /// When it came into the cluster.
    pub arrived: Timestamp,
}

impl From<ControlEvidence> for Brought {
    fn from(one: ControlEvidence) -> Self {
        Self {
            name: one.name_any(),
            arrived: one
                .meta()
                .creation_timestamp
                .as_ref()
                .map_or(Timestamp::MIN, |at| at.0),
            control: one.spec.control,
            role: one.spec.role,
            // What is no moment was long ago.
            at: one.spec.collected_at.parse().unwrap_or(Timestamp::MIN),
            inputs: one.spec.inputs,
            stated: one.spec.sha256,
            documents: one.spec.documents,
            image: one.spec.image.unwrap_or_default(),
        }
    }
}

impl Brought {
    /// Whether it was seen before it was brought, as far as clocks agree.
    pub fn is_possible(&self) -> bool {
        self.at.duration_since(self.arrived) <= AHEAD
    }

    /// On a platform that runs that image.
    pub fn document(&self, running: &str) -> Document {
        Document {
            role: self.role.clone(),
            at: self.at,
            stated: self.stated.clone(),
            sha256: sha256(&self.inputs),
            other_release: !self.image.is_empty() && self.image != running,
        }
    }

    /// What is kept of it as evidence of the document.
    pub fn observed(&self) -> Observed {
        // A file may be called after a person.
        let document = |one: &DocumentHash| json!({ "sha256": one.sha256, "bytes": one.bytes });
        let documents: Vec<_> = self.documents.iter().map(document).collect();
        Observed::new(
            None,
            json!({
                "controlEvidence": self.name, "role": self.role, "image": self.image, "sha256": self.stated,
                "documents": documents,
            }),
        )
    }
}

/// Newest first; of two of one moment the one whose name comes last.
pub async fn read(client: &Client) -> Read<Vec<Brought>> {
    let api = Api::<ControlEvidence>::all(client.clone());
    let mut all = list(api, "ControlEvidences", Brought::from).await?;
    all.retain(Brought::is_possible);
    all.sort_by(|one, other| (other.at, &other.name).cmp(&(one.at, &one.name)));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use dmp_policies::Catalogue;
    use jiff::SignedDuration;

    use super::*;
    use crate::pass::pass;
    use crate::report::{Reports, reports, verdict};
    use crate::world::{Unread, World};

    fn now() -> Timestamp {
        "2026-12-01T00:00:00Z".parse().unwrap()
    }

    fn brought(control: &str, inputs: &str) -> Brought {
        Brought {
            name: "review-1".to_owned(),
            control: control.to_owned(),
            role: "dmp-security".to_owned(),
            at: now() - SignedDuration::from_hours(48),
            inputs: inputs.to_owned(),
            stated: sha256(inputs),
            documents: Vec::new(),
            image: String::new(),
            arrived: now(),
        }
    }

    fn report(brought: Read<Vec<Brought>>) -> dmp_policies::openreports::Report {
        let catalogue = Catalogue::embedded().unwrap();
        let world = World {
            brought,
            image: Ok("r/dmp:1".to_owned()),
            ..World::unread(now())
        };
        reports(&pass(&catalogue, &world), &Reports::default(), now()).cluster
    }

    /// Verdict and message of a rule.
    fn said(report: &dmp_policies::openreports::Report, control: &str, rule: &str) -> (String, String) {
        let mut results = report.results.iter();
        let found = results.find(|one| one.policy == control && one.rule == rule);
        found.map_or_else(
            || ("".to_owned(), "".to_owned()),
            |one| (verdict(one).to_owned(), one.message.clone()),
        )
    }

    #[test]
    fn a_review_passes_by_its_facts_and_is_as_old_as_what_it_saw() {
        let facts = r#"{"reviews":{"rightsAt":"2026-11-01","backupAccessAt":"2026-11-20"}}"#;
        let report = report(Ok(vec![brought("DMP-IAM-06", facts)]));
        for rule in ["ages", "document"] {
            let mut results = report.results.iter();
            let found = results
                .find(|one| one.policy == "DMP-IAM-06" && one.rule == rule)
                .unwrap();
            assert_eq!(verdict(found), "pass", "{rule}: {}", found.message);
            assert_eq!(
                Timestamp::from(found.timestamp),
                now() - SignedDuration::from_hours(48)
            );
            assert_eq!(found.properties["expiresAt"], "2026-12-30T00:00:00Z");
            assert_eq!(found.properties["evidence"], format!("dmp-iam-06.{rule}"));
        }
        // Nobody brought the other one.
        assert_eq!(said(&report, "DMP-CRY-05", "document").0, "fail");
    }

    #[test]
    fn what_is_bad_is_named() {
        let good = r#"{"reviews":{"rightsAt":"2026-11-01","backupAccessAt":"2026-11-20"}}"#;
        let case = |change: &dyn Fn(&mut Brought)| {
            let mut one = brought("DMP-IAM-06", good);
            change(&mut one);
            let report = report(Ok(vec![one]));
            (
                said(&report, "DMP-IAM-06", "document"),
                said(&report, "DMP-IAM-06", "ages"),
            )
        };
        let (document, _) = case(&|one| one.role = "dmp-host".to_owned());
        assert_eq!(document.0, "fail", "{}", document.1);
        let (document, _) = case(&|one| one.inputs.push(' '));
        assert_eq!(document.0, "fail", "{}", document.1);
        let (document, _) = case(&|one| one.image = "r/dmp:0".to_owned());
        assert_eq!(document.0, "stale", "{}", document.1);
        let (document, ages) = case(&|one| one.at = now() - SignedDuration::from_hours(24 * 32));
        assert_eq!((document.0.as_str(), ages.0.as_str()), ("stale", "stale"));
        let (document, ages) = case(&|one| one.at = now() + SignedDuration::from_hours(1));
        assert_eq!((document.0.as_str(), ages.0.as_str()), ("error", "error"));
        // No facts, or no JSON: the check is not answered.
        for text in ["{}", "no JSON", "[]", "{\"reviews\":"] {
            let (document, ages) = case(&|one| {
                one.inputs = text.to_owned();
                one.stated = sha256(text);
            });
            assert_eq!(
                (document.0.as_str(), ages.0.as_str()),
                ("pass", "error"),
                "{text}"
            );
        }
        // Facts of the wrong shape.
        let (_, ages) = case(&|one| {
            one.inputs = r#"{"reviews":7}"#.to_owned();
            one.stated = sha256(&one.inputs);
        });
        assert_eq!(ages.0, "error");
        let unread = Unread {
            kind: "ControlEvidences",
            why: "forbidden".to_owned(),
        };
        let report = report(Err(unread));
        for (control, rule) in [
            ("DMP-IAM-06", "document"),
            ("DMP-IAM-06", "ages"),
            ("DMP-CRY-05", "document"),
        ] {
            let (verdict, message) = said(&report, control, rule);
            assert_eq!(
                (verdict.as_str(), message.as_str()),
                ("error", "ControlEvidences could not be read (forbidden)")
            );
        }
    }

    #[test]
    fn each_check_takes_the_newest_that_answers_it() {
        let catalogue = Catalogue::embedded().unwrap();
        let control = catalogue.control("DMP-CRY-01").unwrap();
        let search = control
            .checks
            .iter()
            .find(|check| check.name == "search")
            .unwrap();
        let mut cases = control.tests.iter();
        let case = cases
            .find(|case| case.check == search.name && case.verdict == dmp_policies::control::Expected::Pass)
            .unwrap();
        let searched = serde_json::Value::Object(case.inputs.clone()).to_string();
        let all: Vec<_> = control
            .proofs()
            .map(|test| json!({ "test": test, "passed": true }))
            .collect();
        let (mut newer, mut older, mut oldest) = (
            brought("DMP-CRY-01", &json!({ "results": all }).to_string()),
            brought("DMP-CRY-01", &searched),
            brought("DMP-CRY-01", r#"{"results":[]}"#),
        );
        newer.name = "tests".to_owned();
        older.at -= SignedDuration::from_hours(1);
        oldest.at -= SignedDuration::from_hours(24 * 900);
        // What a newer one says in its place has no word any more, however bad and old.
        oldest.role = "dmp-host".to_owned();
        let report = report(Ok(vec![newer, older, oldest]));
        for rule in ["proofs", "search", "document"] {
            assert_eq!(said(&report, "DMP-CRY-01", rule).0, "pass", "{rule}");
        }
    }

    #[test]
    fn results_of_tests_are_of_the_release_that_runs() {
        let catalogue = Catalogue::embedded().unwrap();
        let control = catalogue.control("DMP-CRY-01").unwrap();
        let results = |passed: bool| {
            let all: Vec<_> = control
                .proofs()
                .enumerate()
                .map(|(at, test)| json!({ "test": test, "passed": passed || at > 0 }))
                .collect();
            json!({ "results": all }).to_string()
        };
        let of = |inputs: &str, image: &str| {
            let mut one = brought("DMP-CRY-01", inputs);
            one.image = image.to_owned();
            report(Ok(vec![one]))
        };
        let good = of(&results(true), "r/dmp:1");
        assert_eq!(said(&good, "DMP-CRY-01", "proofs").0, "pass");
        assert_eq!(said(&good, "DMP-CRY-01", "document").0, "pass");
        assert_eq!(
            said(&of(&results(false), "r/dmp:1"), "DMP-CRY-01", "proofs").0,
            "fail"
        );
        let other = of(&results(true), "r/dmp:2");
        assert_eq!(said(&other, "DMP-CRY-01", "document").0, "stale");
    }
}
