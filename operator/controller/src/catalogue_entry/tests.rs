//! Which entry and label follow from which dossier, at what time.

#![allow(clippy::unwrap_used)]

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dmp_api::catalogue::PublicKey;
use dmp_api::catalogue_entry::{CatalogueEntrySpec, CatalogueEntryStatus, CatalogueState};
use dmp_api::conformance_run::RunMode;
use dmp_api::homologation_review::ReviewVerdict;
use dmp_api::{CatalogueEntry, ConformanceProfile};
use dmp_homologation::jws::Unsigned;
use dmp_homologation::sign::Signatory;
use dmp_homologation::statement::{Outcome, ProgrammeApproval, Review, Run, Statement};
use dmp_homologation::{Bodies, Dossier, canonical, catalogue, dossier, label};
use dmp_testkit::bodies::{Authority, Member};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::build::{Wanted, build};
use super::dereference::Found;
use super::update_status::unsigned;
use crate::label_key;
use crate::status::Verdict;

fn typed<K: DeserializeOwned>(object: Value) -> K {
    serde_json::from_value(object).unwrap()
}

fn signed<T: Statement>(member: &Member, statement: &T) -> String {
    let signatory = Signatory::new(&member.chain_pem, &member.key_pem).unwrap();
    signatory.sign(statement).unwrap()
}

/// A version that two bodies granted, and the pass of the operator over its entry.
struct World {
    security: Authority,
    key: Ed25519KeyPair,
    found: Found,
    now: Timestamp,
}

impl World {
    fn granted() -> Self {
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let arrived = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let [interop, security, laboratory, suite] = [
            ("Interop", "000000000000001"),
            ("Securite", "000000000000002"),
            ("Labo", "000000000000004"),
            ("Suite", "000000000000005"),
        ]
        .map(|(name, ice)| Authority::new(name, ice));
        let body = |role: &str, authority: &Authority| {
            json!({
                "role": role, "organisation": { "name": authority.name, "ice": authority.ice },
                "anchors": [{ "certificate": authority.certificate_pem() }],
            })
        };
        let bodies: Vec<dmp_api::body::Body> = typed(json!([
            body("interop", &interop),
            body("security", &security),
            body("laboratory", &laboratory),
            body("suite", &suite),
        ]));
        let day = |days: i64| {
            (now + SignedDuration::from_hours(24 * days))
                .strftime("%Y-%m-%d")
                .to_string()
        };
        let mut programme = json!({
            "validFrom": day(-1), "validUntil": day(9), "maxDays": 60, "domains": [], "evidence": [], "signatures": [],
        });
        let approval = ProgrammeApproval {
            programme: "2026".to_owned(),
            programme_sha256: dossier::programme_sha256(&typed(programme.clone())),
            signed_at: now,
        };
        programme["signatures"] = json!([
            signed(&interop.person("i0"), &approval),
            signed(&security.person("s0"), &approval),
        ]);
        let profile: ConformanceProfile = typed(json!({
            "metadata": { "name": "feeder" },
            "spec": { "scope": "document-feeder", "version": "1.0", "title": "x", "requirements": [{ "id": "DF-01", "text": "x", "verified": "automatic" }] },
        }));
        let metadata = |name: &str| json!({ "name": name, "creationTimestamp": arrived });
        let mut dossier = Dossier {
            solutions: vec![typed(json!({
                "metadata": metadata("sih"),
                "spec": { "vendor": "atlas", "product": "Atlas", "kind": "hospital", "organisation": { "name": "Atlas", "ice": "001234567000011" } },
            }))],
            versions: vec![typed(json!({
                "metadata": metadata("v"),
                "spec": { "solution": "sih", "version": "4.2", "package": { "sha256": "a".repeat(64), "sbomSha256": "b".repeat(64) } },
            }))],
            programmes: vec![typed(json!({ "metadata": metadata("2026"), "spec": programme }))],
            profiles: vec![profile],
            homologations: vec![typed(json!({
                "metadata": metadata("one"),
                "spec": { "solution": "sih", "version": "4.2", "programme": "2026", "cycle": 1, "profiles": ["feeder"] },
            }))],
            ..Dossier::empty("vendor-atlas".to_owned(), Bodies::new(&bodies))
        };
        let submission = dossier.submission_sha256(&dossier.homologations[0]);
        for (mode, member) in [
            (RunMode::Rehearsal, suite.person("suite")),
            (RunMode::Supervised, laboratory.person("l1")),
        ] {
            let run = Run {
                solution: "vendor-atlas/sih".to_owned(),
                version: "4.2".to_owned(),
                profile: "feeder".to_owned(),
                profile_sha256: canonical::sha256(&dossier.profiles[0].spec),
                mode,
                submission_sha256: submission.clone(),
                seed: 1,
                requirements: vec![Outcome {
                    id: "DF-01".to_owned(),
                    met: Some(true),
                    not_tested: None,
                }],
                bundle_sha256: "d".repeat(64),
                signed_at: now,
            };
            let spec = json!({ "statement": signed(&member, &run) });
            dossier.runs.push(typed(
                json!({ "metadata": metadata(mode.as_str()), "spec": spec }),
            ));
        }
        let spec = CatalogueEntrySpec {
            namespace: "vendor-atlas".to_owned(),
            solution: "sih".to_owned(),
            version: "4.2".to_owned(),
        };
        let key = Ed25519KeyPair::generate().unwrap();
        let public = PublicKey {
            kid: "label-v1".to_owned(),
            x: URL_SAFE_NO_PAD.encode(key.public_key()),
        };
        let mut world = Self {
            security,
            key,
            found: Found {
                entry: CatalogueEntry::new(&catalogue::id(&spec), spec),
                dossier,
                issuer: Some("dmp.test".to_owned()),
                keys: Some(vec![public]),
            },
            now,
        };
        for (member, decision) in [
            (interop.person("i1"), false),
            (world.security.person("s1"), false),
            (interop.person("i2"), true),
            (world.security.person("s2"), true),
        ] {
            world.say(&member, decision, ReviewVerdict::Favourable);
        }
        world
    }

