//! CloudNativePG: the cluster's own, which is looked at and left alone, or one that `dmpctl` brings and keeps current.

use dmp_appliance::Progress;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;
use std::time::Duration;

use crate::error::{CliError, Result};
use crate::images::References;
use crate::kubernetes::{apply, wait};

/// The kind whose presence means that CloudNativePG is installed.
const CLUSTERS: &str = "clusters.postgresql.cnpg.io";
/// Where `--cnpg managed` puts it: as its own manifest says.
const NAMESPACE: &str = "cnpg-system";
const DEPLOYMENT: &str = "cnpg-controller-manager";
/// As whom its operator runs: the platform's admission policies and NetworkPolicies let this one make databases.
const ACCOUNT: &str = "cnpg-system/cnpg-manager";
/// What the manifests use of a `Cluster`'s `spec`: an older CloudNativePG lacks some and would drop them silently.
const NEEDED: [&str; 6] = [
    "serviceAccountName",
    "imagePullPolicy",
    "inheritedMetadata",
    "probes",
    "smartShutdownTimeout",
    "bootstrap/initdb/localeProvider",
];
/// The version that `--cnpg managed` brings; every test runs on it.
pub const TESTED: &str = "1.30.0";

/// What a cluster has of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Version by the tag of its image; empty when the image says none.
    pub version: String,
    /// Fields of `Cluster` that the manifests use and it does not know.
    pub lacks: Vec<&'static str>,
    /// Whether its operator is available.
    pub available: bool,
    /// `<namespace>/<ServiceAccount>` of its operator.
    pub account: String,
    /// Whether `dmpctl` installed it.
    pub ours: bool,
}

/// # Errors
/// As [`CliError::kubernetes`].
pub async fn find(client: &Client) -> Result<Option<Found>> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let definition = definitions.get_opt(CLUSTERS).await.map_err(|source| {
        CliError::kubernetes(format!("reading CustomResourceDefinition `{CLUSTERS}`"), source)
    })?;
    let Some(definition) = definition else {
        return Ok(None);
    };
    let deployments: Api<Deployment> = Api::all(client.clone());
    let parameters = ListParams::default().labels("app.kubernetes.io/name=cloudnative-pg");
    let operators = deployments
        .list(&parameters)
        .await
        .map_err(|source| CliError::kubernetes("looking for the operator of CloudNativePG", source))?
        .items;
    let ours = definition
        .managed_fields()
        .iter()
        .any(|fields| fields.manager.as_deref() == Some(apply::MANAGER));
    Ok(Some(Found {
        version: operators.iter().find_map(version).unwrap_or_default(),
        lacks: lacking(&serde_json::to_value(&definition).unwrap_or_default()),
        available: operators.iter().any(|operator| {
            let status = operator.status.as_ref();
            status.and_then(|status| status.available_replicas).unwrap_or(0) > 0
        }),
        account: operators.iter().find_map(account).unwrap_or_default(),
        ours,
    }))
}

fn account(operator: &Deployment) -> Option<String> {
    let pod = operator.spec.as_ref()?.template.spec.as_ref()?;
    let account = pod.service_account_name.as_deref().unwrap_or("default");
    Some(format!("{}/{account}", operator.namespace()?))
}

impl Found {
    /// Why the platform cannot use it, and what to do; `None` when it can.
    pub fn obstacle(&self) -> Option<(String, String)> {
        if !self.lacks.is_empty() {
            return Some((
                format!("{} does not know {}", self.version, self.lacks.join(", ")),
                format!("upgrade it to {TESTED} or later"),
            ));
        }
        if !self.account.is_empty() && self.account != ACCOUNT {
            return Some((
                format!("{} runs as {}", self.version, self.account),
                format!(
                    "install it as its own manifest does: the platform's policies let {ACCOUNT} make databases"
                ),
            ));
        }
        None
    }
}

/// `1.30.0` of `…/cloudnative-pg:1.30.0-abc@sha256:…`.
fn version(operator: &Deployment) -> Option<String> {
    let image = operator
        .spec
        .as_ref()?
        .template
        .spec
        .as_ref()?
        .containers
        .first()?
        .image
        .as_deref()?;
    let last = image.rsplit('/').next()?;
    let tag = last.split('@').next()?.split_once(':')?.1;
    Some(tag.split('-').next()?.to_owned())
}

