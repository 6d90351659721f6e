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
            namespace: NAMESPACE.to_owned(),
            bodies: Bodies::new(&bodies),
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
            runs: Vec::new(),
            reviews: Vec::new(),
            revocations: Vec::new(),
            credentials: Vec::new(),
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
        let mut world = Self::submitted();
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
        let mut world = Self::tested();
        world.say(&world.interop.person("i2"), &DECISION);
        world.say(&world.security.person("s2"), &DECISION);
        world
    }

    pub fn standing(&self) -> Standing {
        self.standing_in(0)
    }

    /// In so many days.
    pub fn standing_in(&self, days: i64) -> Standing {
        self.dossier.standing(
            &self.dossier.homologations[0],
            self.now + SignedDuration::from_hours(24 * days),
        )
    }

    /// A review of the submission as it is now, which the API server has just got.
    pub fn say(&mut self, member: &Member, word: &Word) {
        let review = self.review(word);
        self.arrive(&signed(member, &review));
    }

    pub fn review(&self, word: &Word) -> Review {
        Review {
            homologation: format!("{NAMESPACE}/{HOMOLOGATION}"),
            submission_sha256: self
                .dossier
                .submission_sha256(&self.dossier.homologations[0])
                .unwrap(),
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
        let number = self.dossier.reviews.len();
        self.dossier.reviews.push(typed(json!({
            "metadata": { "name": format!("review-{number:02}"), "creationTimestamp": ago(self.now, 0) },
            "spec": { "homologation": HOMOLOGATION, "statement": statement },
        })));
    }

    /// Why the last review does not count.
    pub fn last_refused(&self) -> &'static str {
        let reviews = self.dossier.reviews_of(&self.dossier.homologations[0]);
        reviews.last().unwrap().1.clone().unwrap_err().reason
    }

    pub fn run(&mut self, profile: &str, mode: RunMode, passed: bool) {
        let member = if mode == RunMode::Supervised {
            self.laboratory.person("l1")
        } else {
            self.suite.person("suite")
        };
        let run = self.run_statement(profile, mode, passed);
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

fn ago(now: Timestamp, seconds: i64) -> String {
    let at = now - SignedDuration::from_secs(seconds);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub const HOUR: Duration = Duration::from_secs(3600);
