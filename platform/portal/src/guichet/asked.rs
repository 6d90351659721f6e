//! Whose records an incident touched, at the guichet on a real API server: for whom, about what, and what audit is asked.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use axum::routing::post;
use axum::{Json, Router};
use dmp_client::affected::{AffectedPatient, Answer, Question, ROUTE};
use dmp_core::ids::PatientId;
use dmp_core::peer::{ServicePattern, allow};
use dmp_core::problem::Problem;
use dmp_homologation::canonical::digest;
use dmp_keys::Client as OpenBao;
use dmp_testkit::bodies::Authority;
use dmp_testkit::{Bao, Pki, TestService};
use kube::Client;
use serde_json::{Value, json};

use super::scene::{Door, body, create, platform, server};
use crate::acts::ActLog;
use crate::acts::memory::Held;
use crate::affected::Affected;
use crate::app::App;
use crate::cluster::Cluster;
use crate::registry::Registry;

/// Questions as audit has them; what it answers is a patient, or that it is not ready.
struct Audit {
    service: TestService,
    questions: Arc<Mutex<Vec<Question>>>,
    patient: PatientId,
    ready: Arc<Mutex<bool>>,
}

impl Audit {
    async fn new(pki: &Pki) -> Self {
        let (questions, ready) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(true)));
        let patient = PatientId::random();
        let (asked, is_ready) = (Arc::clone(&questions), Arc::clone(&ready));
        let answer = move |Json(question): Json<Question>| async move {
            if !*is_ready.lock().unwrap() {
                let problem = Problem::conflict("access-index-not-ready", "t");
                return Err(problem.with_detail("7 of 9 entries"));
            }
            let (first, last) = (question.from, question.to);
            asked.lock().unwrap().push(question);
            Ok(Json(Answer {
                count: 1,
                patients: vec![AffectedPatient {
                    patient: Some(patient),
                    first,
                    last,
                    reads: 1,
                    searches: 0,
                    writes: 0,
                }],
                next: None,
                behind: false,
                unreadable: 0,
            }))
        };
        let only = allow("dmp.test", &[ServicePattern::National("portal")]);
        let router = Router::new().route(ROUTE, post(answer).layer(only));
        let service = TestService::start(&pki.service("dmp-national", "audit"), router).await;
        Self {
            service,
            questions,
            patient,
            ready,
        }
    }
}

fn door(pki: &Pki, portal: Client, audit: Option<&str>) -> Door {
    let identity = pki.service("dmp-national", "portal");
    let app = App::new(
        "dmp.test",
        "https://gateway.dmp.test",
        OpenBao::root(&Bao::shared().config(None)).unwrap(),
        Cluster::new(Some(portal)),
        Registry::new(&identity, None).unwrap(),
        ActLog::Memory(Held::default()),
        Affected::new(&identity, audit).unwrap(),
    );
    Door::of(app.unwrap())
}

async fn incident(administrator: &Client, name: &str, change: Value) {
    let mut spec = json!({
        "awareAt": "2026-11-20T10:00:00Z", "severity": "major", "summary": "Une clé a servi ailleurs.",
        "affects": { "groups": ["tanger"] }, "personalData": true,
    });
    for (name, value) in change.as_object().unwrap() {
        spec[name] = value.clone();
    }
    let object = json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "Incident", "metadata": { "name": name }, "spec": spec,
    });
    create(administrator, &object).await;
}

fn question(group: &str) -> Value {
    json!({
        "group": group, "software": "vendor-atlas/his",
        "from": "2026-11-01T00:00:00Z", "to": "2026-11-20T00:00:00Z",
    })
}