    fn say(&mut self, member: &Member, decision: bool, verdict: ReviewVerdict) {
        let dossier = &mut self.found.dossier;
        let number = dossier.reviews.len();
        let review = Review {
            homologation: "vendor-atlas/one".to_owned(),
            submission_sha256: dossier.submission_sha256(&dossier.homologations[0]).unwrap(),
            verdict,
            decision,
            scopes: None,
            until: None,
            comment: "x".to_owned(),
            signed_at: self.now + SignedDuration::from_millis(i64::try_from(number).unwrap()),
        };
        dossier.reviews.push(typed(json!({
            "metadata": { "name": format!("r{number}"), "creationTimestamp": self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() },
            "spec": { "homologation": "one", "statement": signed(member, &review) },
        })));
    }

    fn pass(&self, days: i64) -> Option<Wanted> {
        build(&self.found, self.now + SignedDuration::from_hours(24 * days))
    }

    /// A pass whose status is written, with the label signed by OpenBao. Whether anything was written.
    fn write(&mut self, days: i64) -> bool {
        let wanted = self.pass(days).unwrap();
        let mut published = wanted.published;
        if let Some(label) = wanted.sign {
            let unsigned = Unsigned::new(label::TYP, "label-v1", label.payload().as_bytes());
            let signature = self.key.sign(unsigned.message().as_bytes());
            published.label = Some(unsigned.compact(signature.as_ref()));
        }
        let status = CatalogueEntryStatus {
            homologation: wanted.homologation,
            published: Some(published),
            ..CatalogueEntryStatus::default()
        };
        let news = self.found.entry.status.as_ref() != Some(&status);
        self.found.entry.status = Some(status);
        news
    }
}

#[test]
fn an_open_version_is_published_once_and_its_label_renewed_in_time() {
    let mut world = World::granted();
    let first = world.pass(0).unwrap();
    assert_eq!(first.published.state, CatalogueState::Homologated);
    assert_eq!(
        (first.published.label.clone(), first.sign.is_some()),
        (None, true)
    );
    assert!(world.write(0));
    let written: Vec<i64> = (0..60).filter(|day| world.write(*day)).collect();
    // 60 days: renewed below ten days, the last one ends with the homologation.
    assert_eq!(written, [21, 42], "idle means no write");
    assert!(world.write(61), "expired");
    let entry = world
        .found
        .entry
        .status
        .as_ref()
        .unwrap()
        .published
        .clone()
        .unwrap();
    assert_eq!((entry.state, entry.label), (CatalogueState::Expired, None));
    assert!(!world.write(62));
}

#[test]
fn a_closed_version_loses_its_label_at_once() {
    let mut world = World::granted();
    world.write(0);
    world.say(&world.security.person("s2"), true, ReviewVerdict::Unfavourable);
    let wanted = world.pass(0).unwrap();
    assert_eq!(wanted.published.state, CatalogueState::Suspended);
    assert_eq!((wanted.published.label, wanted.sign), (None, None));
}

#[test]
fn where_it_stands_does_not_wait_for_openbao() {
    let mut world = World::granted();
    world.write(0);
    // OpenBao does not say its keys: the label that is there stays.
    world.found.keys = None;
    let wanted = world.pass(1).unwrap();
    assert_eq!((wanted.published.label.is_some(), wanted.sign), (true, None));
    // An installation from before the key.
    world.found.keys = Some(Vec::new());
    let wanted = world.pass(1).unwrap();
    assert_eq!(
        (wanted.published.label.is_none(), wanted.sign.is_some()),
        (true, true)
    );
    assert_eq!(wanted.published.state, CatalogueState::Homologated);
    let verdict = unsigned(&label_key::Error::Missing);
    assert!(matches!(
        verdict,
        Verdict::Stalled {
            reason: "LabelKeyMissing",
            ..
        }
    ));
    // No Platform: nobody issues.
    world.found.issuer = None;
    assert_eq!(world.pass(1).unwrap().sign, None);
}

#[test]
fn nothing_is_published_of_what_was_never_open() {
    let mut world = World::granted();
    world.found.dossier.reviews.clear();
    assert_eq!(world.pass(0), None);
}
