//! How far back logs reach, as the operator asks it over mTLS and leaves it on a real API server. Who answers plays `audit`, whose own
//! answers are tested beside it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use dmp_api::log_stores::{CONFIG_MAP, KEY, Observation, Store};
use dmp_client::kept::{Answer, First, Question, ROUTE};
use dmp_core::peer::{ServicePattern, allow};
use dmp_operator::acts::ActLog;
use dmp_operator::log_stores::{self, Error};
use dmp_testkit::{Pki, TestService};
use jiff::Timestamp;
use jiff::civil::date;
use serde_json::json;

use crate::control_plane::{World, samples};
use crate::lifecycle::named;

/// By log and index that is asked from.
type Answers = Arc<Mutex<BTreeMap<(String, u64), Answer>>>;

async fn answer(State(answers): State<Answers>, Json(question): Json<Question>) -> Json<Option<Answer>> {
    let answers = answers.lock().unwrap();
    Json(answers.get(&(question.log, question.from)).cloned())
}

async fn audit(pki: &Pki, answers: &Answers) -> TestService {
    let only = allow("dmp.test", &[ServicePattern::System("dmp-operator")]);
    let router = Router::new()
        .route(ROUTE, post(answer).layer(only))
        .with_state(answers.clone());
    TestService::start(&pki.service("dmp-national", "audit"), router).await
}

fn part(first: (u64, &str), holes: u64, next: Option<u64>) -> Answer {
    let (index, at) = first;
    Answer {
        size: Some(10),
        first: Some(First {
            index,
            at: Some(at.parse().unwrap()),
        }),
        holes,
        next,
    }
}

fn asked(log: &str, from: u64, answer: Answer) -> ((String, u64), Answer) {
    ((format!("dmp.test/log/{log}"), from), answer)
}

/// A group, which has its plane or not.
async fn group(world: &World, name: &str, plane: bool) {
    let group = json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "HealthGroup", "metadata": { "name": name },
        "spec": {
            "kind": "gst", "region": "MA-09", "site": "agadir-1", "mode": "sandbox",
            "controller": { "name": "A group", "cndpReceipt": "D-1/2026" },
        },
    });
    world.apply(&group).await;
    if plane {
        let status = json!({ "status": { "namespace": format!("dmp-{name}") } });
        let groups = kube::Api::<dmp_api::HealthGroup>::all(world.as_operator().await);
        let patch = kube::api::Patch::Merge(status);
        groups
            .patch_status(name, &kube::api::PatchParams::default(), &patch)
            .await
            .unwrap();
    }
}

fn store(name: &str, oldest: Option<jiff::civil::Date>, whole: bool, gaps: u64) -> Store {
    Store {
        name: name.to_owned(),
        oldest,
        whole,
        gaps,
    }
}

#[tokio::test]
async fn every_log_is_asked_for_to_its_end_and_those_without_a_copy_are_named() {
    let Some(world) = World::start().await else {
        return;
    };
    let operator = world.as_operator().await;
    let pki = Pki::new("dmp.test");
    let began = "2025-10-27T08:00:00.000Z";
    let answers: Answers = Arc::new(Mutex::new(BTreeMap::from([
        asked("registry", 0, part((0, began), 1, Some(4))),
        asked("registry", 4, part((0, began), 0, Some(8))),
        asked("registry", 8, part((0, began), 2, None)),
        asked("consent", 0, part((3, began), 0, None)),
        asked("audit", 0, part((0, began), 0, None)),
        asked("group/kept", 0, part((0, began), 0, None)),
        asked("group/young", 0, part((0, began), 0, None)),
    ])));
    let service = audit(&pki, &answers).await;
    let acts = ActLog::new(&service.base());
    acts.open(pki.service("dmp-system", "dmp-operator").http_client().unwrap());
    let look = async || log_stores::look(&operator, acts.kept().unwrap(), Timestamp::now()).await;
    assert!(matches!(look().await, Err(Error::NoPlatform)));

    world.apply(&platform()).await;
    for (name, plane) in [("kept", true), ("bare", true), ("young", false)] {
        group(&world, name, plane).await;
    }
    let seen = look().await.unwrap();
    let day = Some(date(2025, 10, 27));
    assert_eq!(
        seen.stores,
        [
            store("bare/records", None, false, 0),
            store("national/consent", day, false, 0),
            store("national/registry", day, true, 3),
            store("kept/records", day, true, 0),
            store("national/audit", day, true, 0),
        ]
    );
    assert!(!seen.is_complete() && seen.agrees(&look().await.unwrap()));

    // Where the evaluator looks, with the operator's own rights.
    let evidence = dmp_api::names::EVIDENCE_NAMESPACE;
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": evidence } });
    world.apply(&namespace).await;
    log_stores::leave(&operator, &seen).await.unwrap();
    let left = world
        .get(&named("ConfigMap", "v1", Some(evidence), CONFIG_MAP))
        .await
        .unwrap();
    let text = left["data"][KEY].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Observation>(text).unwrap(), seen);

    // It never comes to the end.
    let circle = asked("registry", 8, part((0, began), 0, Some(8)));
    answers.lock().unwrap().extend([circle]);
    assert!(matches!(look().await, Err(Error::Endless(_))));
}

#[tokio::test]
async fn an_audit_that_does_not_answer_or_refuses_says_nothing() {
    let Some(world) = World::start().await else {
        return;
    };
    let operator = world.as_operator().await;
    world.apply(&platform()).await;
    let pki = Pki::new("dmp.test");
    let service = audit(&pki, &Answers::default()).await;
    for (base, account) in [
        (service.base(), "network-probe"),
        ("https://localhost:1".to_owned(), "dmp-operator"),
    ] {
        let acts = ActLog::new(&base);
        assert!(acts.kept().is_err(), "it has no certificate yet");
        acts.open(pki.service("dmp-system", account).http_client().unwrap());
        let outcome = log_stores::look(&operator, acts.kept().unwrap(), Timestamp::now()).await;
        assert!(
            matches!(outcome, Err(Error::Kept { .. })),
            "{account}: {outcome:?}"
        );
    }
}

/// The Platform of the samples.
fn platform() -> serde_json::Value {
    let mut all = samples("platform.yaml").into_iter();
    all.find(|one| one["kind"] == "Platform").unwrap()
}