#[tokio::test]
async fn readers_of_the_body_of_security_ask_about_an_incident_that_says_so() {
    let Some((_server, administrator, portal)) = server().await else {
        return;
    };
    let pki = Pki::new("dmp.test");
    let audit = Audit::new(&pki).await;
    let base = audit.service.base();
    let door = door(&pki, portal, Some(&base));
    let (security, interop) = (
        Authority::new("Security", "000000000000002"),
        Authority::new("Interop", "000000000000001"),
    );
    let bodies = json!([
        body("security", &security, &["salma"]),
        body("interop", &interop, &["rachid"])
    ]);
    create(&administrator, &platform(bodies)).await;
    incident(&administrator, "theft", json!({})).await;
    incident(
        &administrator,
        "everywhere",
        json!({ "affects": { "platform": true } }),
    )
    .await;
    incident(&administrator, "no-data", json!({ "personalData": false })).await;
    let receipt = |to: &str| json!({ "to": to, "sentAt": "2026-11-20T11:00:00Z", "reference": "r" });
    let mut customer = receipt("customer");
    customer["group"] = json!("tanger");
    let over = json!({
        "receipts": [receipt("dgssi"), customer, receipt("cndp"), receipt("patient")],
        "closing": { "at": "2026-11-21T10:00:00Z", "word": "fini" },
    });
    incident(&administrator, "over", over).await;

    let path = |name: &str| format!("/incidents/{name}/affected");
    let given = door
        .done("salma", "post", &path("theft"), question("tanger"))
        .await;
    assert_eq!(
        (&given["count"], &given["patients"][0]["patient"]),
        (&json!(1), &json!(audit.patient.as_uuid().to_string()))
    );
    door.done("salma", "post", &path("everywhere"), question("oriental"))
        .await;
    let asked = std::mem::take(&mut *audit.questions.lock().unwrap());
    let hash = digest(b"https://issuer.test\nsalma");
    let told: Vec<_> = asked
        .iter()
        .map(|question| {
            (
                question.incident.as_str(),
                question.group.as_str(),
                question.who.clone(),
            )
        })
        .collect();
    let salma = format!("person:{}", &hash[..32]);
    assert_eq!(
        told,
        [
            ("theft", "tanger", salma.clone()),
            ("everywhere", "oriental", salma)
        ]
    );
    assert_eq!(asked[0].software.as_deref(), Some("vendor-atlas/his"));

    // To everybody else there is no incident, whatever its name.
    for (who, name) in [
        ("rachid", "theft"),
        ("omar", "theft"),
        ("omar", "none"),
        ("salma", "none"),
        ("salma", "..%2Fplatforms%2Fnational"),
    ] {
        let refused = door
            .refused(Some(who), "post", &path(name), question("tanger"))
            .await;
        assert_eq!(refused, (404, "no-such-incident".to_owned()), "{who} {name}");
    }
    let nobody = door
        .refused(None, "post", &path("theft"), question("tanger"))
        .await;
    assert_eq!(nobody, (401, "log-in-required".to_owned()));
    for (name, group) in [("theft", "oriental"), ("no-data", "tanger"), ("over", "tanger")] {
        let refused = door
            .refused(Some("salma"), "post", &path(name), question(group))
            .await;
        assert_eq!(
            refused,
            (409, "incident-not-about-it".to_owned()),
            "{name} {group}"
        );
    }
    for (change, code) in [
        (json!({ "to": "2026-12-20T00:00:00Z" }), "window-not-valid"),
        (json!({ "from": "yesterday" }), "question-not-valid"),
        (json!({ "software": null }), "question-not-valid"),
        (json!({ "limit": 501 }), "question-not-valid"),
    ] {
        let mut bad = question("tanger");
        for (name, value) in change.as_object().unwrap() {
            bad[name] = value.clone();
        }
        let refused = door.refused(Some("salma"), "post", &path("theft"), bad).await;
        assert_eq!(refused, (422, code.to_owned()), "{change}");
    }
    assert_eq!(audit.questions.lock().unwrap().len(), 0, "audit was not asked");

    *audit.ready.lock().unwrap() = false;
    let (status, answer) = door
        .ask(Some("salma"), "post", &path("theft"), question("tanger"))
        .await;
    assert_eq!(
        (status.as_u16(), &answer["code"], &answer["detail"]),
        (409, &json!("access-index-not-ready"), &json!("7 of 9 entries"))
    );
    audit.service.stop();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let away = door
        .refused(Some("salma"), "post", &path("theft"), question("tanger"))
        .await;
    assert_eq!(away, (503, "audit-unavailable".to_owned()));
}
