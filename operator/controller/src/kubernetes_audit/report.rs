//! Findings for people: a log line and a count at once, a Kubernetes Event soon after.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use dmp_api::names::PLATFORM;
use dmp_api::{HealthGroup, Platform};
use dmp_client::acts::Act;
use dmp_core::problem::Chain;
use k8s_controller::events::{Event, EventRecorder, EventType, PublishError, Reporter};
use kube::{Api, Client};
use prometheus::{IntCounterVec, Opts};
use tokio::sync::mpsc;

use super::record;
use super::rules::{Finding, Rule};

/// Objects of one kind that an Event names; the others are counted.
const NAMED: usize = 5;

static FINDINGS: LazyLock<Option<IntCounterVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_operator_audit_findings_total",
        "What somebody did or tried to do to the platform through the Kubernetes API, by rule.",
    );
    let counter = dmp_core::metrics::registered(IntCounterVec::new(options, &["rule"]));
    if let Some(counter) = &counter {
        // All at 0 from the start: an alert on an increase sees the first one.
        for rule in Rule::ALL {
            counter.with_label_values(&[rule.as_str()]).reset();
        }
    }
    counter
});

/// Shows the counters before there is anything to count.
pub fn announce() {
    LazyLock::force(&FINDINGS);
}

/// Logs and counts.
pub fn note(findings: &[Finding]) {
    for finding in findings {
        tracing::warn!(
            rule = finding.rule.as_str(),
            who = finding.who,
            acting_as = finding.acting_as,
            verb = finding.verb,
            resource = finding.resource,
            namespace = finding.namespace,
            name = finding.name,
            refused = finding.refused,
            "audit finding"
        );
        if let Some(counter) = &*FINDINGS {
            counter.with_label_values(&[finding.rule.as_str()]).inc();
        }
    }
}

/// Makes Events of what comes, and hands it on to be recorded, until the senders are gone.
pub async fn publish(client: Client, mut queue: mpsc::Receiver<Vec<Finding>>, to_record: mpsc::Sender<Act>) {
    announce();
    let reporter = Reporter {
        controller: "dmp-operator/kubernetes-audit".to_owned(),
        instance: std::env::var("HOSTNAME").ok(),
    };
    let recorder = EventRecorder::new(client.clone(), reporter);
    while let Some(findings) = queue.recv().await {
        record::keep(&to_record, &findings);
        for (namespace, event) in events(&findings) {
            if let Err(error) = publish_one(&client, &recorder, &namespace, &event).await {
                tracing::warn!(reason = event.reason, error = %Chain(&error), "a finding has no Event");
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the object it is about cannot be read")]
    Object(#[from] kube::Error),
    #[error("the Event cannot be written")]
    Event(#[from] PublishError),
}

/// On the group whose namespace it is, else on the platform.
async fn publish_one(
    client: &Client,
    recorder: &EventRecorder,
    namespace: &str,
    event: &Event,
) -> Result<(), Error> {
    if let Some(group) = namespace.strip_prefix("dmp-") {
        let groups = Api::<HealthGroup>::all(client.clone());
        if let Some(group) = groups.get_metadata_opt(group).await? {
            return Ok(recorder.publish(&group, event).await?);
        }
    }
    let platforms = Api::<Platform>::all(client.clone());
    match platforms.get_metadata_opt(PLATFORM).await? {
        Some(platform) => Ok(recorder.publish(&platform, event).await?),
        // Before there is a platform there is nobody to tell but the log.
        None => Ok(()),
    }
}

/// One Event for what one person did in the same way to objects of one kind, with the namespace it is about.
pub fn events(findings: &[Finding]) -> Vec<(String, Event)> {
    let mut alike: BTreeMap<(Rule, String, String), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        let key = (finding.rule, finding.namespace.clone(), action(finding));
        alike.entry(key).or_default().push(finding);
    }
    alike
        .into_iter()
        .map(|((rule, namespace, action), findings)| {
            let event = Event {
                type_: EventType::Warning,
                reason: rule.reason().to_owned(),
                action: "Audit".to_owned(),
                note: Some(format!("{action} {}", names(&findings))),
                related: None,
            };
            (namespace, event)
        })
        .collect()
}

/// `refused: <who> (as <whom>) <verb> <resource>`.
fn action(finding: &Finding) -> String {
    let outcome = if finding.refused { "refused" } else { "done" };
    let acting = finding
        .acting_as
        .as_ref()
        .map(|whom| format!(" (as {whom})"))
        .unwrap_or_default();
    format!(
        "{outcome}: {}{acting} {} {}",
        finding.who, finding.verb, finding.resource
    )
}

fn names(findings: &[&Finding]) -> String {
    let mut names: Vec<String> = Vec::new();
    for finding in findings {
        let name = match (finding.namespace.as_str(), finding.name.as_str()) {
            ("", "") => "everywhere".to_owned(),
            ("", name) => name.to_owned(),
            (namespace, "") => namespace.to_owned(),
            (namespace, name) => format!("{namespace}/{name}"),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let mut text = names.join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}
