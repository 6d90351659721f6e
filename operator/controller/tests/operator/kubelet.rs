//! What a node would do with the pods of the network's probe: here it is the test that reports for them.

use dmp_client::probe::{Expected, Flow, Outcome, Report};
use dmp_operator::network_probe::{LISTENER, PROBE};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::control_plane::World;

/// Plays one probe of a namespace to its end; each flow comes to what `network` says. What the probe tried.
pub async fn play(world: &World, namespace: &str, network: fn(&str, Expected) -> Outcome) -> Vec<String> {
    let pods = Api::<Pod>::namespaced(world.client.clone(), namespace);
    let there = |name: &'static str| {
        let pods = pods.clone();
        move || {
            let pods = pods.clone();
            async move {
                pods.get_opt(name)
                    .await
                    .unwrap()
                    .is_some_and(|pod| !has_ended(&pod))
            }
        }
    };
    let report = |name: &'static str, status: Value| {
        let pods = pods.clone();
        async move {
            let patch = Patch::Merge(json!({ "status": status }));
            pods.patch_status(name, &PatchParams::default(), &patch)
                .await
                .unwrap();
        }
    };
    world.wait("the listener", there(LISTENER)).await;
    report(LISTENER, json!({ "phase": "Running", "podIP": "10.0.0.9" })).await;
    world.wait("the probe", there(PROBE)).await;
    let pod = pods.get(PROBE).await.unwrap();
    let command = pod.spec.unwrap().containers.remove(0).command.unwrap();
    let flows: Vec<Flow> = command
        .iter()
        .filter_map(|argument| flow(argument, network))
        .collect();
    let message = serde_json::to_string(&Report { flows }).unwrap();
    let terminated = json!({ "exitCode": 0, "message": message });
    let container = json!({
        "name": "probe", "image": "i", "imageID": "i", "ready": false, "restartCount": 0,
        "state": { "terminated": terminated },
    });
    report(
        PROBE,
        json!({ "phase": "Succeeded", "containerStatuses": [container] }),
    )
    .await;
    let gone = || async {
        pods.get_opt(PROBE).await.unwrap().is_none() && pods.get_opt(LISTENER).await.unwrap().is_none()
    };
    world.wait("the probe's pods are gone", gone).await;
    command
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    phase == Some("Succeeded")
}

fn flow(argument: &str, network: fn(&str, Expected) -> Outcome) -> Option<Flow> {
    let (expected, target) = match argument.strip_prefix("--allow=") {
        Some(target) => (Expected::Allow, target),
        None => (Expected::Deny, argument.strip_prefix("--deny=")?),
    };
    let name = target.split('=').next()?.to_owned();
    let outcome = network(&name, expected);
    Some(Flow {
        name,
        expected,
        outcome,
    })
}

/// A network that enforces its policies.
pub fn enforces(_name: &str, expected: Expected) -> Outcome {
    match expected {
        Expected::Allow => Outcome::Connected,
        Expected::Deny => Outcome::Silent,
    }
}

/// One that ignores them.
pub fn ignores(_name: &str, _expected: Expected) -> Outcome {
    Outcome::Connected
}
