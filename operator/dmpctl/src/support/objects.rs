//! Resources of the product with their status, reports of controls, events, nodes, storage, configuration.

use dmp_policies::openreports;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::discovery::{self, Scope, verbs};
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;

use super::archive::Bundle;
use super::redact;
use crate::error::{CliError, Result};

/// Kinds in the product's namespaces: group, version, kind.
const NAMESPACED: [(&str, &str, &str); 13] = [
    ("", "v1", "Pod"),
    ("", "v1", "Service"),
    ("", "v1", "PersistentVolumeClaim"),
    ("", "v1", "ResourceQuota"),
    ("", "v1", "LimitRange"),
    ("apps", "v1", "Deployment"),
    ("apps", "v1", "StatefulSet"),
    ("batch", "v1", "Job"),
    ("coordination.k8s.io", "v1", "Lease"),
    ("networking.k8s.io", "v1", "NetworkPolicy"),
    ("policy", "v1", "PodDisruptionBudget"),
    ("postgresql.cnpg.io", "v1", "Cluster"),
    (openreports::GROUP, openreports::VERSION, "Report"),
];
/// Kinds of the cluster.
const CLUSTER: [(&str, &str, &str); 6] = [
    ("", "v1", "Node"),
    ("", "v1", "Namespace"),
    ("", "v1", "PersistentVolume"),
    ("storage.k8s.io", "v1", "StorageClass"),
    ("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy"),
    (openreports::GROUP, openreports::VERSION, "ClusterReport"),
];
/// Label of everything the product made.
const PRODUCT: &str = "app.kubernetes.io/part-of=dmp";

/// Adds them.
///
/// # Errors
/// When the bundle cannot be written; what the cluster does not give is noted in it.
pub async fn collect(client: &Client, bundle: &mut Bundle, namespaces: &[String]) -> Result<()> {
    custom(client, bundle).await?;
    for (group, version, kind) in CLUSTER {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let api = Api::all_with(client.clone(), &resource);
        list(bundle, &api, &resource, "cluster", &ListParams::default()).await?;
    }
    for namespace in namespaces {
        for (group, version, kind) in NAMESPACED {
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
            let api = Api::namespaced_with(client.clone(), namespace, &resource);
            list(bundle, &api, &resource, namespace, &ListParams::default()).await?;
        }
        events(client, bundle, namespace).await?;
        configuration(client, bundle, namespace).await?;
    }
    Ok(())
}

/// Every kind of `dmp.ma`, in all namespaces.
async fn custom(client: &Client, bundle: &mut Bundle) -> Result<()> {
    let kinds = match discovery::group(client, "dmp.ma").await {
        Ok(group) => group.recommended_resources(),
        Err(error) => {
            bundle.missing("the kinds of dmp.ma", &error);
            return Ok(());
        }
    };
    for (resource, capabilities) in kinds {
        if capabilities.supports_operation(verbs::LIST) {
            let place = match capabilities.scope {
                Scope::Cluster => "cluster",
                Scope::Namespaced => "all-namespaces",
            };
            let api = Api::all_with(client.clone(), &resource);
            list(bundle, &api, &resource, place, &ListParams::default()).await?;
        }
    }
    Ok(())
}

/// One list, one file; none when it is empty.
async fn list(
    bundle: &mut Bundle,
    api: &Api<DynamicObject>,
    resource: &ApiResource,
    place: &str,
    parameters: &ListParams,
) -> Result<()> {
    let what = format!("{} in {place}", resource.kind);
    match api.list(parameters).await {
        Ok(list) if list.items.is_empty() => Ok(()),
        Ok(list) => {
            let objects: Vec<Value> = list
                .items
                .iter()
                .filter_map(|object| serde_json::to_value(object).ok())
                .map(redact::object)
                .collect();
            let name = format!("resources/{place}/{}.json", resource.plural);
            bundle.json(&name, &what, &Value::Array(objects))
        }
        Err(error) => {
            bundle.missing(&what, &reason(error));
            Ok(())
        }
    }
}

async fn events(client: &Client, bundle: &mut Bundle, namespace: &str) -> Result<()> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Event"));
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let what = format!("events in {namespace}");
    match api.list(&ListParams::default()).await {
        Ok(list) => {
            let events: Vec<Value> = list
                .items
                .iter()
                .filter_map(|event| serde_json::to_value(event).ok())
                .map(|event| redact::event(&event))
                .collect();
            bundle.json(&format!("events/{namespace}.json"), &what, &Value::Array(events))
        }
        Err(error) => {
            bundle.missing(&what, &reason(error));
            Ok(())
        }
    }
}

/// `config.toml` of every service.
async fn configuration(client: &Client, bundle: &mut Bundle, namespace: &str) -> Result<()> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let what = format!("configuration in {namespace}");
    match api.list(&ListParams::default().labels(PRODUCT)).await {
        Ok(list) => {
            for map in &list.items {
                if let Some(text) = map.data.as_ref().and_then(|data| data.get("config.toml")) {
                    let name = format!("config/{namespace}/{}.toml", map.name_any());
                    bundle.add(&name, &what, redact::config(text).as_bytes())?;
                }
            }
            Ok(())
        }
        Err(error) => {
            bundle.missing(&what, &reason(error));
            Ok(())
        }
    }
}

/// What the API server says, without the request.
pub fn reason(error: kube::Error) -> String {
    CliError::kubernetes("asking", error).for_people()
}

/// The pods of a namespace; noted when they cannot be had.
pub async fn pods(
    client: &Client,
    bundle: &mut Bundle,
    namespace: &str,
    selector: &str,
) -> Vec<k8s_openapi::api::core::v1::Pod> {
    let api = Api::namespaced(client.clone(), namespace);
    match api.list(&ListParams::default().labels(selector)).await {
        Ok(list) => list.items,
        Err(error) => {
            bundle.missing(&format!("pods in {namespace}"), &reason(error));
            Vec::new()
        }
    }
}

/// Selects the product's own pods.
pub const OWN_PODS: &str = "app.kubernetes.io/part-of=dmp,!dmp.ma/database";
/// Selects the pods of databases.
pub const DATABASE_PODS: &str = "dmp.ma/database";
