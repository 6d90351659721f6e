//! Whether the network enforces NetworkPolicies: one pod tries two others, of which a policy lets it reach one.

use std::time::{Duration, Instant};

use dmp_appliance::Step;
use dmp_client::probe::{Expected, Report};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::cluster::{restricted, said};
use super::scratch::{Scratch, parsed};
use super::{Check, reason};
use crate::error::{CliError, Result};

const NAME: &str = "network policies";
const PORT: u16 = 8080;
/// A pod is pulled and started within this.
const RUNNING_WITHIN: Duration = Duration::from_secs(90);
/// The probe tries for seconds, in rounds.
const ENDED_WITHIN: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(500);

/// Without an image it says so.
pub async fn check(scratch: &Scratch, image: Option<&str>, step: &Step) -> Check {
    let Some(image) = image else {
        return Check::unknown(
            NAME,
            "not checked: the probe is a pod of ours",
            "push the images (`dmpctl images push`) and give --registry here as well",
        );
    };
    match probe(scratch, image, step).await {
        Ok(report) => judge(&report),
        Err(error) => Check::unknown(NAME, reason(&error), error.remedy.clone()),
    }
}

fn judge(report: &Report) -> Check {
    let holds = |expected| {
        let mut flows = report
            .flows
            .iter()
            .filter(|flow| flow.expected == expected)
            .peekable();
        flows.peek().is_some() && flows.all(dmp_client::probe::Flow::holds)
    };
    match (holds(Expected::Allow), holds(Expected::Deny)) {
        (true, true) => Check::good(
            NAME,
            "enforced: an allowed connection passed, a denied one did not",
        ),
        (_, false) => Check::bad(
            NAME,
            "not enforced: a connection that a policy denies passed",
            "use a network that enforces NetworkPolicies (Cilium, Calico); production groups need it",
        ),
        (false, true) => Check::bad(
            NAME,
            "a connection that a policy allows did not pass",
            "look at the cluster's network: pods cannot reach each other",
        ),
    }
}

async fn probe(scratch: &Scratch, image: &str, step: &Step) -> Result<Report> {
    let policies: Api<NetworkPolicy> = Api::namespaced(scratch.client.clone(), &scratch.namespace);
    for (name, spec) in policies_of() {
        let policy = parsed(json!({ "metadata": { "name": name }, "spec": spec }))?;
        policies
            .create(&PostParams::default(), &policy)
            .await
            .map_err(|source| failed("making a NetworkPolicy", source))?;
    }
    let mut addresses = Vec::new();
    for name in ["open", "closed"] {
        let command = [
            "dmp",
            "probe",
            "listen",
            &format!("--port={PORT}"),
            "--seconds=170",
        ];
        start(scratch, name, image, &command).await?;
    }
    for name in ["open", "closed"] {
        step.at(format!("waiting for the probe's pod `{name}`"));
        addresses.push(until(scratch, name, RUNNING_WITHIN, address).await?);
    }
    let target = |index: usize| -> String {
        let address = addresses.get(index).map(String::as_str).unwrap_or_default();
        match address.contains(':') {
            true => format!("[{address}]:{PORT}"),
            false => format!("{address}:{PORT}"),
        }
    };
    let (open, closed) = (
        format!("--allow=open={}", target(0)),
        format!("--deny=closed={}", target(1)),
    );
    start(
        scratch,
        "probe",
        image,
        &["dmp", "probe", "connect", &open, &closed],
    )
    .await?;
    step.at("the probe tries the network");
    let message = until(scratch, "probe", RUNNING_WITHIN + ENDED_WITHIN, message).await?;
    serde_json::from_str(&message).map_err(|source| {
        CliError::new(
            "probe",
            "the probe left no report",
            "use the `dmp` image of this release",
        )
        .because(source)
    })
}

