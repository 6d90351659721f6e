//! Server-side apply of manifests. Every object names its namespace, or has none.

use dmp_api::Asset;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;

use crate::error::{CliError, Result};

/// Field manager of everything `dmpctl` applies.
pub const MANAGER: &str = "dmpctl";

/// The objects of a YAML text, empty documents left out.
///
/// # Errors
/// `manifest` with the name of the text.
pub fn parse(name: &str, text: &str) -> Result<Vec<DynamicObject>> {
    let broken = |source: Box<dyn std::error::Error + Send + Sync>| {
        CliError::new(
            "manifest",
            format!("`{name}` is not a Kubernetes manifest"),
            "correct the file",
        )
        .because(source)
    };
    serde_saphyr::from_multiple::<Value>(text)
        .map_err(|source| broken(Box::new(source)))?
        .into_iter()
        .filter(|document| !document.is_null())
        .map(|document| serde_json::from_value(document).map_err(|source| broken(Box::new(source))))
        .collect()
}

/// Where an object of this kind lives.
///
/// # Errors
/// `manifest` when it names no kind.
pub fn api(client: &Client, object: &DynamicObject) -> Result<Api<DynamicObject>> {
    let types = object.types.as_ref().ok_or_else(|| {
        CliError::new(
            "manifest",
            format!("`{}` has no kind", object.name_any()),
            "correct the file",
        )
    })?;
    let kind = GroupVersionKind::try_from(types).map_err(|source| {
        CliError::new(
            "manifest",
            format!("`{}` has no usable apiVersion", object.name_any()),
            "correct the file",
        )
        .because(source)
    })?;
    let resource = ApiResource::from_gvk(&kind);
    Ok(match object.namespace() {
        Some(namespace) => Api::namespaced_with(client.clone(), &namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    })
}

/// Applies one object and returns it as the server has it.
///
/// # Errors
/// As [`CliError::kubernetes`].
pub async fn apply(client: &Client, object: &DynamicObject) -> Result<DynamicObject> {
    let kind = object
        .types
        .as_ref()
        .map_or("object", |types| types.kind.as_str());
    let name = object.name_any();
    let failed = |source| CliError::kubernetes(format!("applying {kind} `{name}`"), source);
    let labelled = as_its_namespace(client, object).await.map_err(failed)?;
    let object = labelled.as_ref().unwrap_or(object);
    api(client, object)?
        .patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(object))
        .await
        .map_err(failed)
}

/// What says whose it is, with what its namespace (itself, when it is one) says already; `None` for anything else.
async fn as_its_namespace(
    client: &Client,
    object: &DynamicObject,
) -> std::result::Result<Option<DynamicObject>, kube::Error> {
    let Some(asset) = Asset::read(object.labels()) else {
        return Ok(None);
    };
    let namespace = object.namespace().unwrap_or_else(|| object.name_any());
    let live = Api::<Namespace>::all(client.clone()).get_opt(&namespace).await?;
    let Some(live) = live else {
        return Ok(None);
    };
    let mut object = object.clone();
    let labels = asset.with(live.labels()).labels();
    object
        .labels_mut()
        .extend(labels.map(|(name, text)| (name.to_owned(), text)));
    Ok(Some(object))
}

/// Applies all of them, in order.
///
/// # Errors
/// The first that fails.
pub async fn apply_all(client: &Client, objects: &[DynamicObject]) -> Result<()> {
    for object in objects {
        apply(client, object).await?;
    }
    Ok(())
}

/// Namespaces before accounts and rights, those before what runs: the order in which one run is enough.
pub fn sort(objects: &mut [DynamicObject]) {
    objects.sort_by_key(
        |object| match object.types.as_ref().map_or("", |types| types.kind.as_str()) {
            "Namespace" => 0,
            "CustomResourceDefinition" => 1,
            "ServiceAccount" => 2,
            "ClusterRole" | "Role" => 3,
            "ClusterRoleBinding" | "RoleBinding" => 4,
            "ConfigMap" | "Secret" | "PriorityClass" => 5,
            "Service" | "NetworkPolicy" | "PodDisruptionBudget" => 6,
            "Deployment" | "StatefulSet" | "DaemonSet" => 8,
            _ => 7,
        },
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn documents_are_read_with_numbers_and_sorted() {
        let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {replicas: 2}\n---\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: ns}\n";
        let mut objects = parse("t", text).unwrap();
        sort(&mut objects);
        let names: Vec<_> = objects.iter().map(|o| o.name_any()).collect();
        assert_eq!(names, ["ns", "d"]);
        let json = serde_json::to_string(&objects[1]).unwrap();
        assert!(json.contains("\"replicas\":2"), "{json}");
    }

    #[test]
    fn every_embedded_manifest_parses() {
        let mut count = 0;
        for (name, content) in crate::embedded::below("manifests", ".yaml") {
            if name.ends_with("kustomization.yaml") {
                continue;
            }
            count += parse(name, std::str::from_utf8(content).unwrap()).unwrap().len();
        }
        assert!(count > 10);
    }
}
