//! Every metric of ours that an alert or a dashboard reads is at some service's `/metrics`; those of the operator
//! and of the evaluator are looked for on the appliance (`tests/e2e`).

use std::collections::BTreeSet;

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::world::World;

/// The operator's own, and the evaluator's.
fn is_of_the_operator(name: &str) -> bool {
    let by_prefix = [
        "dmp_operator_",
        "dmp_evaluation_",
        "dmp_incident",
        "dmp_oscal_",
        "dmp_policy_",
        "dmp_posture_",
        "dmp_system_",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix));
    by_prefix || ["dmp_resource_condition", "dmp_control_verdict"].contains(&name)
}

/// Names of the samples in Prometheus' text.
fn names(text: &str) -> impl Iterator<Item = String> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_alerts_and_dashboards_read_is_there() {
    let world = World::start().await;
    let (patient, _) = world.publish(HeaderMap::new()).await;
    assert_eq!(world.patient(patient, "/dmp/v1/trail").await.status, 200);
    // A failure of each kind that has a metric of its own: no such route, and a token that is asked for in vain.
    let lost = world
        .hospital(reqwest::Method::GET, "/nowhere", HeaderMap::new(), &Value::Null)
        .await;
    assert_eq!(lost.status, 404);
    assert_eq!(world.token_in_vain().await, 400);
    world.stranger().await;
    // The metrics that are measured from time to time.
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;

    let mut shown = BTreeSet::new();
    for service in &world.services {
        let text = service.metrics().await;
        // The portal checks its certificate alone, which is a file here.
        let has_checks = text.contains("dmp_check_passing{check=");
        assert!(has_checks || service.name == "portal", "{}", service.name);
        shown.extend(names(&text));
    }
    let read = dmp_observability::metrics_read().unwrap();
    let missing: Vec<&String> = read
        .iter()
        .filter(|name| name.starts_with("dmp_") && !is_of_the_operator(name))
        .filter(|name| !shown.contains(*name))
        .collect();
    assert_eq!(missing, Vec::<&String>::new(), "no service shows these");
    assert!(read.len() > 15, "{read:?}");
}
