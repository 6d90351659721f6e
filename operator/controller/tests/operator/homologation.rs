//! A version on its way to production and out again, on a real API server, with the operator's own binary: what two bodies
//! sign opens the door, and nothing else does.

use dmp_api::conformance_run::RunMode;
use dmp_api::homologation_review::ReviewVerdict;
use dmp_homologation::sign::Signatory;
use dmp_homologation::statement::{Outcome, ProgrammeApproval, Review, Run, Statement};
use dmp_testkit::bodies::{Authority, Member};
use jiff::{SignedDuration, Timestamp};
use kube::api::{Patch, PatchParams};
use rcgen::KeyPair;
use serde_json::{Value, json};

use crate::control_plane::{World, namespace, samples};
use crate::facts::Stream;
use crate::installation::{csr, installation, unstated, vendor_key};

pub const NAMESPACE: &str = "vendor-atlas";
pub const SUBMISSION: &str = "atlas-sih-4-2-1";
pub const PROFILE: &str = "document-feeder-1-0";

pub struct Bodies {
    pub interop: Authority,
    pub security: Authority,
    laboratory: Authority,
    suite: Authority,
}

impl Bodies {
    pub fn new() -> Self {
        Self {
            interop: Authority::new("Entité d'interopérabilité", "000000000000001"),
            security: Authority::new("Entité de sécurité", "000000000000002"),
            laboratory: Authority::new("Laboratoire", "000000000000004"),
            suite: Authority::new("Suite", "000000000000005"),
        }
    }

    pub const fn laboratory(&self) -> &Authority {
        &self.laboratory
    }

    pub const fn suite(&self) -> &Authority {
        &self.suite
    }

    pub fn as_spec(&self) -> Value {
        let body = |role: &str, authority: &Authority| {
            json!({
                "role": role, "organisation": { "name": authority.name, "ice": authority.ice },
                "anchors": [{ "certificate": authority.certificate_pem() }],
            })
        };
        json!([
            body("interop", &self.interop),
            body("security", &self.security),
            body("laboratory", &self.laboratory),
            body("suite", &self.suite),
        ])
    }
}

