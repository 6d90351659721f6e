//! A platform and a group from nothing to ready, through drift and retirement, on a real API server.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::control_plane::{World, namespace, samples};
use crate::kubelet::{enforces, play};

pub const NAMESPACE: &str = "dmp-tanger-tetouan-al-hoceima";

pub fn named(kind: &str, api_version: &str, namespace: Option<&str>, name: &str) -> Value {
    let mut object = json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name } });
    if let Some(namespace) = namespace {
        object["metadata"]["namespace"] = json!(namespace);
    }
    object
}

/// What the operator applies in a namespace: API group, kind, plural.
pub const CHILDREN: [(&str, &str, &str); 9] = [
    ("", "ConfigMap", "configmaps"),
    ("", "Service", "services"),
    ("", "ServiceAccount", "serviceaccounts"),
    ("", "ResourceQuota", "resourcequotas"),
    ("", "LimitRange", "limitranges"),
    ("networking.k8s.io", "NetworkPolicy", "networkpolicies"),
    ("policy", "PodDisruptionBudget", "poddisruptionbudgets"),
    ("apps", "Deployment", "deployments"),
    ("postgresql.cnpg.io", "Cluster", "clusters"),
];

/// Resource versions of everything that the operator writes.
pub async fn versions(world: &World) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::new();
    for plane in ["dmp-national", NAMESPACE] {
        for (group, kind, plural) in CHILDREN {
            for object in world.list(group, kind, plural, Some(plane)).await.unwrap() {
                let key = format!("{plane}/{kind}/{}", object["metadata"]["name"].as_str().unwrap());
                versions.insert(key, object["metadata"]["resourceVersion"].to_string());
            }
        }
    }
    for (kind, plural) in [
        ("HealthGroup", "healthgroups"),
        ("Platform", "platforms"),
        ("Site", "sites"),
    ] {
        for object in world.list("dmp.ma", kind, plural, None).await.unwrap() {
            let key = format!("{kind}/{}", object["metadata"]["name"].as_str().unwrap());
            versions.insert(key, object["metadata"]["resourceVersion"].to_string());
        }
    }
    versions
}

/// Brings the samples' platform and its first group to `Ready`.
pub async fn ready(world: &World) -> (Value, Value) {
    let group = samples("groups.yaml").remove(0);
    let platform = samples("platform.yaml").remove(0);
    for site in samples("sites.yaml") {
        world.apply(&site).await;
    }
    for object in [&platform, &group] {
        world.apply(object).await;
    }
    up(world, &platform, &group).await;
    (platform, group)
}

/// Databases and pods come up until both are ready.
async fn up(world: &World, platform: &Value, group: &Value) {
    for (plane, object) in [("dmp-national", platform), (NAMESPACE, group)] {
        world
            .wait("ready databases and pods", || async {
                world.up(plane).await;
                world.condition(object, "Ready").await == Some(("True".to_owned(), "Ready".to_owned()))
            })
            .await;
    }
}

/// Requests that changed something, since the API server started.
async fn writes(world: &World) -> u64 {
    let request = http::Request::get("/metrics").body(Vec::new()).unwrap();
    dmp_testkit::requests::writes(&world.client.request_text(request).await.unwrap())
}

#[tokio::test]
async fn a_group_lives_drifts_retires_and_comes_back() {
    let Some(mut world) = World::start().await else {
        return;
    };
    world.operator("one");

    // A group before its platform: refused with the remedy, and taken up when the platform comes.
    let mut group = samples("groups.yaml").remove(0);
    let platform = samples("platform.yaml").remove(0);
    world.apply(&group).await;
    world.until(&group, "Ready", "False", "PlatformNotFound").await;
    world.apply(&platform).await;
    world.until(&platform, "Ready", "False", "SiteNotFound").await;
    world.until(&group, "Stalled", "True", "SiteNotFound").await;
    for site in samples("sites.yaml") {
        world.apply(&site).await;
        world.until(&site, "Qualified", "False", "NotStated").await;
    }
    world.until(&platform, "Ready", "False", "DatabaseNotReady").await;
    world.until(&group, "Ready", "False", "DatabaseNotReady").await;
    up(&world, &platform, &group).await;

    // A pass over what is converged writes nothing: a label on each object makes the passes. Not even a request is made.
    for plane in ["dmp-national", NAMESPACE] {
        play(&world, plane, enforces).await;
    }
    world
        .until(&platform, "NetworkPolicyEnforced", "True", "Probed")
        .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (before, asked) = (versions(&world).await, writes(&world).await);
    for object in [&group, &platform] {
        let mut labelled = object.clone();
        labelled["metadata"]["labels"] = json!({ "again": "1" });
        world.apply(&labelled).await;
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    let changed: Vec<_> = versions(&world)
        .await
        .into_iter()
        .filter(|(name, version)| before.get(name) != Some(version))
        .map(|(name, _)| name)
        .collect();
    let labelled = ["HealthGroup/tanger-tetouan-al-hoceima", "Platform/national"];
    assert_eq!(changed, labelled, "only what was labelled");
    assert_eq!(writes(&world).await - asked, 2, "the two labels");

    // Drift is put right: a policy that was deleted, a config that was edited.
    let policy = named(
        "NetworkPolicy",
        "networking.k8s.io/v1",
        Some(NAMESPACE),
        "default-deny",
    );
    world.delete(&policy).await.unwrap();
    world
        .wait("the policy is back", || async {
            world.get(&policy).await.is_some()
        })
        .await;
    let mut config = named("ConfigMap", "v1", Some(NAMESPACE), "records-config");
    config["data"] = json!({ "config.toml": "edited" });
    world.apply(&config).await;
    world
        .wait("the config is back", || async {
            world
                .get(&config)
                .await
                .is_some_and(|live| live["data"]["config.toml"] != "edited")
        })
        .await;

    // Deletion: denied while protected; then the group retires, and its data stays.
    let denied = world.delete(&group).await.unwrap_err();
    assert!(denied.contains("deletionProtection"), "{denied}");
    assert!(
        world
            .delete(&namespace(NAMESPACE))
            .await
            .unwrap_err()
            .contains("health data")
    );
    group["spec"]["deletionProtection"] = json!(false);
    world.apply(&group).await;
    world.delete(&group).await.unwrap();
    world
        .wait("the group is gone", || async {
            world.get(&group).await.is_none()
        })
        .await;
    let deployment = named("Deployment", "apps/v1", Some(NAMESPACE), "records");
    assert!(world.get(&deployment).await.is_none());
    let cluster = |name| named("Cluster", "postgresql.cnpg.io/v1", Some(NAMESPACE), name);
    let hibernation = |name| {
        let world = &world;
        async move {
            let live = world.get(&cluster(name)).await.unwrap();
            assert!(live["metadata"].get("ownerReferences").is_none());
            live["metadata"]["annotations"]["cnpg.io/hibernation"]
                .as_str()
                .unwrap()
                .to_owned()
        }
    };
    for name in ["records", "keystore"] {
        assert_eq!(hibernation(name).await, "on");
    }
    assert!(world.get(&namespace(NAMESPACE)).await.is_some());

    // The same group again: awake, and serving.
    world.apply(&group).await;
    world
        .wait("the group serves again", || async {
            world.up(NAMESPACE).await;
            world.condition(&group, "Ready").await == Some(("True".to_owned(), "Ready".to_owned()))
        })
        .await;
    assert!(world.get(&deployment).await.is_some());
    for name in ["records", "keystore"] {
        assert_eq!(hibernation(name).await, "off");
    }
}
