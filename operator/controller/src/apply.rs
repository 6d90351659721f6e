//! Server-side apply of a plane, in order, by one field manager per kind; and what the API server answers.

use std::marker::PhantomData;

use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, Client};

use crate::plane::{Applied, Object, ObjectKind, Plane, Prepared};

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

/// Applies everything; later objects are not reached when an earlier one fails.
///
/// # Errors
/// Names the first object that the API server refused.
pub async fn plane(
    client: &Client,
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
        namespace: object(client, manager, namespace).await?,
        quotas: all(client, manager, quotas).await?,
        network_policies: all(client, manager, network_policies).await?,
        service_accounts: all(client, manager, service_accounts).await?,
        config_maps: all(client, manager, config_maps).await?,
        databases: all(client, manager, databases).await?,
        services: all(client, manager, services).await?,
        disruption_budgets: all(client, manager, disruption_budgets).await?,
        deployments: all(client, manager, deployments).await?,
        state: PhantomData,
    })
}

async fn all(client: &Client, manager: &str, objects: Vec<Object>) -> Result<Vec<Object>, ApplyError> {
    let mut applied = Vec::with_capacity(objects.len());
    for each in objects {
        applied.push(object(client, manager, each).await?);
    }
    Ok(applied)
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
    let name = match &object.namespace {
        Some(namespace) => format!("{namespace}/{}", object.name),
        None => object.name.clone(),
    };
    ApplyError {
        verb,
        kind: object.kind,
        name,
        source,
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