pub fn object(kind: &str, name: &str, spec: &Value) -> Value {
    let mut object =
        json!({ "apiVersion": "dmp.ma/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec });
    if !matches!(
        kind,
        "HomologationProgramme" | "ConformanceProfile" | "HealthGroup" | "Platform"
    ) {
        object["metadata"]["namespace"] = json!(NAMESPACE);
    }
    object
}

pub fn signed<T: Statement>(member: &Member, statement: &T) -> String {
    Signatory::new(&member.chain_pem, &member.key_pem)
        .unwrap()
        .sign(statement)
        .unwrap()
}

pub fn submission() -> Value {
    let spec = json!({
        "solution": "atlas-sih", "version": "4.2", "programme": "2026", "cycle": 1, "profiles": [PROFILE], "evidence": ["pen-test"],
        "installationKey": vendor_key().public_key_pem(),
    });
    object("SolutionHomologation", SUBMISSION, &spec)
}

pub fn credential() -> Value {
    let csr = csr(&KeyPair::generate().unwrap());
    let mut credential = unstated("chu", &csr);
    credential["spec"]["installation"] = json!(installation("chu", &csr));
    credential
}

pub async fn status(world: &World, object: &Value) -> Value {
    world
        .get(object)
        .await
        .map_or(Value::Null, |live| live["status"].clone())
}

pub async fn until_state(world: &World, state: &str) {
    let there = || async { status(world, &submission()).await["state"] == state };
    world.wait(&format!("state {state}"), there).await;
}

async fn submission_sha256(world: &World) -> String {
    text_of(world, &submission(), "submissionSha256").await
}

/// What the controller of `object` writes into its status as a text, once it did.
pub async fn text_of(world: &World, object: &Value, member: &str) -> String {
    let there = || async { status(world, object).await[member].is_string() };
    world
        .wait(&format!("status.{member} of {}", object["kind"]), there)
        .await;
    status(world, object).await[member].as_str().unwrap().to_owned()
}

pub async fn say(
    world: &World,
    name: &str,
    member: &Member,
    decision: bool,
    verdict: ReviewVerdict,
) -> Value {
    let review = Review {
        homologation: format!("{NAMESPACE}/{SUBMISSION}"),
        submission_sha256: submission_sha256(world).await,
        verdict,
        decision,
        scopes: None,
        until: None,
        comment: "because".to_owned(),
        signed_at: Timestamp::now(),
    };
    let spec = json!({ "homologation": SUBMISSION, "statement": signed(member, &review) });
    let review = object("HomologationReview", name, &spec);
    world.apply(&review).await;
    review
}

async fn run(world: &World, name: &str, member: &Member, mode: RunMode) {
    let profile = object("ConformanceProfile", PROFILE, &Value::Null);
    let run = Run {
        solution: format!("{NAMESPACE}/atlas-sih"),
        version: "4.2".to_owned(),
        profile: PROFILE.to_owned(),
        profile_sha256: text_of(world, &profile, "sha256").await,
        mode,
        submission_sha256: Some(submission_sha256(world).await),
        seed: 1,
        requirements: vec![Outcome {
            id: "DF-01".to_owned(),
            met: Some(true),
            not_tested: None,
        }],
        bundle_sha256: "d".repeat(64),
        signed_at: Timestamp::now(),
    };
    world
        .apply(&object(
            "ConformanceRun",
            name,
            &json!({ "statement": signed(member, &run) }),
        ))
        .await;
}

/// The platform with its bodies, a production group, a programme that both signed, a complete submission.
pub async fn submitted(world: &World, bodies: &Bodies) {
    submitted_under(world, bodies, json!({})).await;
}

/// As [`submitted`], under a programme with these rules too.
pub async fn submitted_under(world: &World, bodies: &Bodies, rules: Value) {
    let mut platform = samples("platform.yaml").remove(0);
    platform["spec"]["bodies"] = bodies.as_spec();
    world.apply(&platform).await;
    world
        .apply(&object(
            "HealthGroup",
            "reel",
            &json!({
                "kind": "gst", "region": "MA-01", "site": "none", "mode": "production",
                "controller": { "name": "Groupement", "cndpReceipt": "D-1/2026" },
            }),
        ))
        .await;
    world.apply(&namespace(NAMESPACE)).await;
    let day = |days: i64| {
        (Timestamp::now() + SignedDuration::from_hours(24 * days))
            .strftime("%Y-%m-%d")
            .to_string()
    };
    let mut programme = json!({
        "validFrom": day(-1), "validUntil": day(100), "maxDays": 365, "domains": [], "signatures": [],
        "evidence": [{ "kind": "pen-test", "maxAgeDays": 365 }],
    });
    let more = rules.as_object().unwrap().clone();
    programme.as_object_mut().unwrap().extend(more);
    let approval = ProgrammeApproval {
        programme: "2026".to_owned(),
        programme_sha256: dmp_homologation::dossier::programme_sha256(
            &serde_json::from_value(programme.clone()).unwrap(),
        ),
        signed_at: Timestamp::now(),
    };
    programme["signatures"] = json!([
        signed(&bodies.interop.person("i0"), &approval),
        signed(&bodies.security.person("s0"), &approval),
    ]);
    let programme = object("HomologationProgramme", "2026", &programme);
    world.apply(&programme).await;
    world.until(&programme, "Ready", "True", "Ready").await;
    let requirements = json!([{ "id": "DF-01", "text": "…", "verified": "automatic" }]);
    world.apply(&object("ConformanceProfile", PROFILE, &json!({
        "scope": "document-feeder", "version": "1.0", "title": "Alimentation", "requirements": requirements,
    }))).await;
    world
        .apply(&object(
            "Solution",
            "atlas-sih",
            &json!({
                "vendor": "atlas", "product": "Atlas SIH", "kind": "hospital",
                "organisation": { "name": "Atlas Santé", "ice": "001234567000011" },
            }),
        ))
        .await;
    world.apply(&object("SolutionVersion", "atlas-sih-4-2", &json!({
        "solution": "atlas-sih", "version": "4.2", "package": { "sha256": "a".repeat(64), "sbomSha256": "b".repeat(64) },
    }))).await;
    world
        .apply(&object(
            "EvidenceItem",
            "pen-test",
            &json!({
                "kind": "pen-test", "issuer": "Labo", "sha256": "c".repeat(64), "issued": day(-5),
            }),
        ))
        .await;
    world.apply(&submission()).await;
    until_state(world, "Submitted").await;
}

/// Tested by the suite and a laboratory, favourable in both domains.
pub async fn tested(world: &World, bodies: &Bodies) {
    let wanted = credential();
    world.apply(&wanted).await;
    world.until(&wanted, "Ready", "False", "NotHomologated").await;
    run(
        world,
        "rehearsal",
        &bodies.suite.person("suite"),
        RunMode::Rehearsal,
    )
    .await;
    until_state(world, "SelfTested").await;
    say(
        world,
        "interop",
        &bodies.interop.person("i1"),
        false,
        ReviewVerdict::Favourable,
    )
    .await;
    until_state(world, "InReview").await;
    say(
        world,
        "security",
        &bodies.security.person("s1"),
        false,
        ReviewVerdict::Favourable,
    )
    .await;
    run(
        world,
        "supervised",
        &bodies.laboratory.person("l1"),
        RunMode::Supervised,
    )
    .await;
    until_state(world, "SupervisedTested").await;
}

/// Both bodies decide.
pub async fn granted(world: &World, bodies: &Bodies) {
    for (name, member) in [
        ("grant-interop", bodies.interop.person("i2")),
        ("grant-security", bodies.security.person("s2")),
    ] {
        say(world, name, &member, true, ReviewVerdict::Favourable).await;
    }
}

#[tokio::test]
async fn two_bodies_open_production_and_one_closes_it() {
    let Some(mut world) = World::start().await else {
        return;
    };
    let bodies = Bodies::new();
    let (port, _) = world.operator("one");
    submitted(&world, &bodies).await;
    let mut stream = Stream::open(&world, port, "gateway").await.unwrap();
    tested(&world, &bodies).await;

    // One body, twice; somebody with another authority of the same name.
    say(
        &world,
        "decision-1",
        &bodies.interop.person("i2"),
        true,
        ReviewVerdict::Favourable,
    )
    .await;
    say(
        &world,
        "decision-2",
        &bodies.interop.person("i3"),
        true,
        ReviewVerdict::Favourable,
    )
    .await;
    let stranger = Authority::new("Entité de sécurité", "000000000000002").person("s2");
    let forged = say(&world, "forged", &stranger, true, ReviewVerdict::Favourable).await;
    world.until(&forged, "Ready", "False", "UnknownSigner").await;
    let twice = say(
        &world,
        "twice",
        &bodies.security.person("s1"),
        true,
        ReviewVerdict::Favourable,
    )
    .await;
    world.until(&twice, "Ready", "False", "NotDistinct").await;
    assert_eq!(status(&world, &submission()).await["state"], "SupervisedTested");
    assert_eq!(
        world.condition(&credential(), "Ready").await.unwrap().1,
        "NotHomologated"
    );

    say(
        &world,
        "decision-3",
        &bodies.security.person("s2"),
        true,
        ReviewVerdict::Favourable,
    )
    .await;
    let (facts, took) = stream.until(|facts| !facts.credentials.is_empty()).await;
    eprintln!("the second decision opened the door after {took:?}");
    assert_eq!(
        facts.credentials[0].scopes.as_deref(),
        Some(&["document-feeder".to_owned()][..])
    );
    until_state(&world, "Active").await;
    let live = status(&world, &credential()).await;
    let ends: Timestamp = live["notAfter"].as_str().unwrap().parse().unwrap();
    assert!(
        ends <= Timestamp::now() + SignedDuration::from_hours(30 * 24),
        "30 days at most: {ends}"
    );

    // What was signed is kept as it is.
    for (object, change) in [
        (submission(), json!({ "spec": { "cycle": 2 } })),
        (
            object("SolutionVersion", "atlas-sih-4-2", &Value::Null),
            json!({ "spec": { "package": { "sha256": "e".repeat(64) } } }),
        ),
        (
            object("HomologationReview", "decision-3", &Value::Null),
            json!({ "spec": { "statement": "x" } }),
        ),
        (
            object("HomologationProgramme", "2026", &Value::Null),
            json!({ "spec": { "maxDays": 1000 } }),
        ),
        (
            object("Platform", "national", &Value::Null),
            json!({ "spec": { "bodies": [] } }),
        ),
    ] {
        let api = dmp_testkit::kubernetes::api_of(&world.client, &object);
        let name = object["metadata"]["name"].as_str().unwrap();
        let refused = api
            .patch(name, &PatchParams::default(), &Patch::Merge(change))
            .await
            .unwrap_err();
        assert!(
            matches!(&refused, kube::Error::Api(status) if status.code == 422),
            "{name}: {refused}"
        );
    }
    let review = object("HomologationReview", "decision-3", &Value::Null);
    assert!(
        world
            .delete(&review)
            .await
            .unwrap_err()
            .contains("the record of a homologation is kept")
    );

    // One body changes its mind: closed, without the other.
    say(
        &world,
        "reversal",
        &bodies.security.person("s2"),
        true,
        ReviewVerdict::Unfavourable,
    )
    .await;
    let (_, took) = stream.until(|facts| facts.credentials.is_empty()).await;
    eprintln!("the reversal closed it after {took:?}");
    until_state(&world, "Suspended").await;
    world
        .until(&credential(), "Ready", "False", "NotHomologated")
        .await;
}
