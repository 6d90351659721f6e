//! One submission with everything that it names, and the bodies that may speak about it.

use std::time::Duration;

use dmp_api::body::{Anchor, Body, Organisation, Role};
use dmp_api::conformance_run::RunMode;
use dmp_api::homologation_review::ReviewVerdict;
use dmp_homologation::sign::Signatory;
use dmp_homologation::statement::{Outcome, ProgrammeApproval, Review, Run, Statement};
use dmp_homologation::{Bodies, Dossier, Standing, canonical};
use dmp_testkit::bodies::{Authority, Member};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub const NAMESPACE: &str = "vendor-atlas";
pub const SOLUTION: &str = "atlas-sih";
pub const HOMOLOGATION: &str = "atlas-sih-4-2-1";
/// The vendor.
pub const ICE: &str = "001234567000011";

pub struct World {
    pub interop: Authority,
    pub security: Authority,
    pub privacy: Authority,
    pub laboratory: Authority,
    pub suite: Authority,
    pub dossier: Dossier,
    pub now: Timestamp,
}

pub fn typed<K: DeserializeOwned>(object: Value) -> K {
    serde_json::from_value(object).unwrap()
}

pub fn body(role: Role, authority: &Authority) -> Body {
    Body {
        role,
        organisation: Organisation {
            name: authority.name.clone(),
            ice: authority.ice.clone(),
        },
        anchors: vec![Anchor {
            certificate: authority.certificate_pem(),
            endorsement: None,
        }],
        readers: Vec::new(),
        withdrawn: Vec::new(),
    }
}

/// One decision or finding.
pub struct Word {
    pub decision: bool,
    pub verdict: ReviewVerdict,
    pub scopes: Option<Vec<String>>,
    pub until: Option<Timestamp>,
}

pub const FINDING: Word = Word {
    decision: false,
    verdict: ReviewVerdict::Favourable,
    scopes: None,
    until: None,
};
pub const DECISION: Word = Word {
    decision: true,
    ..FINDING
};

impl World {
    /// Submitted a minute ago, under a programme that both bodies signed; nothing has been tested.
    pub fn submitted() -> Self {
        Self::submitted_under(json!({}))
    }

    /// As [`World::submitted`], under a programme with these rules too.
    pub fn submitted_under(rules: Value) -> Self {
        let now = Timestamp::now();
        let (interop, security) = (
            Authority::new("Interop", "000000000000001"),
            Authority::new("Securite", "000000000000002"),
        );
        let (privacy, laboratory) = (
            Authority::new("Privacy", "000000000000003"),
            Authority::new("Labo", "000000000000004"),
        );
        let suite = Authority::new("Suite", "000000000000005");
        let bodies = [
            body(Role::Interop, &interop),
            body(Role::Security, &security),
            body(Role::Privacy, &privacy),
            body(Role::Laboratory, &laboratory),
            body(Role::Suite, &suite),
        ];
        let day = |days: i64| {
            let at = now + SignedDuration::from_hours(24 * days);
            at.strftime("%Y-%m-%d").to_string()
        };
        let mut programme = json!({
            "metadata": { "name": "2026", "creationTimestamp": ago(now, 3600) },
            "spec": {
                "validFrom": day(-10), "validUntil": day(10), "maxDays": 365,
                "domains": [{ "domain": "privacy", "days": 3 }],
                "evidence": [{ "kind": "pen-test", "maxAgeDays": 365, "scopes": ["document-feeder"] }],
                "signatures": [],
            },
        });
        let spec = programme["spec"].as_object_mut().unwrap();
        spec.extend(rules.as_object().unwrap().clone());
        let approval = ProgrammeApproval {
            programme: "2026".to_owned(),
            programme_sha256: dmp_homologation::dossier::programme_sha256(&typed(programme["spec"].clone())),
            signed_at: now - SignedDuration::from_secs(3600),
        };
        programme["spec"]["signatures"] = json!([
            signed(&interop.person("i-programme"), &approval),
            signed(&security.person("s-programme"), &approval),
        ]);
        let profile = |name: &str, scope: &str| {
            json!({
                "metadata": { "name": name },
                "spec": { "scope": scope, "version": "1.0", "title": scope, "requirements": [{ "id": "DF-01", "text": "…", "verified": "automatic" }] },
            })
        };
        let dossier = Dossier {
            solutions: vec![typed(json!({
                "metadata": { "name": SOLUTION },
                "spec": { "vendor": "atlas", "product": "Atlas SIH", "kind": "hospital", "organisation": { "name": "Atlas Santé", "ice": ICE } },
            }))],
            versions: vec![typed(json!({
                "metadata": { "name": "v" },
                "spec": { "solution": SOLUTION, "version": "4.2", "package": { "sha256": "a".repeat(64), "sbomSha256": "b".repeat(64) } },
            }))],
            programmes: vec![typed(programme)],
            profiles: vec![
                typed(profile("document-feeder-1-0", "document-feeder")),
                typed(profile("document-reader-1-0", "document-reader")),
            ],
            homologations: vec![typed(json!({
                "metadata": { "name": HOMOLOGATION, "creationTimestamp": ago(now, 60) },
                "spec": {
                    "solution": SOLUTION, "version": "4.2", "programme": "2026", "cycle": 1,
                    "profiles": ["document-feeder-1-0", "document-reader-1-0"], "evidence": ["pen-test"],
                },
            }))],
            evidence: vec![typed(json!({
                "metadata": { "name": "pen-test" },
                "spec": { "kind": "pen-test", "issuer": "Labo Sécurité", "sha256": "c".repeat(64), "issued": day(-5) },
            }))],
            ..Dossier::empty(NAMESPACE.to_owned(), Bodies::new(&bodies))
        };
        Self {
            interop,
            security,
            privacy,
            laboratory,
            suite,
            dossier,
            now,
        }
    }

