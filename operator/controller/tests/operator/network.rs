//! The probe of the network's enforcement on a real API server: pods made and removed with the operator's own rights,
//! and the condition that follows from what they report.

use serde_json::{Value, json};

use crate::control_plane::World;
use crate::kubelet::{enforces, ignores, play};
use crate::lifecycle::{NAMESPACE, named, ready};

const CONDITION: &str = "NetworkPolicyEnforced";

async fn message(world: &World, platform: &Value) -> String {
    let live = world.get(platform).await.unwrap();
    let conditions = live["status"]["conditions"].as_array().unwrap().clone();
    let found = conditions.iter().find(|condition| condition["type"] == CONDITION);
    found.unwrap()["message"].as_str().unwrap().to_owned()
}

/// Somebody deletes a policy; the operator puts it back, and the namespace is probed anew.
async fn drop_policy(world: &World, namespace: &str) {
    let policy = named(
        "NetworkPolicy",
        "networking.k8s.io/v1",
        Some(namespace),
        "default-deny",
    );
    world.delete(&policy).await.unwrap();
}

#[tokio::test]
async fn the_condition_is_what_the_probes_found_and_a_changed_policy_is_probed_again() {
    let Some(mut world) = World::start().await else {
        return;
    };
    world.operator("one");
    let (platform, group) = ready(&world).await;
    world.until(&platform, CONDITION, "Unknown", "NotProbed").await;

    // A network that ignores the policies: one namespace is enough to know.
    let tried = play(&world, "dmp-national", ignores).await;
    assert!(
        tried.contains(&"--deny=egress=10.0.0.9:7003".to_owned()),
        "{tried:?}"
    );
    assert!(tried.contains(&"--deny=kubernetes.default=kubernetes.default.svc:443".to_owned()));
    world
        .until(&platform, CONDITION, "False", "ForbiddenFlowPassed")
        .await;
    let text = message(&world, &platform).await;
    assert!(
        text.contains("`dmp-national`") && text.contains("ingress, egress, registry.dmp-national"),
        "{text}"
    );
    play(&world, NAMESPACE, enforces).await;
    world
        .until(&platform, CONDITION, "False", "ForbiddenFlowPassed")
        .await;

    // The policies come back changed in what they are: probed again, and now they hold everywhere.
    drop_policy(&world, "dmp-national").await;
    let tried = play(&world, "dmp-national", enforces).await;
    // The first probe may have begun before the group was there.
    let records = format!("--deny=records.{NAMESPACE}=records.{NAMESPACE}.svc:8443");
    assert!(tried.contains(&records), "{tried:?}");
    world.until(&platform, CONDITION, "True", "Probed").await;

    // It did not stop anything from being ready, and it asks for nothing while nothing changes.
    world.until(&group, "Ready", "True", "Ready").await;
    let mut touched = group.clone();
    touched["metadata"]["labels"] = json!({ "again": "1" });
    world.apply(&touched).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let pod = named("Pod", "v1", Some(NAMESPACE), "network-probe-listener");
    assert!(world.get(&pod).await.is_none());
    world.until(&platform, CONDITION, "True", "Probed").await;
}

#[tokio::test]
async fn the_operator_makes_no_other_pod() {
    let Some(world) = World::start().await else {
        return;
    };
    let operator = world.as_operator().await;
    let pods = kube::Api::<k8s_openapi::api::core::v1::Pod>::namespaced(operator, "dmp-system");
    let pod = |name: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
            "spec": { "containers": [{ "name": "c", "image": "i" }] },
        })
    };
    let parameters = kube::api::PatchParams::apply("test").force();
    let refused = pods
        .patch("another", &parameters, &kube::api::Patch::Apply(pod("another")))
        .await;
    assert!(
        matches!(&refused, Err(kube::Error::Api(status)) if status.code == 403),
        "{refused:?}"
    );
    let made: k8s_openapi::api::core::v1::Pod = serde_json::from_value(pod("network-probe")).unwrap();
    let refused = pods.create(&kube::api::PostParams::default(), &made).await;
    assert!(
        matches!(&refused, Err(kube::Error::Api(status)) if status.code == 403),
        "{refused:?}"
    );
    pods.patch(
        "network-probe",
        &parameters,
        &kube::api::Patch::Apply(pod("network-probe")),
    )
    .await
    .unwrap();
    assert!(pods.list(&kube::api::ListParams::default()).await.is_err());
}

#[tokio::test]
async fn the_operator_sees_whom_to_ask_for_tls_and_leaves_what_it_saw() {
    let Some(world) = World::start().await else {
        return;
    };
    let evidence = dmp_api::names::EVIDENCE_NAMESPACE;
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": evidence, "labels": { "app.kubernetes.io/part-of": "dmp" } },
    });
    world.apply(&namespace).await;
    let operator = world.as_operator().await;
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "strange", "namespace": evidence },
        "spec": { "ports": [{ "name": "https", "port": 8443 }] },
    });
    world.apply(&service).await;
    let found = dmp_operator::tls_probe::find(&operator).await.unwrap();
    let names: Vec<_> = found.iter().map(|target| target.name.as_str()).collect();
    assert!(names.contains(&"strange.dmp-evidence:8443"), "{names:?}");
    assert!(!names.iter().any(|name| name.contains(".default:")), "{names:?}");

    let seen = dmp_api::tls_probe::Observation::new(jiff::Timestamp::now(), Vec::new());
    dmp_operator::tls_probe::leave(&operator, &seen).await.unwrap();
    let left = named("ConfigMap", "v1", Some(evidence), dmp_api::tls_probe::CONFIG_MAP);
    let left = world.get(&left).await.unwrap();
    let text = left["data"][dmp_api::tls_probe::KEY].as_str().unwrap();
    assert_eq!(
        serde_json::from_str::<dmp_api::tls_probe::Observation>(text).unwrap(),
        seen
    );
}