/// Needed fields that the served schema of `Cluster` v1 does not have.
fn lacking(definition: &Value) -> Vec<&'static str> {
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    let spec = versions
        .into_iter()
        .flatten()
        .find(|version| version["name"] == "v1")
        .and_then(|version| version.pointer("/schema/openAPIV3Schema/properties/spec"));
    NEEDED
        .into_iter()
        .filter(|path| {
            let place = path
                .split('/')
                .fold(spec, |at, name| at?.get("properties")?.get(name));
            place.is_none()
        })
        .collect()
}

/// Refuses a cluster whose own CloudNativePG cannot carry the databases.
///
/// # Errors
/// `cnpg-missing`, `cnpg-unusable`.
pub async fn require_existing(client: &Client) -> Result<()> {
    let Some(found) = find(client).await? else {
        return Err(CliError::new(
            "cnpg-missing",
            "the cluster has no CloudNativePG",
            format!("install CloudNativePG {TESTED} or later, or let dmpctl do it: --cnpg managed"),
        ));
    };
    match found.obstacle() {
        None => Ok(()),
        Some((what, remedy)) => Err(CliError::new(
            "cnpg-unusable",
            format!("the cluster's CloudNativePG cannot be used: {what}"),
            remedy,
        )),
    }
}

/// Installs it from its own manifest with our images, or brings ours up to date.
///
/// # Errors
/// `cnpg-not-ours` when the cluster has one that somebody else installed.
pub async fn manage(
    client: &Client,
    progress: &Progress,
    manifest: &str,
    references: &References,
) -> Result<()> {
    if find(client).await?.is_some_and(|found| !found.ours) {
        return Err(CliError::new(
            "cnpg-not-ours",
            "the cluster has a CloudNativePG that dmpctl did not install",
            "use it as it is: --cnpg existing",
        ));
    }
    let step = progress.step("applying CloudNativePG");
    let text =
        dmp_appliance::cloudnative_pg::adapt(manifest, &references.cloudnative_pg, &references.postgresql)
            .map_err(|detail| {
                CliError::new(
                    "manifest",
                    format!("the manifest of CloudNativePG is not usable: {detail}"),
                    "export the images again (`dmpctl images export DIR`)",
                )
            })?;
    let mut objects = apply::parse(crate::images::CNPG_MANIFEST, &text)?;
    apply::sort(&mut objects);
    apply::apply_all(client, &objects).await?;
    step.done();
    wait::deployment(client, progress, NAMESPACE, DEPLOYMENT, Duration::from_secs(180)).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn operator(image: &str) -> Deployment {
        serde_json::from_value(json!({
            "metadata": { "name": "o" },
            "spec": { "selector": {}, "template": { "spec": { "containers": [{ "name": "m", "image": image }] } } },
        }))
        .unwrap()
    }

    #[test]
    fn the_version_is_in_the_tag() {
        for (image, wanted) in [
            ("ghcr/cloudnative-pg:1.30.0", Some("1.30.0")),
            ("r:5000/cloudnative-pg:1.28.1-abc@sha256:00", Some("1.28.1")),
            ("r:5000/cloudnative-pg@sha256:00", None),
        ] {
            assert_eq!(version(&operator(image)).as_deref(), wanted, "{image}");
        }
    }

    #[test]
    fn a_schema_without_a_field_we_use_is_too_old() {
        let schema = |properties: Value| {
            json!({ "spec": { "versions": [{ "name": "v1", "schema": { "openAPIV3Schema": {
                "properties": { "spec": { "properties": properties } } } } }] } })
        };
        assert_eq!(lacking(&schema(json!({}))).len(), NEEDED.len());
        let full = json!({
            "serviceAccountName": {}, "imagePullPolicy": {}, "inheritedMetadata": {}, "probes": {},
            "smartShutdownTimeout": {},
            "bootstrap": { "properties": { "initdb": { "properties": { "encoding": {} } } } },
        });
        assert_eq!(lacking(&schema(full)), ["bootstrap/initdb/localeProvider"]);
    }
}