    /// As [`World::submitted`], tested by the suite and by the laboratory, and favourable in every domain.
    pub fn tested() -> Self {
        Self::tested_under(json!({}))
    }

    pub fn tested_under(rules: Value) -> Self {
        let mut world = Self::submitted_under(rules);
        for profile in ["document-feeder-1-0", "document-reader-1-0"] {
            world.run(profile, RunMode::Rehearsal, true);
            world.run(profile, RunMode::Supervised, true);
        }
        for member in [
            world.interop.person("i1"),
            world.security.person("s1"),
            world.privacy.person("p1"),
        ] {
            world.say(&member, &FINDING);
        }
        world
    }

    /// As [`World::tested`], granted by both bodies.
    pub fn granted() -> Self {
        Self::granted_under(json!({}))
    }

    pub fn granted_under(rules: Value) -> Self {
        let mut world = Self::tested_under(rules);
        world.say(&world.interop.person("i2"), &DECISION);
        world.say(&world.security.person("s2"), &DECISION);
        world
    }

    pub fn standing(&self) -> Standing {
        self.standing_in(0)
    }

    /// In so many days.
    pub fn standing_in(&self, days: i64) -> Standing {
        self.standing_of(0, days)
    }

    /// Of another submission, in so many days.
    pub fn standing_of(&self, submission: usize, days: i64) -> Standing {
        self.dossier.standing(
            &self.dossier.homologations[submission],
            self.now + SignedDuration::from_hours(24 * days),
        )
    }

    /// Another programme, as the first with these changes, signed by both bodies.
    pub fn programme(&mut self, name: &str, changes: &Value) {
        let mut programme = serde_json::to_value(&self.dossier.programmes[0]).unwrap();
        (programme["metadata"]["name"], programme["spec"]["changes"]) = (json!(name), changes.clone());
        programme["spec"]["signatures"] = json!([]);
        let approval = ProgrammeApproval {
            programme: name.to_owned(),
            programme_sha256: dmp_homologation::dossier::programme_sha256(&typed(programme["spec"].clone())),
            signed_at: self.now - SignedDuration::from_secs(3600),
        };
        programme["spec"]["signatures"] = json!([
            signed(&self.interop.person("i-programme"), &approval),
            signed(&self.security.person("s-programme"), &approval),
        ]);
        self.dossier.programmes.push(typed(programme));
    }

    /// A further submission, just now: of a version, following one, with changes to its specification. Its number.
    pub fn submit(&mut self, name: &str, version: &str, follows: Option<&str>, changes: Value) -> usize {
        let mut spec = serde_json::to_value(&self.dossier.homologations[0].spec).unwrap();
        (spec["version"], spec["follows"]) = (json!(version), json!(follows));
        spec.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        let mut frozen = serde_json::to_value(&self.dossier.versions[0]).unwrap();
        (frozen["metadata"]["name"], frozen["spec"]["version"]) = (json!(name), json!(version));
        self.dossier.versions.push(typed(frozen));
        let seconds = 30 - i64::try_from(self.dossier.homologations.len()).unwrap();
        self.dossier.homologations.push(typed(json!({
            "metadata": { "name": name, "creationTimestamp": ago(self.now, seconds) }, "spec": spec,
        })));
        self.dossier.homologations.len() - 1
    }

