//! What is decided, and what administrators do, in the platform's log: from the operator's own binary and a real API server to a log that
//! comes and goes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use dmp_api::homologation_review::ReviewVerdict;
use dmp_client::acts::{Act, ROUTE, Receipt};
use dmp_core::peer::{ServicePattern, allow};
use dmp_core::tls::Identity;
use dmp_operator::acts::ActLog;
use dmp_operator::kubernetes_audit::record;
use dmp_operator::kubernetes_audit::rules::{Finding, Rule};
use dmp_operator::posture_record::bring;
use dmp_policies::Verdict;
use dmp_policies::history::{Data, Day, History, list_name, name};
use dmp_testkit::{Pki, TestService};
use http::StatusCode;
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use crate::control_plane::{World, namespace, samples};
use crate::homologation::{
    Bodies, granted, say, status, submission, submitted, tested, text_of, until_state,
};

/// How the log behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Open,
    Shut,
    /// Takes the next act, and its answer is lost.
    Mute,
}

struct Held {
    manner: Manner,
    acts: Vec<Act>,
    asked: usize,
    conflicts: usize,
}

#[derive(Clone)]
struct Log(Arc<Mutex<Held>>);

impl Log {
    fn new(manner: Manner) -> Self {
        Self(Arc::new(Mutex::new(Held {
            manner,
            acts: Vec::new(),
            asked: 0,
            conflicts: 0,
        })))
    }

    async fn serve(&self, identity: &Identity) -> TestService {
        let only = allow("dmp.test", &[ServicePattern::System("dmp-operator")]);
        let router = Router::new()
            .route(ROUTE, post(take).layer(only))
            .with_state(self.clone());
        TestService::start(identity, router).await
    }

    fn becomes(&self, manner: Manner) {
        self.0.lock().unwrap().manner = manner;
    }

    fn acts(&self) -> Vec<Act> {
        self.0.lock().unwrap().acts.clone()
    }
}