/// Nothing comes in but what `open` may get from `probe`.
fn policies_of() -> [(&'static str, Value); 2] {
    [
        (
            "default-deny",
            json!({ "podSelector": {}, "policyTypes": ["Ingress"] }),
        ),
        (
            "open",
            json!({
                "podSelector": { "matchLabels": { "dmp.ma/preflight": "open" } },
                "policyTypes": ["Ingress"],
                "ingress": [{
                    "from": [{ "podSelector": { "matchLabels": { "dmp.ma/preflight": "probe" } } }],
                    "ports": [{ "protocol": "TCP", "port": PORT }],
                }],
            }),
        ),
    ]
}

async fn start(scratch: &Scratch, name: &str, image: &str, command: &[&str]) -> Result<()> {
    let pod: Pod = parsed(json!({
        "metadata": { "name": name, "labels": { "dmp.ma/preflight": name } },
        "spec": {
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": 180,
            "terminationGracePeriodSeconds": 1,
            "securityContext": { "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": name, "image": image, "imagePullPolicy": "IfNotPresent", "command": command,
                "securityContext": restricted(),
                "resources": { "requests": { "cpu": "10m", "memory": "16Mi" }, "limits": { "memory": "64Mi" } },
            }],
        },
    }))?;
    scratch
        .pods()
        .create(&PostParams::default(), &pod)
        .await
        .map(drop)
        .map_err(|source| failed(&format!("starting the probe's pod `{name}`"), source))
}

/// Looks at a pod until it says what is asked of it.
async fn until(
    scratch: &Scratch,
    name: &str,
    limit: Duration,
    look: impl Fn(&Pod) -> Option<String>,
) -> Result<String> {
    let start = Instant::now();
    loop {
        let pod = scratch
            .pods()
            .get(name)
            .await
            .map_err(|source| failed(&format!("reading the probe's pod `{name}`"), source))?;
        if let Some(found) = look(&pod) {
            return Ok(found);
        }
        let (why, never) = obstacle(&pod);
        if never || start.elapsed() > limit {
            return Err(CliError::new(
                "probe",
                format!("the probe's pod `{name}` does not run: {why}"),
                "check that the nodes can pull the image and have room for a pod",
            ));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn address(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    (status.phase.as_deref() == Some("Running")).then(|| status.pod_ip.clone())?
}

fn message(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let ended = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
    let container = status.container_statuses.as_ref()?.first()?;
    let terminated = container.state.as_ref()?.terminated.as_ref()?;
    ended.then(|| terminated.message.clone().unwrap_or_default())
}

/// What keeps a pod from running, and whether it will stay so.
fn obstacle(pod: &Pod) -> (String, bool) {
    let status = pod.status.as_ref();
    let waiting = status.and_then(|status| {
        status
            .container_statuses
            .as_ref()?
            .first()?
            .state
            .as_ref()?
            .waiting
            .clone()
    });
    if let Some(waiting) = waiting {
        let reason = waiting.reason.unwrap_or_default();
        let never = [
            "ErrImagePull",
            "ImagePullBackOff",
            "InvalidImageName",
            "ErrImageNeverPull",
        ];
        return (
            format!("{reason}: {}", waiting.message.unwrap_or_default()),
            never.contains(&reason.as_str()),
        );
    }
    let phase = status.and_then(|status| status.phase.clone()).unwrap_or_default();
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let unscheduled = conditions
        .into_iter()
        .flatten()
        .find(|c| c.status == "False" && c.type_ == "PodScheduled");
    let why = unscheduled
        .and_then(|condition| condition.message.clone())
        .unwrap_or_else(|| phase.clone());
    (why, phase == "Failed")
}

fn failed(what: &str, source: kube::Error) -> CliError {
    CliError::new(
        "probe",
        format!("{what} failed: {}", said(source)),
        "correct what the message names (a policy of the cluster, a right of this user) and run preflight again",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::preflight::Verdict;

    #[test]
    fn only_what_held_on_both_sides_is_enforced() {
        for (open, closed, wanted) in [
            ("connected", "silent", Verdict::Good),
            ("connected", "connected", Verdict::Bad),
            ("silent", "silent", Verdict::Bad),
        ] {
            let report: Report = serde_json::from_value(json!({ "flows": [
                { "name": "open", "expected": "allow", "outcome": open },
                { "name": "closed", "expected": "deny", "outcome": closed },
            ] }))
            .unwrap();
            assert_eq!(judge(&report).verdict, wanted, "{open} {closed}");
        }
        assert_eq!(
            judge(&Report::default()).verdict,
            Verdict::Bad,
            "an empty report proves nothing"
        );
    }

    #[test]
    fn a_pod_that_cannot_be_pulled_is_not_waited_for() {
        let pod: Pod = parsed(
            json!({ "metadata": {}, "status": { "phase": "Pending", "containerStatuses": [{
            "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": "ErrImagePull", "message": "no such host" } },
        }] } }),
        )
        .unwrap();
        let (why, never) = obstacle(&pod);
        assert!(never && why.contains("no such host"), "{why}");
    }
}