    /// A review of the submission as it is now, which the API server has just got.
    pub fn say(&mut self, member: &Member, word: &Word) {
        self.say_of(0, member, word);
    }

    pub fn say_of(&mut self, submission: usize, member: &Member, word: &Word) {
        let review = self.review_of(submission, word);
        let name = self.dossier.homologations[submission].name_any();
        self.arrive_of(&name, &signed(member, &review));
    }

    pub fn review(&self, word: &Word) -> Review {
        self.review_of(0, word)
    }

    pub fn review_of(&self, submission: usize, word: &Word) -> Review {
        let homologation = &self.dossier.homologations[submission];
        Review {
            homologation: format!("{NAMESPACE}/{}", homologation.name_any()),
            submission_sha256: self.dossier.submission_sha256(homologation).unwrap(),
            verdict: word.verdict,
            decision: word.decision,
            scopes: word.scopes.clone(),
            until: word.until,
            comment: "because".to_owned(),
            signed_at: self.now
                + SignedDuration::from_millis(i64::try_from(self.dossier.reviews.len()).unwrap()),
        }
    }

    pub fn arrive(&mut self, statement: &str) {
        self.arrive_of(HOMOLOGATION, statement);
    }

    pub fn arrive_of(&mut self, homologation: &str, statement: &str) {
        let number = self.dossier.reviews.len();
        self.dossier.reviews.push(typed(json!({
            "metadata": { "name": format!("review-{number:02}"), "creationTimestamp": ago(self.now, 0) },
            "spec": { "homologation": homologation, "statement": statement },
        })));
    }

    /// Why the last review does not count.
    pub fn last_refused(&self) -> &'static str {
        let reviews = self.dossier.reviews_of(&self.dossier.homologations[0], self.now);
        reviews.last().unwrap().1.clone().unwrap_err().reason
    }

    pub fn run(&mut self, profile: &str, mode: RunMode, passed: bool) {
        self.run_of(0, profile, mode, passed);
    }

    pub fn run_of(&mut self, submission: usize, profile: &str, mode: RunMode, passed: bool) {
        let member = if mode == RunMode::Supervised {
            self.laboratory.person("l1")
        } else {
            self.suite.person("suite")
        };
        let homologation = &self.dossier.homologations[submission];
        let run = Run {
            version: homologation.spec.version.clone(),
            submission_sha256: self.dossier.submission_sha256(homologation),
            ..self.run_statement(profile, mode, passed)
        };
        self.arrive_run(&signed(&member, &run));
    }

    pub fn run_statement(&self, profile: &str, mode: RunMode, passed: bool) -> Run {
        let spec = &self
            .dossier
            .profiles
            .iter()
            .find(|one| one.name_any() == profile)
            .unwrap()
            .spec;
        Run {
            solution: format!("{NAMESPACE}/{SOLUTION}"),
            version: "4.2".to_owned(),
            profile: profile.to_owned(),
            profile_sha256: canonical::sha256(spec),
            mode,
            submission_sha256: self.dossier.submission_sha256(&self.dossier.homologations[0]),
            seed: 7,
            requirements: vec![Outcome {
                id: "DF-01".to_owned(),
                met: Some(passed),
                not_tested: None,
            }],
            bundle_sha256: "d".repeat(64),
            signed_at: self.now
                + SignedDuration::from_millis(i64::try_from(self.dossier.runs.len()).unwrap()),
        }
    }

    pub fn arrive_run(&mut self, statement: &str) {
        let number = self.dossier.runs.len();
        self.dossier.runs.push(typed(json!({
            "metadata": { "name": format!("run-{number:02}"), "creationTimestamp": ago(self.now, 0) },
            "spec": { "statement": statement },
        })));
    }
}

pub fn signed<T: Statement>(member: &Member, statement: &T) -> String {
    Signatory::new(&member.chain_pem, &member.key_pem)
        .unwrap()
        .sign(statement)
        .unwrap()
}

pub fn ago(now: Timestamp, seconds: i64) -> String {
    let at = now - SignedDuration::from_secs(seconds);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub const HOUR: Duration = Duration::from_secs(3600);
