//! Waiting for the cluster, with what is missing in view.

use std::time::{Duration, Instant};

use dmp_appliance::{Progress, Step};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::DynamicObject;
use kube::{Api, Client};

use crate::error::{CliError, Result};

/// What a look at the cluster says.
pub enum Look {
    Done,
    /// Not yet, and why.
    Waiting(String),
}

const PAUSE: Duration = Duration::from_millis(500);

/// Looks again and again until it is done; the step shows the reason.
///
/// # Errors
/// `wait-timeout` with the last reason, or the look's own error.
pub async fn until<F, Fut>(step: &Step, what: &str, limit: Duration, mut look: F) -> Result<()>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Look>>,
{
    let start = Instant::now();
    loop {
        match look().await? {
            Look::Done => return Ok(()),
            Look::Waiting(reason) if start.elapsed() > limit => {
                return Err(CliError::new(
                    "wait-timeout",
                    format!("{what} did not get ready in {} s: {reason}", limit.as_secs()),
                    "look at `dmpctl status` and `kubectl get events -A`, then run the command again: it goes on where it was",
                ));
            }
            Look::Waiting(reason) => step.at(reason),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A step that waits for a Deployment's current generation to be available.
///
/// # Errors
/// As [`until`].
pub async fn deployment(
    client: &Client,
    progress: &Progress,
    namespace: &str,
    name: &str,
    limit: Duration,
) -> Result<()> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let step = progress.step(format!("waiting for {namespace}/{name}"));
    until(&step, name, limit, || async {
        let found = api
            .get_opt(name)
            .await
            .map_err(|source| CliError::kubernetes(format!("reading Deployment `{name}`"), source))?;
        Ok(found.map_or_else(
            || Look::Waiting("it does not exist yet".to_owned()),
            |d| deployment_look(&d),
        ))
    })
    .await?;
    step.done();
    Ok(())
}

/// Whether a Deployment's current generation is available.
pub fn deployment_look(deployment: &Deployment) -> Look {
    let wanted = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or(1);
    let status = deployment.status.clone().unwrap_or_default();
    let current = status.observed_generation >= deployment.metadata.generation;
    let updated = status.updated_replicas.unwrap_or(0);
    let available = status.available_replicas.unwrap_or(0);
    if current && updated >= wanted && available >= wanted {
        Look::Done
    } else {
        Look::Waiting(format!("{available} of {wanted} available"))
    }
}

/// Whether a StatefulSet's current revision is ready.
pub fn stateful_set_look(set: &StatefulSet) -> Look {
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let status = set.status.clone().unwrap_or_default();
    let current = status.observed_generation >= set.metadata.generation
        && (status.update_revision == status.current_revision || status.updated_replicas == Some(wanted));
    let ready = status.ready_replicas.unwrap_or(0);
    if current && ready >= wanted {
        Look::Done
    } else {
        Look::Waiting(format!("{ready} of {wanted} ready"))
    }
}

/// The conditions of any object whose status has them.
pub fn conditions(object: &DynamicObject) -> Vec<Condition> {
    object
        .data
        .pointer("/status/conditions")
        .and_then(|value| serde_json::from_value(value.clone()).ok())
        .unwrap_or_default()
}

/// `Ready` of an object for its current generation.
pub fn ready(object: &DynamicObject) -> Look {
    let conditions = conditions(object);
    let Some(ready) = conditions.iter().find(|condition| condition.type_ == "Ready") else {
        return Look::Waiting("the operator has not looked at it yet".to_owned());
    };
    let current =
        ready.observed_generation.is_none() || ready.observed_generation == object.metadata.generation;
    match (current, ready.status.as_str()) {
        (true, "True") => Look::Done,
        (true, _) => Look::Waiting(format!("{}: {}", ready.reason, ready.message)),
        (false, _) => Look::Waiting("the operator has not seen the change yet".to_owned()),
    }
}

/// A step that waits until each object is `Ready`.
///
/// # Errors
/// As [`until`].
pub async fn all_ready(
    client: &Client,
    progress: &Progress,
    objects: &[DynamicObject],
    limit: Duration,
) -> Result<()> {
    use kube::ResourceExt as _;
    for object in objects {
        let kind = object
            .types
            .as_ref()
            .map_or("object", |types| types.kind.as_str())
            .to_owned();
        let name = object.name_any();
        let api = super::apply::api(client, object)?;
        let step = progress.step(format!("waiting for {kind} {name}"));
        until(&step, &name, limit, || async {
            let found = api
                .get_opt(&name)
                .await
                .map_err(|source| CliError::kubernetes(format!("reading {kind} `{name}`"), source))?;
            Ok(found
                .as_ref()
                .map_or_else(|| Look::Waiting("it does not exist".to_owned()), ready))
        })
        .await?;
        step.done();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn object(generation: i64, observed: i64, status: &str) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "HealthGroup",
            "metadata": { "name": "g", "generation": generation },
            "status": { "conditions": [{
                "type": "Ready", "status": status, "reason": "Why", "message": "because",
                "observedGeneration": observed, "lastTransitionTime": "2026-11-25T10:00:00Z"
            }] }
        }))
        .unwrap()
    }

    #[test]
    fn ready_counts_for_the_current_generation_only() {
        assert!(matches!(ready(&object(2, 2, "True")), Look::Done));
        assert!(matches!(ready(&object(3, 2, "True")), Look::Waiting(_)));
        let Look::Waiting(reason) = ready(&object(2, 2, "False")) else {
            panic!("not ready")
        };
        assert_eq!(reason, "Why: because");
    }
}
