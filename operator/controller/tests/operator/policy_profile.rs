//! A platform's stricter values on a real API server with the operator's own binary: the clocks of an incident follow them, and the
//! catalogue again when the profile does not count.

use jiff::Timestamp;
use k8s_controller::conditions;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};

use crate::control_plane::World;
use crate::homologation::status;

fn profile(hours: i64) -> Value {
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "PolicyProfile", "metadata": { "name": "national" },
        "spec": { "parameters": [{
            "control": "DMP-INC-01", "parameter": "customerHours", "value": hours, "since": "2026-11-29",
            "reason": "customers are told at once",
        }] },
    })
}

#[tokio::test]
async fn the_clock_of_a_customer_is_as_short_as_the_platform_says_and_never_longer() {
    let Some(mut world) = World::start().await else {
        return;
    };
    world.operator("one");
    let incident = json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "Incident", "metadata": { "name": "leak" },
        "spec": {
            "awareAt": Timestamp::now().to_string(), "severity": "major",
            "summary": "an account was used by somebody else",
            "affects": { "groups": ["oriental"] }, "personalData": false,
        },
    });
    world.apply(&incident).await;
    world.until(&incident, "Ready", "False", "NoticesDue").await;

    let tight = profile(0);
    world.apply(&tight).await;
    world.until(&tight, "Ready", "True", "Ready").await;
    assert_eq!(status(&world, &tight).await["inForce"], 1);
    // Nothing of the incident changed.
    world.until(&incident, "Overdue", "True", "ClockOverdue").await;

    let loose = profile(2);
    world.apply(&loose).await;
    world.until(&loose, "Ready", "False", "Loosens").await;
    let shown = status(&world, &loose).await;
    assert_eq!(shown["inForce"], 0);
    let all: Vec<Condition> = serde_json::from_value(shown["conditions"].clone()).unwrap();
    let ready = conditions::find(&all, "Ready").unwrap();
    assert_eq!(
        ready.message,
        "DMP-INC-01 customerHours: 2 is looser than the catalogue's 1"
    );
    world.until(&incident, "Overdue", "False", "InTime").await;
    world.until(&incident, "Ready", "False", "NoticesDue").await;
}
