//! The truth about pods after a stop.
//!
//! A node that starts runs no container, but Kubernetes remembers its pods as ready until the kubelet
//! has looked at each. Until then Services would lead to nothing and whoever waits for a Deployment
//! would be told that it is there.

use serde_json::{Value, json};

use crate::{
    error::{Error, Result},
    kubectl::Kubectl,
};

/// Marks all pods of a node as not ready. Only while no container of it runs.
pub(super) async fn mark_not_ready(kubectl: &Kubectl, node: &str) -> Result<()> {
    let selector = format!("--field-selector=spec.nodeName={node}");
    let list = kubectl
        .run(
            "list the pods of the node",
            &["get", "pods", "--all-namespaces", &selector, "--output=json"],
        )
        .await?;
    let mut list: Value = serde_json::from_str(&list).map_err(|error| Error::Command {
        what: "read the list of pods".to_owned(),
        detail: error.to_string(),
    })?;
    if unready(&mut list) == 0 {
        return Ok(());
    }
    kubectl
        .replace_status("mark the pods of the node as not ready", &list.to_string())
        .await
}

/// Changes the conditions of every pod that counts as ready; returns how many did.
fn unready(list: &mut Value) -> usize {
    let Some(items) = list.get_mut("items").and_then(Value::as_array_mut) else {
        return 0;
    };
    items.retain_mut(|pod| {
        let conditions = pod
            .pointer_mut("/status/conditions")
            .and_then(Value::as_array_mut);
        let mut changed = false;
        for condition in conditions.into_iter().flatten() {
            let about_readiness = ["Ready", "ContainersReady"]
                .iter()
                .any(|kind| condition["type"] == *kind);
            if about_readiness && condition["status"] == "True" {
                condition["status"] = json!("False");
                condition["reason"] = json!("NodeStarting");
                changed = true;
            }
        }
        changed
    });
    items.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pods_that_count_as_ready_are_changed() {
        let mut list = json!({ "kind": "List", "items": [
            { "metadata": { "name": "ready" }, "status": { "conditions": [
                { "type": "PodScheduled", "status": "True" },
                { "type": "Ready", "status": "True" },
                { "type": "ContainersReady", "status": "True" },
            ]}},
            { "metadata": { "name": "finished" }, "status": { "conditions": [
                { "type": "Ready", "status": "False", "reason": "PodCompleted" },
            ]}},
            { "metadata": { "name": "new" }, "status": {} },
        ]});
        assert_eq!(unready(&mut list), 1);
        let conditions = &list["items"][0]["status"]["conditions"];
        assert_eq!(list["items"][0]["metadata"]["name"], "ready");
        assert_eq!(conditions[0]["status"], "True");
        assert_eq!(conditions[1]["status"], "False");
        assert_eq!(conditions[2]["status"], "False");
    }
}
