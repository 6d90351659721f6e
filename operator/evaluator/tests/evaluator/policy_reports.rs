//! Reports for tools that read `wgpolicyk8s.io` alone: only when asked for, as their kinds' schema wants them.

use std::time::{Duration, Instant};

use dmp_evaluator::policy_reports::PolicyReports;
use dmp_evaluator::publish::Publisher;
use dmp_evaluator::run::once;
use dmp_testkit::kubernetes::api_of;
use jiff::Timestamp;
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::world::{World, manifests};

fn report(kind: &str, namespace: Option<&str>) -> Value {
    json!({
        "apiVersion": "wgpolicyk8s.io/v1alpha2", "kind": kind,
        "metadata": { "name": "dmp-controls", "namespace": namespace },
    })
}

async fn pass(world: &World, publisher: &mut Publisher) {
    once(&world.evaluator, &world.catalogue, publisher, Timestamp::now())
        .await
        .unwrap();
}

#[tokio::test]
async fn policy_reports_say_what_the_reports_say_when_they_are_asked_for() {
    let Some(world) = World::start().await else {
        return;
    };
    world.namespace("dmp-national", "restricted").await;
    let mut publisher = Publisher::default();
    publisher.policy_reports = PolicyReports::new(true);
    // Their kinds are not there: the pass is a pass.
    pass(&world, &mut publisher).await;

    let whole = report("ClusterPolicyReport", None);
    let own = report("PolicyReport", Some("dmp-national"));
    for kind in ["policyreports", "clusterpolicyreports"] {
        for object in manifests(&format!("wgpolicyk8s/{kind}.wgpolicyk8s.io.yaml")) {
            world.apply(&object).await;
        }
    }
    for served in [&whole, &own] {
        let begun = Instant::now();
        while api_of(&world.evaluator, served)
            .list(&ListParams::default())
            .await
            .is_err()
        {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "{served} is not served"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    // Who does not ask gets none.
    pass(&world, &mut Publisher::default()).await;
    assert!(world.get(&whole).await.is_none() && world.get(&own).await.is_none());

    // It reports on its own report from the second time on.
    pass(&world, &mut publisher).await;
    pass(&world, &mut publisher).await;
    let (written, in_namespace) = (world.get(&whole).await.unwrap(), world.get(&own).await.unwrap());
    let reports = [
        (json!(world.report().await), &written),
        (json!(world.report_of("dmp-national").await), &in_namespace),
    ];
    for (said, written) in reports {
        assert_eq!(said["summary"], written["summary"]);
        let mut results = written["results"].clone();
        for result in results.as_array_mut().unwrap() {
            assert_eq!(
                result.as_object_mut().unwrap().remove("source"),
                Some(json!("dmp-evaluator"))
            );
        }
        assert_eq!(
            said["results"], results,
            "nothing of it was cut off by the schema"
        );
    }
    pass(&world, &mut publisher).await;
    assert_eq!(
        world.get(&whole).await,
        Some(written.clone()),
        "the same is written once"
    );

    // What somebody changed or nobody reports any more.
    let mut white = whole.clone();
    white["summary"] = json!({ "pass": 59 });
    world.apply(&white).await;
    world
        .apply(&{
            let mut stray = report("PolicyReport", Some("default"));
            stray["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "dmp-evaluator" });
            stray
        })
        .await;
    pass(&world, &mut publisher).await;
    assert_eq!(world.get(&whole).await.unwrap()["summary"], written["summary"]);
    assert!(
        world
            .get(&report("PolicyReport", Some("default")))
            .await
            .is_none()
    );
}
