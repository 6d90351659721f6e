//! Who did what at the guichet, in the platform's log: on a real API server, before anything is written and before it is answered.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use axum::routing::post;
use axum::{Json, Router};
use dmp_client::acts::{Act, ROUTE, Receipt};
use dmp_core::peer::{ServicePattern, allow};
use dmp_homologation::canonical::digest;
use dmp_keys::Client as OpenBao;
use dmp_testkit::bodies::Authority;
use dmp_testkit::{Bao, Pki, TestService};
use kube::Client;
use serde_json::{Value, json};

use super::openapi::OPERATIONS;
use super::scene::{
    CSR, Door, ICE, app, body, create, place, platform, review, run, server, sign_up, signed, signed_up,
    written,
};
use crate::acts::ActLog;
use crate::acts::memory::Held;
use crate::affected::Affected;
use crate::app::App;
use crate::cluster::Cluster;
use crate::registry::Registry;

fn log_of(app: &App) -> Held {
    match &app.acts {
        ActLog::Memory(held) => held.clone(),
        _ => panic!("another log"),
    }
}

/// Somebody, as the log has them.
fn person(subject: &str) -> String {
    let hash = digest(format!("https://issuer.test\n{subject}").as_bytes());
    format!("person:{}", &hash[..32])
}

/// Every object that the portal can write, with what the API server counts of its changes.
async fn everything(administrator: &Client) -> Vec<String> {
    let all = written(administrator, "vendor-atlas").await;
    all.iter()
        .map(|(kind, object)| {
            let metadata = &object.metadata;
            format!("{kind} {:?} {:?}", metadata.name, metadata.resource_version)
        })
        .collect()
}

/// What comes before: a platform with bodies. The statements that they sign, a review and a run.
async fn statements(administrator: &Client) -> (Value, Value) {
    let (interop, suite) = (
        Authority::new("Interop", "000000000000001"),
        Authority::new("Suite", "000000000000005"),
    );
    let bodies = json!([body("interop", &interop, &[]), body("suite", &suite, &[])]);
    create(administrator, &platform(bodies)).await;
    (
        signed(&interop.person("i1"), &review("vendor-atlas/his-1-0")),
        signed(&suite.person("suite"), &run("atlas")),
    )
}

/// One after the other: path at the guichet, body, operation and object as the log has them.
fn acts(review: Value, run: Value) -> Vec<(&'static str, &'static str, Value, &'static str, &'static str)> {
    let credential = |csr: &str| json!({ "name": "his-1", "solution": "his", "version": "1.0", "csr": csr });
    let evidence = json!({ "name": "pentest", "evidence": {
        "kind": "pen-test", "issuer": "Lab", "sha256": "b".repeat(64), "issued": "2026-10-01",
    } });
    let submission = json!({
        "name": "his-1-0", "solution": "his", "version": "1.0", "programme": "p", "cycle": 1, "profiles": ["f"],
    });
    let log_in = json!({ "patient": { "system": "https://dmp.ma/sid/cnie", "value": "XT1" } });
    let members = json!({ "members": [
        { "issuer": "https://issuer.test", "subject": "leila" },
        { "issuer": "https://issuer.test", "subject": "omar" },
    ] });
    let product = json!({ "name": "his", "product": "SIH", "kind": "hospital" });
    let version = json!({ "solution": "his", "version": "1.0" });
    let next = CSR.replace("MA==", "MQ==");
    let (post, put) = ("post", "put");
    vec![
        (post, "/solutions", product, "solution", "vendor-atlas/his"),
        (post, "/versions", version, "version", "vendor-atlas/his-1-0"),
        (post, "/evidence", evidence, "evidence", "vendor-atlas/pentest"),
        (
            post,
            "/credentials",
            credential(CSR),
            "credential",
            "vendor-atlas/his-1",
        ),
        (
            post,
            "/credentials",
            credential(&next),
            "credential-renewal",
            "vendor-atlas/his-1",
        ),
        (
            post,
            "/homologations",
            submission,
            "submission",
            "vendor-atlas/his-1-0",
        ),
        (
            post,
            "/homologations/his-1-0/reviews",
            review,
            "review",
            "vendor-atlas/interop-",
        ),
        (
            post,
            "/homologations/his-1-0/withdraw",
            json!({}),
            "withdrawal",
            "vendor-atlas/his-1-0",
        ),
        (post, "/runs", run, "run", "vendor-atlas/sandbox-"),
        (
            post,
            "/non-conformities/nc/answers",
            json!({ "text": "corrigé" }),
            "answer",
            "vendor-atlas/answer-",
        ),
        (post, "/sandbox/log-ins", log_in, "sandbox-log-in", "atlas"),
        (post, "/sandbox/reset", json!({}), "sandbox-reset", "atlas"),
        (put, "/members", members, "members", "atlas"),
    ]
}

