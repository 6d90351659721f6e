//! Server-side apply of a plane, in order, by one field manager per kind; and what the API server answers.
//!
//! What this process has applied, and what nobody has touched since, is read instead of applied again ([`Memory`]): a
//! pass over a converged plane makes no write request at all.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{StreamExt as _, TryStreamExt as _};
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::Value;

use crate::controller::Context;
use crate::plane::{Applied, Object, ObjectKind, Plane, Prepared, digest};

/// Objects of one sort and plane that are sent at once.
const AT_ONCE: usize = 4;

/// An object that could not be applied or read.
#[derive(Debug, thiserror::Error)]
#[error("{verb} {kind} `{name}` failed", kind = .kind.as_str())]
pub struct ApplyError {
    pub verb: &'static str,
    pub kind: ObjectKind,
    /// `<namespace>/<name>` or `<name>`.
    pub name: String,
    #[source]
    pub source: kube::Error,
}

/// What was applied last, and how the object looked then. A clone is the same.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<HashMap<String, Seen>>>);

/// Digests of an object as rendered and as it was then.
#[derive(Clone, PartialEq, Eq)]
struct Seen {
    rendered: String,
    live: String,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Digest of all that an object says, without what changes by itself: status, version, who wrote which field when.
fn appearance(body: &Value) -> String {
    let mut body = body.clone();
    if let Some(map) = body.as_object_mut() {
        map.remove("status");
    }
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("resourceVersion");
        metadata.remove("managedFields");
    }
    digest(&[&body.to_string()])
}

/// Applies everything; what belongs to a later sort of object is not reached when an earlier one fails.
///
/// # Errors
/// Names an object that the API server refused.
pub async fn plane(
    context: &Context,
    manager: &str,
    plane: Plane<Prepared>,
) -> Result<Plane<Applied>, ApplyError> {
    // Without `..`: a field added to `Plane` does not compile here until it is applied.
    let Plane {
        namespace,
        quotas,
        network_policies,
        service_accounts,
        config_maps,
        databases,
        services,
        disruption_budgets,
        deployments,
        state: _,
    } = plane;
    Ok(Plane {
        namespace: converge(context, manager, namespace).await?,
        quotas: all(context, manager, quotas).await?,
        network_policies: all(context, manager, network_policies).await?,
        service_accounts: all(context, manager, service_accounts).await?,
        config_maps: all(context, manager, config_maps).await?,
        databases: all(context, manager, databases).await?,
        services: all(context, manager, services).await?,
        disruption_budgets: all(context, manager, disruption_budgets).await?,
        deployments: all(context, manager, deployments).await?,
        state: PhantomData,
    })
}

async fn all(context: &Context, manager: &str, objects: Vec<Object>) -> Result<Vec<Object>, ApplyError> {
    futures::stream::iter(objects)
        .map(|object| converge(context, manager, object))
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// Applies one object, unless it is known to be as it is rendered; the live one.
async fn converge(context: &Context, manager: &str, wanted: Object) -> Result<Object, ApplyError> {
    let key = format!("{}/{}", wanted.kind.as_str(), place(&wanted));
    let rendered = appearance(&wanted.body);
    let seen = context.applied.lock().get(&key).cloned();
    if let Some(seen) = seen.filter(|seen| seen.rendered == rendered)
        && let Some(live) = get(
            &context.client,
            wanted.kind,
            wanted.namespace.as_deref(),
            &wanted.name,
        )
        .await?
        && appearance(&live.body) == seen.live
    {
        return Ok(live);
    }
    let live = object(&context.client, manager, wanted).await?;
    let seen = Seen {
        rendered,
        live: appearance(&live.body),
    };
    context.applied.lock().insert(key, seen);
    Ok(live)
}

/// Applies one object (forced: what is rendered is ours) and returns the live one.
///
/// # Errors
/// Names the object.
pub async fn object(client: &Client, manager: &str, object: Object) -> Result<Object, ApplyError> {
    let api = api(client, object.kind, object.namespace.as_deref());
    let parameters = PatchParams::apply(manager).force();
    match api
        .patch(&object.name, &parameters, &Patch::Apply(&object.body))
        .await
    {
        Ok(live) => Ok(live_object(&object, &live)),
        Err(source) => Err(error("applying", &object, source)),
    }
}

/// The live object, if there is one.
///
/// # Errors
/// Names the object.
pub async fn get(
    client: &Client,
    kind: ObjectKind,
    namespace: Option<&str>,
    name: &str,
) -> Result<Option<Object>, ApplyError> {
    let wanted = Object::new(kind, namespace, name, serde_json::json!({}));
    match api(client, kind, namespace).get_opt(name).await {
        Ok(live) => Ok(live.map(|live| live_object(&wanted, &live))),
        // The kind itself is not installed: there is no object of it.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(source) => Err(error("reading", &wanted, source)),
    }
}

fn live_object(wanted: &Object, live: &DynamicObject) -> Object {
    Object {
        kind: wanted.kind,
        namespace: wanted.namespace.clone(),
        name: wanted.name.clone(),
        body: serde_json::to_value(live).unwrap_or_default(),
    }
}

fn error(verb: &'static str, object: &Object, source: kube::Error) -> ApplyError {
    ApplyError {
        verb,
        kind: object.kind,
        name: place(object),
        source,
    }
}

/// `<namespace>/<name>` or `<name>`.
fn place(object: &Object) -> String {
    match &object.namespace {
        Some(namespace) => format!("{namespace}/{}", object.name),
        None => object.name.clone(),
    }
}

/// The API of one kind in one namespace.
pub fn api(client: &Client, kind: ObjectKind, namespace: Option<&str>) -> Api<DynamicObject> {
    let resource = kind.api_resource();
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::appearance;

    #[test]
    fn an_object_looks_the_same_until_somebody_changes_it() {
        let live = |version: &str, replicas: i64, data: &str| {
            json!({
                "metadata": { "name": "a", "resourceVersion": version, "managedFields": [{ "time": version }] },
                "data": data, "status": { "readyReplicas": replicas },
            })
        };
        assert_eq!(appearance(&live("1", 0, "a")), appearance(&live("2", 1, "a")));
        assert_ne!(appearance(&live("1", 0, "a")), appearance(&live("1", 0, "b")));
    }
}
