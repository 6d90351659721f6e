//! Findings as entries of the platform's log. They wait in memory until the log has them: the API server's own audit log remains the
//! complete record.

use std::time::Duration;

use dmp_client::acts::{Act, word};
use tokio::sync::mpsc;

use super::rules::Finding;
use crate::acts::{self, ActLog};

/// Findings that may wait.
pub const QUEUE: usize = 4096;
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(4);

/// The entry of a finding. Pure.
pub fn act(finding: &Finding) -> Act {
    let object = match (finding.namespace.as_str(), finding.name.as_str()) {
        ("", name) => name.to_owned(),
        (namespace, "") => format!("{namespace}/-"),
        (namespace, name) => format!("{namespace}/{name}"),
    };
    let mut facts = vec![("verb", word(&finding.verb)), ("at", word(&finding.at))];
    facts.extend(finding.acting_as.as_deref().map(|whom| ("as", acts::who(whom))));
    Act {
        // The same request has the same name, whichever of its stages, or which replica, is heard.
        id: crate::plane::digest(&[&finding.audit_id, finding.rule.as_str()]),
        who: acts::who(&finding.who),
        operation: format!("kubernetes/{}", finding.rule.as_str()),
        resource: word(&finding.resource),
        object: word(&object),
        outcome: if finding.refused { "refused" } else { "done" }.to_owned(),
        facts: facts
            .into_iter()
            .map(|(name, value)| (name.to_owned(), vec![value]))
            .collect(),
    }
}

/// Puts findings into the queue; what does not fit is lost, and counted.
pub fn keep(queue: &mpsc::Sender<Act>, findings: &[Finding]) {
    for finding in findings {
        if queue.try_send(act(finding)).is_err() {
            acts::count("lost");
            tracing::error!(
                rule = finding.rule.as_str(),
                "a finding is not in the platform's log"
            );
        }
    }
}

/// Brings what comes to the log, each until it is there, until the sender is gone.
pub async fn deliver(log: ActLog, mut queue: mpsc::Receiver<Act>) {
    while let Some(act) = queue.recv().await {
        while let Err(error) = log.record(&act).await {
            if error.is_final() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes_audit::rules::Rule;

    fn finding(who: &str, namespace: &str, name: &str) -> Finding {
        Finding {
            rule: Rule::SecretRead,
            who: who.to_owned(),
            acting_as: Some("system:node:node-1".to_owned()),
            verb: "get".to_owned(),
            resource: "secrets".to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            refused: true,
            audit_id: "a-1".to_owned(),
            at: "2026-11-29T12:00:00.000000Z".to_owned(),
        }
    }

    #[test]
    fn an_entry_says_what_a_finding_says_and_names_nobody() {
        for (namespace, name, object) in [
            ("dmp-tanger", "s", "dmp-tanger/s"),
            ("dmp-tanger", "", "dmp-tanger/-"),
            ("", "dmp-pod-entry", "dmp-pod-entry"),
            ("", "", "-"),
            ("dmp-tanger", "a name", "dmp-tanger/a?name"),
        ] {
            let entry = act(&finding("Leïla Alami", namespace, name));
            assert_eq!(entry.check(), Ok(()));
            assert_eq!(entry.object, object);
        }
        let entry = act(&finding("leila", "dmp-tanger", "s"));
        assert!(entry.who.starts_with("user:"), "{}", entry.who);
        assert_eq!(entry.facts["as"], ["system:node:node-1"]);
        assert_eq!(
            (entry.operation.as_str(), entry.outcome.as_str()),
            ("kubernetes/secret-read", "refused")
        );
        assert_eq!(entry.id, act(&finding("leila", "dmp-tanger", "s")).id);
    }

    #[tokio::test]
    async fn what_does_not_fit_is_let_go() {
        let (sender, mut queue) = mpsc::channel(1);
        let two = [finding("a", "dmp-a", "s"), finding("b", "dmp-a", "s")];
        keep(&sender, &two);
        assert_eq!(queue.recv().await, Some(act(&two[0])));
        assert!(queue.try_recv().is_err());
    }
}
