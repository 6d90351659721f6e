//! The platform's own, stricter values on a real control plane: they are what checks are answered by, and a looser one refuses all.

use dmp_evaluator::publish::Publisher;
use dmp_evaluator::report::verdict;
use dmp_evaluator::run::once;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::world::{World, cluster_report, result};

fn profile(parameters: &Value) -> Value {
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "PolicyProfile", "metadata": { "name": "national" },
        "spec": { "parameters": parameters },
    })
}

fn chosen(control: &str, parameter: &str, value: Value) -> Value {
    json!({
        "control": control, "parameter": parameter, "value": value, "since": "2026-11-29",
        "reason": "the board asked for it",
    })
}

#[tokio::test]
async fn a_stricter_value_counts_and_a_looser_one_refuses_all() {
    let Some(world) = World::start().await else {
        return;
    };
    let until = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let until = until.checked_add(jiff::Span::new().days(40)).unwrap();
    world.namespace("dmp-national", "restricted").await;
    world
        .apply(&json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "PolicyException", "metadata": { "name": "old-network" },
            "spec": {
                "control": "DMP-NET-01", "check": "policies", "namespaces": ["dmp-national"], "role": "dmp-security",
                "by": "amina", "reason": "the old network goes in January", "until": until.to_string(),
                "approval": { "role": "dmp-host", "by": "brahim" },
            },
        }))
        .await;
    let mut publisher = Publisher::default();
    // Verdict and message of the check, what the control is judged by, and what became of the exception.
    let mut seen = async || {
        once(
            &world.evaluator,
            &world.catalogue,
            &mut publisher,
            Timestamp::now(),
        )
        .await
        .unwrap();
        let report = world.report().await;
        let own = result(&report, "DMP-GOV-03", "profile");
        let network = world.report_of("dmp-national").await.unwrap();
        let network = verdict(result(&network, "DMP-NET-01", "policies")).to_owned();
        let judged_by = own.properties.get("profile").cloned().unwrap_or_default();
        (verdict(own).to_owned(), own.message.clone(), judged_by, network)
    };
    let expected = |verdict: &str, message: &str, judged_by: &str, network: &str| {
        (
            verdict.to_owned(),
            message.to_owned(),
            judged_by.to_owned(),
            network.to_owned(),
        )
    };
    assert_eq!(seen().await, expected("pass", "", "", "excepted"), "no profile");

    let tight = chosen("DMP-GOV-03", "longestDays", json!(30));
    world.apply(&profile(&json!([tight]))).await;
    assert_eq!(
        seen().await,
        expected("pass", "", "longestDays = 30", "fail"),
        "forty days are too long for an exception"
    );
    let version = async || world.get(&cluster_report()).await.unwrap()["metadata"]["resourceVersion"].clone();
    let before = version().await;
    seen().await;
    assert_eq!(version().await, before, "nothing changed, nothing is written");

    let loose = chosen("DMP-LOG-01", "retention", json!(30));
    world.apply(&profile(&json!([tight, loose]))).await;
    let (verdict, message, judged_by, network) = seen().await;
    assert_eq!(
        (verdict.as_str(), judged_by.as_str(), network.as_str()),
        ("fail", "", "excepted")
    );
    assert!(
        message.contains("DMP-LOG-01 retention: 30 is looser than the catalogue's 365"),
        "{message}"
    );

    world.delete(&profile(&json!([]))).await;
    assert_eq!(seen().await, expected("pass", "", "", "excepted"));
}