/// That it is about to be done, and how it ended: the same act, of Leila.
fn pair(taken: &[Act], operation: &str, outcome: &str) {
    let [asked, ended] = taken else {
        panic!("{operation}: {taken:?}")
    };
    let id = asked.id.strip_suffix("/asked").unwrap();
    assert_eq!(ended.id, format!("{id}/ended"));
    assert_eq!(
        (asked.outcome.as_str(), ended.outcome.as_str()),
        ("asked", outcome)
    );
    for act in taken {
        assert_eq!(act.operation, format!("guichet/{operation}"));
        assert_eq!(act.who, person("leila"));
        assert_eq!(act.object, asked.object);
        assert_eq!(act.facts, asked.facts);
    }
}

#[tokio::test]
async fn nothing_is_done_that_the_log_does_not_take_and_what_is_done_is_in_it_twice() {
    let Some((_server, administrator, portal)) = server().await else {
        return;
    };
    let app = app(Some(portal));
    let log = log_of(&app);
    let door = Door::of(app);
    let unrecorded = (503, "act-not-recorded".to_owned());

    let sign_up = sign_up("atlas", ICE);
    log.takes(Some(0));
    assert_eq!(
        door.refused(Some("leila"), "post", "/vendors", sign_up.clone())
            .await,
        unrecorded
    );
    assert!(everything(&administrator).await.is_empty());
    log.takes(None);
    door.done("leila", "post", "/vendors", sign_up).await;
    let taken = log.take();
    pair(&taken, "sign-up", "done");
    assert_eq!(
        (taken[0].resource.as_str(), taken[0].object.as_str()),
        ("Vendor", "atlas")
    );

    place(&administrator, "atlas").await;
    let (review, run) = statements(&administrator).await;
    create(&administrator, &json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "NonConformity", "metadata": { "name": "nc", "namespace": "vendor-atlas" },
        "spec": { "solution": "his", "rule": "DF-03", "measured": "7 %", "severity": "major", "deadline": "2027-01-15" },
    }))
    .await;
    let acts = acts(review, run);
    for (method, end, body, operation, object) in &acts {
        let path = format!("/vendors/atlas{end}");
        let before = everything(&administrator).await;
        log.takes(Some(0));
        assert_eq!(
            door.refused(Some("leila"), method, &path, body.clone()).await,
            unrecorded,
            "{path}"
        );
        assert_eq!(
            everything(&administrator).await,
            before,
            "{path}: nothing was written"
        );
        assert_eq!(log.take(), []);
        log.takes(None);
        door.done("leila", method, &path, body.clone()).await;
        let taken = log.take();
        pair(&taken, operation, "done");
        assert!(
            taken[0].object.starts_with(object),
            "{} {object}",
            taken[0].object
        );
        assert_eq!(taken[0].facts.len(), 1, "what was written");
    }

    // Every operation that writes was among them.
    let mut written: Vec<String> = acts
        .iter()
        .map(|(method, end, ..)| {
            let end = end.replace("his-1-0", "{name}").replace("/nc/", "/{name}/");
            format!("{method} /vendors/{{vendor}}{end}")
        })
        .chain([
            "post /vendors".to_owned(),
            "put /vendors/{vendor}/sandbox".to_owned(),
        ])
        .collect();
    written.sort();
    written.dedup();
    let mut operations: Vec<String> = OPERATIONS
        .iter()
        .filter(|operation| operation.method != "get")
        // It writes nothing; audit records the asking itself.
        .filter(|operation| operation.path != "/incidents/{name}/affected")
        .map(|operation| format!("{} {}", operation.method, operation.path))
        .collect();
    operations.sort();
    assert_eq!(written, operations);
}

