//! What nodes and CloudNativePG would do: statuses of databases, Deployments and probe pods, as soon as they are due.

use dmp_client::probe::{Expected, Flow, Outcome, Report};
use futures::StreamExt as _;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

/// The status an object is due, if it has not got it.
type Due = fn(&Value) -> Option<Value>;

/// Plays all of them until the runtime ends.
pub fn play(client: &Client) {
    let kinds: [(&str, &str, &str, Due); 3] = [
        ("postgresql.cnpg.io/v1", "Cluster", "clusters", database),
        ("apps/v1", "Deployment", "deployments", deployment),
        ("v1", "Pod", "pods", pod),
    ];
    for (version, kind, plural, due) in kinds {
        let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
        let gvk = GroupVersionKind::gvk(group, version, kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
        drop(tokio::spawn(follow(client.clone(), resource, due)));
    }
}

async fn follow(client: Client, resource: ApiResource, due: Due) {
    let all = Api::<DynamicObject>::all_with(client.clone(), &resource);
    let objects = watcher(all, watcher::Config::default())
        .default_backoff()
        .applied_objects();
    let (client, resource) = (&client, &resource);
    objects
        .for_each_concurrent(8, |object| async move {
            let Ok(object) = object else { return };
            let Some(status) = serde_json::to_value(&object).ok().as_ref().and_then(due) else {
                return;
            };
            let namespace = object.namespace().unwrap_or_default();
            let api = Api::<DynamicObject>::namespaced_with(client.clone(), &namespace, resource);
            let patch = Patch::Merge(json!({ "status": status }));
            // It may be gone: a probe's pods live for a second.
            let _ = api
                .patch_status(&object.name_any(), &PatchParams::default(), &patch)
                .await;
        })
        .await;
}

fn database(cluster: &Value) -> Option<Value> {
    let instances = &cluster["spec"]["instances"];
    let new = cluster["status"]["readyInstances"] != *instances;
    new.then(|| json!({ "phase": "Cluster in healthy state", "readyInstances": instances }))
}

fn deployment(deployment: &Value) -> Option<Value> {
    let generation = &deployment["metadata"]["generation"];
    let replicas = &deployment["spec"]["replicas"];
    let new = deployment["status"]["observedGeneration"] != *generation;
    new.then(|| {
        json!({
            "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
        })
    })
}

/// The network's probe finds a network that enforces its policies.
fn pod(pod: &Value) -> Option<Value> {
    let phase = pod["status"]["phase"].as_str();
    let command = pod["spec"]["containers"][0]["command"].as_array()?;
    let arguments: Vec<&str> = command.iter().filter_map(Value::as_str).collect();
    match (arguments.get(2).copied()?, phase) {
        ("listen", None | Some("Pending")) => Some(json!({ "phase": "Running", "podIP": "10.0.0.9" })),
        ("connect", None | Some("Pending")) => {
            let flows = arguments.iter().filter_map(|argument| {
                let (expected, outcome, target) = match argument.strip_prefix("--allow=") {
                    Some(target) => (Expected::Allow, Outcome::Connected, target),
                    None => (Expected::Deny, Outcome::Silent, argument.strip_prefix("--deny=")?),
                };
                let name = target.split('=').next()?.to_owned();
                Some(Flow {
                    name,
                    expected,
                    outcome,
                })
            });
            let report = Report {
                flows: flows.collect(),
            };
            let message = serde_json::to_string(&report).ok()?;
            Some(json!({ "phase": "Succeeded", "containerStatuses": [{
                "name": "probe", "image": "i", "imageID": "i", "ready": false, "restartCount": 0,
                "state": { "terminated": { "exitCode": 0, "message": message } },
            }] }))
        }
        _ => None,
    }
}