/// As `audit` does it.
async fn take(State(log): State<Log>, Json(act): Json<Act>) -> Result<Json<Receipt>, StatusCode> {
    assert_eq!(act.check(), Ok(()));
    let mut held = log.0.lock().unwrap();
    held.asked += 1;
    if held.manner == Manner::Shut {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let there = held.acts.iter().find(|there| there.id == act.id);
    let repeated = there.is_some();
    if there.is_some_and(|there| *there != act) {
        held.conflicts += 1;
        return Err(StatusCode::CONFLICT);
    }
    if !repeated {
        held.acts.push(act);
    }
    if held.manner == Manner::Mute {
        held.manner = Manner::Open;
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    Ok(Json(Receipt {
        leaf: "l".to_owned(),
        repeated,
    }))
}

async fn nothing_waits(world: &World) {
    let delivered = || async { status(world, &submission()).await["unrecorded"] == Value::Null };
    world.wait("nothing waits for the log", delivered).await;
}

#[tokio::test]
async fn what_is_decided_is_in_the_log_once_and_waits_for_no_log() {
    let Some(mut world) = World::start().await else {
        return;
    };
    let log = Log::new(Manner::Open);
    let audit = log.serve(&world.identity("audit").await).await;
    world.audit_url = audit.base();
    let bodies = Bodies::new();
    world.operator("one");
    submitted(&world, &bodies).await;
    tested(&world, &bodies).await;
    assert_eq!(log.acts(), [], "nothing has been decided");

    // The log is away, and then the operator too: the door opens all the same, and nothing is forgotten.
    log.becomes(Manner::Shut);
    granted(&world, &bodies).await;
    until_state(&world, "Active").await;
    assert_eq!(log.acts(), []);
    let waits = status(&world, &submission()).await["unrecorded"].clone();
    assert!(!waits.as_array().unwrap().is_empty(), "{waits}");
    world.kill("one");
    log.becomes(Manner::Open);
    world.operator("two");
    nothing_waits(&world).await;
    let acts = log.acts();
    let mut before = "SupervisedTested".to_owned();
    for act in &acts {
        assert_eq!(act.facts["from"], [before], "{act:?}");
        assert_eq!(act.who, "operator");
        assert_eq!(act.object, "vendor-atlas/atlas-sih-4-2-1");
        before = act.outcome.clone();
    }
    assert_eq!(before, "Active");
    let hash = text_of(&world, &submission(), "submissionSha256").await;
    assert_eq!(acts[0].facts["submission"], [hash]);
    assert_eq!(
        acts[0].facts["statements"].len(),
        4,
        "two findings, two decisions"
    );
    assert_eq!(acts[0].facts["scopes"], ["document-feeder"]);

    // An answer is lost: it is brought again, and is the same.
    log.becomes(Manner::Mute);
    let reversal = bodies.security.person("s2");
    say(&world, "reversal", &reversal, true, ReviewVerdict::Unfavourable).await;
    until_state(&world, "Suspended").await;
    nothing_waits(&world).await;
    let after = log.acts();
    assert_eq!(after[..acts.len()], acts[..], "what is there stays");
    let closed = &after[acts.len()..];
    assert_eq!(closed.len(), 1, "{closed:?}");
    assert_eq!(closed[0].outcome, "Suspended");
    assert_eq!(closed[0].facts["statements"].len(), 5);

    // Another operator, which remembers nothing, looks at it again.
    world.kill("two");
    world.operator("three");
    let asked = log.0.lock().unwrap().asked;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let held = log.0.lock().unwrap();
    assert_eq!(
        (held.acts.len(), held.asked, held.conflicts),
        (after.len(), asked, 0)
    );
}

#[tokio::test]
async fn a_finding_waits_until_the_log_has_it() {
    let pki = Pki::new("dmp.test");
    let log = Log::new(Manner::Shut);
    let audit = log.serve(&pki.service("dmp-national", "audit")).await;
    let acts = ActLog::new(&audit.base());
    let (sender, queue) = tokio::sync::mpsc::channel(record::QUEUE);
    let delivering = tokio::spawn(record::deliver(acts.clone(), queue));
    let finding = |id: &str| Finding {
        rule: Rule::PodEntered,
        who: "leila".to_owned(),
        acting_as: None,
        verb: "create".to_owned(),
        resource: "pods/exec".to_owned(),
        namespace: "dmp-tanger".to_owned(),
        name: "records-1".to_owned(),
        refused: true,
        audit_id: id.to_owned(),
        at: "2026-11-29T12:00:00Z".to_owned(),
    };
    record::keep(&sender, &[finding("1"), finding("2"), finding("1")]);
    acts.open(pki.service("dmp-system", "dmp-operator").http_client().unwrap());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(log.acts(), []);
    log.becomes(Manner::Open);
    drop(sender);
    tokio::time::timeout(Duration::from_secs(20), delivering)
        .await
        .unwrap()
        .unwrap();
    let held = log.acts();
    assert_eq!(held, [record::act(&finding("1")), record::act(&finding("2"))]);
    assert!(!format!("{held:?}").contains("leila"));
}

/// The year's object with one more day, as the evaluator writes it.
fn with_day(data: &Data, date: Date, verdict: Verdict) -> Data {
    let history = History::read([(name(date.year()), data.clone())]);
    let day = Day {
        date,
        verdicts: vec![verdict],
        report: "a".repeat(64),
        controls: list_name(["DMP-NET-01"]),
    };
    let line = history.next(day, None).unwrap();
    history.with(&line, &["DMP-NET-01"]).1
}

#[tokio::test]
async fn the_posture_of_each_day_is_in_the_log_once_and_another_one_of_the_day_is_refused() {
    let Some(mut world) = World::start().await else {
        return;
    };
    let log = Log::new(Manner::Shut);
    let audit = log.serve(&world.identity("audit").await).await;
    world.audit_url = audit.base();
    let year = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).year();
    let object = |data: &Data| {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": name(year), "namespace": "dmp-evidence" }, "data": data,
        })
    };
    world.apply(&samples("platform.yaml").remove(0)).await;
    world.apply(&namespace("dmp-evidence")).await;
    let first = with_day(&Data::new(), date(year, 1, 1), Verdict::Fail);
    world.apply(&object(&first)).await;
    // The log is away when the operator begins, and comes back.
    world.operator("one");
    let asked = || async { log.0.lock().unwrap().asked > 0 };
    world.wait("the log is asked", asked).await;
    assert_eq!(log.acts(), []);
    log.becomes(Manner::Open);
    let brought = || async { !log.acts().is_empty() };
    world.wait("the day is in the log", brought).await;
    world.kill("one");
    let line = |data: &Data| {
        let history = History::read([(name(year), data.clone())]);
        history.lines().next_back().unwrap().clone()
    };
    let [act] = &log.acts()[..] else {
        panic!("{:?}", log.acts());
    };
    assert_eq!(act.id, format!("posture/{year}-01-01"));
    assert_eq!(act.facts["sha256"], [line(&first).hash]);

    // The next replica, with the rights of the operator alone: brings all again, and the next day.
    let second = with_day(&first, date(year, 1, 2), Verdict::Fail);
    world.apply(&object(&second)).await;
    let pki = Pki::new("dmp.test");
    let audit = log.serve(&pki.service("dmp-national", "audit")).await;
    let acts = ActLog::new(&audit.base());
    let client = world.as_operator().await;
    let now = jiff::Timestamp::now();
    let mut brought = None;
    assert!(
        !bring(&client, &acts, &mut brought, now).await,
        "it has no certificate yet"
    );
    acts.open(pki.service("dmp-system", "dmp-operator").http_client().unwrap());
    assert!(bring(&client, &acts, &mut brought, now).await);
    assert_eq!(brought, Some(date(year, 1, 2)));
    let ids: Vec<_> = log.acts().into_iter().map(|act| act.id).collect();
    assert_eq!(
        ids,
        [format!("posture/{year}-01-01"), format!("posture/{year}-01-02")]
    );
    assert_eq!(log.0.lock().unwrap().conflicts, 0);

    // Somebody rewrites the whole year, hashes and all: the log has other words of these days.
    let forged = with_day(&Data::new(), date(year, 1, 1), Verdict::Pass);
    let forged = with_day(&forged, date(year, 1, 2), Verdict::Pass);
    world.apply(&object(&forged)).await;
    assert!(bring(&client, &acts, &mut None, now).await);
    let held = log.0.lock().unwrap();
    assert_eq!((held.acts.len(), held.conflicts), (2, 2), "what is there stays");
}