#[tokio::test]
async fn what_ends_otherwise_is_recorded_as_that() {
    let Some((_server, administrator, portal)) = server().await else {
        return;
    };
    let app = app(Some(portal));
    let log = log_of(&app);
    let door = Door::of(app);
    signed_up(&door, &administrator, "leila", "atlas", ICE).await;
    log.take();

    // What is refused before anything would be written is no act.
    let stranger = door
        .refused(Some("omar"), "post", "/vendors/atlas/sandbox/reset", json!({}))
        .await;
    assert_eq!(stranger.0, 404);
    assert_eq!(log.take(), []);
    // The API server's rules; a part that is away.
    let version = json!({ "solution": "his", "version": "01.2" });
    let refused = door
        .refused(Some("leila"), "post", "/vendors/atlas/versions", version)
        .await;
    assert_eq!(refused, (422, "not-valid".to_owned()));
    pair(&log.take(), "version", "refused/not-valid");
    let away = door
        .refused(Some("leila"), "put", "/vendors/atlas/sandbox", Value::Null)
        .await;
    assert_eq!(away, (503, "registry-unavailable".to_owned()));
    pair(&log.take(), "sandbox", "failed/registry-unavailable");

    // The log goes away in between: no answer that it is done; asked again, it is.
    let product = json!({ "name": "his", "product": "SIH", "kind": "hospital" });
    log.takes(Some(1));
    let path = "/vendors/atlas/solutions";
    let answer = door.refused(Some("leila"), "post", path, product.clone()).await;
    assert_eq!(answer, (503, "act-not-recorded".to_owned()));
    assert_eq!(log.take().len(), 1, "that it was about to be done");
    log.takes(None);
    door.done("leila", "post", path, product).await;
    pair(&log.take(), "solution", "done");
}

#[tokio::test]
async fn the_log_is_audits_and_without_it_nothing_is_done() {
    let Some((_server, administrator, portal)) = server().await else {
        return;
    };
    let pki = Pki::new("dmp.test");
    let identity = pki.service("dmp-national", "portal");
    let held = Arc::new(Mutex::new(Vec::<Act>::new()));
    let taking = held.clone();
    let take = move |Json(act): Json<Act>| {
        taking.lock().unwrap().push(act);
        let leaf = "l".to_owned();
        async move {
            Json(Receipt {
                leaf,
                repeated: false,
            })
        }
    };
    let only = allow("dmp.test", &[ServicePattern::National("portal")]);
    let router = Router::new().route(ROUTE, post(take).layer(only));
    let audit = TestService::start(&pki.service("dmp-national", "audit"), router).await;
    let with = |url: Option<&str>| {
        let app = App::new(
            "dmp.test",
            "https://gateway.dmp.test",
            OpenBao::root(&Bao::shared().config(None)).unwrap(),
            Cluster::new(Some(portal.clone())),
            Registry::new(&identity, None).unwrap(),
            ActLog::new(&identity, url).unwrap(),
            Affected::new(&identity, url).unwrap(),
        );
        Door::of(app.unwrap())
    };
    let unrecorded = (503, "act-not-recorded".to_owned());
    let sign_up = sign_up("atlas", ICE);
    let nowhere = with(None)
        .refused(Some("leila"), "post", "/vendors", sign_up.clone())
        .await;
    assert_eq!(nowhere, unrecorded);
    let door = with(Some(&audit.base()));
    door.done("leila", "post", "/vendors", sign_up).await;
    pair(&held.lock().unwrap(), "sign-up", "done");
    place(&administrator, "atlas").await;
    audit.stop();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let product = json!({ "name": "his", "product": "SIH", "kind": "hospital" });
    let away = door
        .refused(Some("leila"), "post", "/vendors/atlas/solutions", product)
        .await;
    assert_eq!(away, unrecorded);
    let before = everything(&administrator).await;
    assert_eq!(before.len(), 1, "the vendor alone: {before:?}");
}
