//! Owner, class and purpose of what is there, on a real API server.

use dmp_evaluator::publish::Publisher;
use dmp_evaluator::report::verdict;
use dmp_evaluator::run::once;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::world::{World, result};

/// Verdict and message after a pass.
async fn said(world: &World) -> (String, String) {
    let mut publisher = Publisher::default();
    once(
        &world.evaluator,
        &world.catalogue,
        &mut publisher,
        Timestamp::now(),
    )
    .await
    .unwrap();
    let report = world.report().await;
    let found = result(&report, "DMP-GOV-05", "labels");
    (verdict(found).to_owned(), found.message.clone())
}

fn labels(class: &str, purpose: &str) -> Value {
    json!({
        "app.kubernetes.io/part-of": "dmp",
        "dmp.ma/owner": "souss-massa", "dmp.ma/data-class": class, "dmp.ma/purpose": purpose,
    })
}

#[tokio::test]
async fn what_nobody_labelled_and_health_data_below_their_class_are_found() {
    let Some(world) = World::start().await else {
        return;
    };
    world.namespace("dmp-national", "restricted").await;
    assert_eq!(said(&world).await, ("pass".to_owned(), String::new()));

    let mut service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "registry-rw", "namespace": "dmp-national" },
        "spec": { "ports": [{ "port": 5432 }] },
    });
    let mut claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": "registry-1", "namespace": "dmp-national", "labels": labels("3", "care") },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } },
    });
    for (object, right) in [
        (&mut service, labels("4", "care")),
        (&mut claim, labels("4", "care")),
    ] {
        world.apply(object).await;
        let (answer, message) = said(&world).await;
        assert_eq!(answer, "fail");
        assert!(message.contains("dmp-national"), "{message}");
        object["metadata"]["labels"] = right;
        world.apply(object).await;
        assert_eq!(said(&world).await, ("pass".to_owned(), String::new()));
    }

    // A plane of invented patients, and then a group of real ones in it.
    let mut space = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": "dmp-souss-massa", "labels": labels("1", "testing") },
    });
    space["metadata"]["labels"]["dmp.ma/group"] = json!("souss-massa");
    space["metadata"]["labels"]["dmp.ma/protected"] = json!("true");
    world.apply(&space).await;
    assert_eq!(said(&world).await.0, "pass");
    world
        .apply(&json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "HealthGroup", "metadata": { "name": "souss-massa" },
            "spec": {
                "kind": "gst", "region": "MA-09", "site": "agadir-1", "mode": "production",
                "controller": { "name": "A group", "cndpReceipt": "D-1/2026" },
            },
        }))
        .await;
    let (answer, message) = said(&world).await;
    assert_eq!(answer, "fail");
    assert!(message.contains("dmp-souss-massa"), "{message}");
    let own = world.report_of("dmp-souss-massa").await.unwrap();
    assert_eq!(verdict(result(&own, "DMP-GOV-05", "labels")), "fail");

    // Who comes without an object of the platform is nobody's business here.
    world
        .apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } }))
        .await;
    space["metadata"]["labels"]["dmp.ma/data-class"] = json!("4");
    world.apply(&space).await;
    assert_eq!(said(&world).await.0, "pass");
}
