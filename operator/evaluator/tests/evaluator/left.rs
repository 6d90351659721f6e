//! What the operator leaves of logs and of who came, on a real API server: how far back logs reach, and which accounts nobody uses.

use dmp_evaluator::evidence::sha256;
use dmp_evaluator::publish::Publisher;
use dmp_evaluator::report::verdict;
use dmp_evaluator::run::once;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::world::{World, result};

const OLDEST: (&str, &str) = ("DMP-LOG-01", "oldest");
const OUTSIDE: (&str, &str) = ("DMP-LOG-01", "outside");
const DORMANT: (&str, &str) = ("DMP-IAM-05", "dormant");

/// Verdict and message of a check, as it stands now.
async fn said(world: &World, publisher: &mut Publisher, (control, check): (&str, &str)) -> (String, String) {
    once(&world.evaluator, &world.catalogue, publisher, Timestamp::now())
        .await
        .unwrap();
    let report = world.report().await;
    let result = result(&report, control, check);
    (verdict(result).to_owned(), result.message.clone())
}

fn days_before(at: Timestamp, days: i64) -> String {
    let then = at - SignedDuration::from_hours(24 * days);
    then.to_zoned(TimeZone::UTC).date().to_string()
}

#[tokio::test]
async fn what_the_operator_was_told_of_logs_is_judged_while_it_is_young() {
    let Some(world) = World::start().await else {
        return;
    };
    let now = Timestamp::now();
    let left = |at: Timestamp, store: Value| {
        let observation = json!({ "observedAt": at, "stores": [store], "more": 0 });
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "log-stores", "namespace": "dmp-evidence" },
            "data": { "observation.json": observation.to_string() },
        })
    };
    let store = |days: i64, whole: bool, gaps: u64| {
        let oldest = days_before(now, days);
        json!({ "name": "souss-massa/records", "oldest": oldest, "whole": whole, "gaps": gaps })
    };
    let mut publisher = Publisher::default();
    assert_eq!(said(&world, &mut publisher, OLDEST).await.0, "error");
    let hour = SignedDuration::from_hours(1);
    for (at, store, expected) in [
        (now, store(3, true, 0), "pass"),
        (now, store(400, false, 0), "pass"),
        (now, store(30, false, 0), "fail"),
        (now, store(400, true, 1), "fail"),
        (now - 7 * hour, store(3, true, 0), "error"),
        (now + hour, store(3, true, 0), "error"),
        (now, json!({ "name": "souss-massa/records", "age": 400 }), "error"),
    ] {
        world.apply(&left(at, store.clone())).await;
        let (verdict, message) = said(&world, &mut publisher, OLDEST).await;
        assert_eq!(verdict, expected, "{at} {store}");
        assert_eq!(
            message.contains("souss-massa/records"),
            expected == "fail",
            "{message}"
        );
    }
}

#[tokio::test]
async fn logs_that_the_platform_does_not_read_do_not_pass_until_somebody_says_how_old_they_are() {
    let Some(world) = World::start().await else {
        return;
    };
    let now = Timestamp::now();
    let mut publisher = Publisher::default();
    let (verdict, message) = said(&world, &mut publisher, OUTSIDE).await;
    assert_eq!(verdict, "error");
    assert!(message.contains("dmpctl compliance attest"), "{message}");

    let mut number = 0;
    let mut brought = |names: &[&str], oldest: &str| {
        number += 1;
        let stores: Vec<_> = names
            .iter()
            .map(|name| json!({ "name": name, "oldest": oldest }))
            .collect();
        let inputs = json!({ "outside": stores }).to_string();
        json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "ControlEvidence", "metadata": { "name": format!("logs-{number}") },
            "spec": {
                "control": "DMP-LOG-01", "role": "dmp-security", "by": "amina@host.example",
                "collectedAt": (now - SignedDuration::from_mins(60 - number)).to_string(),
                "sha256": sha256(&inputs), "inputs": inputs,
            },
        })
    };
    let all = ["api-server-audit", "container-lines", "openbao-audit"];
    let (old, young) = (days_before(now, 400), days_before(now, 30));
    for (names, oldest, expected) in [
        (&all[..], &old, "pass"),
        (&all[..], &young, "fail"),
        (&all[..2], &old, "fail"),
        (&all[..], &String::new(), "fail"),
        (&[], &old, "fail"),
    ] {
        world.apply(&brought(names, oldest)).await;
        let (verdict, message) = said(&world, &mut publisher, OUTSIDE).await;
        assert_eq!(verdict, expected, "{names:?} {oldest} {message}");
    }
}

#[tokio::test]
async fn an_account_that_nobody_uses_is_named_by_its_binding() {
    let Some(world) = World::start().await else {
        return;
    };
    let now = Timestamp::now();
    let mut publisher = Publisher::default();
    let (verdict, message) = said(&world, &mut publisher, DORMANT).await;
    assert_eq!(verdict, "error");
    assert!(message.contains("has left nothing yet"), "{message}");

    world
        .apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "host-amina" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "dmp-host" },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "amina@host.example" }],
        }))
        .await;
    let hour = SignedDuration::from_hours(1);
    // Everybody is bound since a moment ago: of who never came that counts, of who came the day.
    for (at, last, expected) in [
        (now, None, "pass"),
        (now, Some(90), "pass"),
        (now, Some(91), "fail"),
        (now, Some(-30), "fail"),
        (now - 31 * hour, Some(1), "error"),
        (now + hour, Some(1), "error"),
    ] {
        let mut days = serde_json::Map::new();
        if let Some(last) = last {
            let day = json!(days_before(now, last));
            days.insert(dmp_api::last_uses::person("amina@host.example"), day);
        }
        let observation = json!({ "observedAt": at, "since": days_before(now, 200), "days": days });
        world
            .apply(&json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "last-uses", "namespace": "dmp-evidence" },
                "data": { "observation.json": observation.to_string() },
            }))
            .await;
        let (verdict, message) = said(&world, &mut publisher, DORMANT).await;
        assert_eq!(verdict, expected, "{at} {last:?} {message}");
        let named = message.contains("person by host-amina");
        assert_eq!(named, expected == "fail", "{message}");
    }
    assert!(
        !serde_json::to_string(&world.report().await)
            .unwrap()
            .contains("amina@")
    );
}
