//! `dmpctl uninstall`: ends what runs and takes the rights away. Custom resources, databases, keys, volumes and the
//! admission policies that protect them stay; installing again finds all of it.
//!
//! The order: the operator (it would put things back), the services, the databases (hibernated by CloudNativePG, so
//! that they close properly), OpenBao, rights. With two flags the data go too: see `data`.

mod data;

use std::time::Duration;

use dmp_api::Platform;
use dmp_api::names::{PLATFORM, SYSTEM_NAMESPACE};
use dmp_appliance::Progress;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use crate::error::{CliError, Result};
use crate::kubernetes::wait::{self, Look};
use crate::kubernetes::{ClusterOptions, apply};

/// What everything of the product carries.
const OURS: &str = "app.kubernetes.io/part-of=dmp";
/// Databases close and pods end within this time.
const ENDED_WITHIN: Duration = Duration::from_secs(240);

type Kind = (&'static str, &'static str, &'static str);
const DEPLOYMENTS: Kind = ("apps", "v1", "Deployment");
const STATEFUL_SETS: Kind = ("apps", "v1", "StatefulSet");
const PODS: Kind = ("", "v1", "Pod");
const DATABASES: Kind = ("postgresql.cnpg.io", "v1", "Cluster");
/// Bindings first: a role without a binding gives nothing.
const RIGHTS: [Kind; 4] = [
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding"),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole"),
    ("rbac.authorization.k8s.io", "v1", "Role"),
];

#[derive(clap::Args, Clone, Debug, Default)]
pub struct UninstallOptions {
    /// Delete databases, keys, volumes, custom resources and their definitions too: for ever
    #[arg(long, requires = "confirm")]
    pub delete_data: bool,
    /// With --delete-data: the domain of the platform (Platform.spec.domain), as proof that this one is meant
    #[arg(long, value_name = "DOMAIN", requires = "delete_data")]
    pub confirm: Option<String>,
}

/// What an uninstallation ended, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    pub workloads: usize,
    /// Databases that were put to sleep by this run.
    pub databases: usize,
    pub rights: usize,
}

/// # Errors
/// Says what did not end; it can be run again.
pub async fn run(cluster: &ClusterOptions, options: &UninstallOptions) -> Result<()> {
    let client = crate::kubernetes::connect_named(cluster).await?;
    let progress = Progress::to_stderr();
    if options.delete_data {
        confirmed(&client, options.confirm.as_deref().unwrap_or_default()).await?;
    }
    let ended = uninstall(&client, &progress).await?;
    if options.delete_data {
        data::delete(&client, &progress).await?;
        println!("removed, with all data");
        return Ok(());
    }
    println!(
        "ended: {} workloads, {} databases put to sleep, {} rights removed\n\
         kept: custom resources and their definitions, databases, volumes, OpenBao's data and seal key, Secrets, \
         ConfigMaps, admission policies. `dmpctl install` brings it back.",
        ended.workloads, ended.databases, ended.rights
    );
    Ok(())
}

/// Ends what runs. A second run ends nothing.
///
/// # Errors
/// As [`run`].
pub async fn uninstall(client: &Client, progress: &Progress) -> Result<Ended> {
    let mut ended = Ended::default();
    let step = progress.step("operator");
    ended.workloads += delete(client, DEPLOYMENTS, in_system).await?;
    until_gone(client, &step, "the operator", |pod| {
        pod.labels().get("app.kubernetes.io/name").map(String::as_str) == Some("dmp-operator")
    })
    .await?;
    step.done();

    let step = progress.step("services");
    ended.workloads += delete(client, DEPLOYMENTS, |_| true).await?;
    // Probes of the operator's: nobody puts them back.
    delete(client, PODS, |pod| pod.owner_references().is_empty()).await?;
    until_gone(client, &step, "the services", |pod| {
        !in_system(pod) && !pod.labels().contains_key("cnpg.io/cluster")
    })
    .await?;
    step.done();

    let step = progress.step("databases");
    ended.databases = hibernate(client).await?;
    until_gone(client, &step, "the databases", |pod| {
        pod.labels().contains_key("cnpg.io/cluster")
    })
    .await?;
    step.done();

    let step = progress.step("OpenBao and rights");
    ended.workloads += delete(client, STATEFUL_SETS, |_| true).await?;
    until_gone(client, &step, "OpenBao", |_| true).await?;
    for kind in RIGHTS {
        ended.rights += delete(client, kind, |_| true).await?;
    }
    step.done();
    Ok(ended)
}

fn in_system(object: &DynamicObject) -> bool {
    object.namespace().as_deref() == Some(SYSTEM_NAMESPACE)
}

fn resource((group, version, kind): Kind) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

/// Our objects of a kind; none when the kind is not served.
async fn ours(client: &Client, kind: Kind) -> Result<Vec<DynamicObject>> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource(kind));
    match api.list(&ListParams::default().labels(OURS)).await {
        Ok(list) => Ok(list.items),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
        Err(source) => Err(CliError::kubernetes(
            format!("looking for each {}", kind.2),
            source,
        )),
    }
}

fn api_of(client: &Client, kind: Kind, object: &DynamicObject) -> Api<DynamicObject> {
    match object.namespace() {
        Some(namespace) => Api::namespaced_with(client.clone(), &namespace, &resource(kind)),
        None => Api::all_with(client.clone(), &resource(kind)),
    }
}

/// Deletes those of ours that are meant, and returns how many there were.
async fn delete(client: &Client, kind: Kind, meant: impl Fn(&DynamicObject) -> bool) -> Result<usize> {
    let mut count = 0;
    for object in ours(client, kind).await?.iter().filter(|object| meant(object)) {
        let name = object.name_any();
        match api_of(client, kind, object)
            .delete(&name, &DeleteParams::background())
            .await
        {
            Ok(_) => count += 1,
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(source) => {
                return Err(CliError::kubernetes(
                    format!("deleting {} `{name}`", kind.2),
                    source,
                ));
            }
        }
    }
    Ok(count)
}

/// Asks CloudNativePG to stop every database of ours and to keep its volumes.
async fn hibernate(client: &Client) -> Result<usize> {
    const HIBERNATION: &str = "cnpg.io/hibernation";
    let mut count = 0;
    let asleep = json!({ "metadata": { "annotations": { HIBERNATION: "on" } } });
    for database in ours(client, DATABASES).await? {
        if database.annotations().get(HIBERNATION).map(String::as_str) == Some("on") {
            continue;
        }
        let name = database.name_any();
        api_of(client, DATABASES, &database)
            .patch(
                &name,
                &PatchParams {
                    field_manager: Some(apply::MANAGER.to_owned()),
                    ..PatchParams::default()
                },
                &Patch::Merge(&asleep),
            )
            .await
            .map_err(|source| CliError::kubernetes(format!("putting database `{name}` to sleep"), source))?;
        count += 1;
    }
    Ok(count)
}

/// Waits until no pod of ours that is meant is left.
async fn until_gone(
    client: &Client,
    step: &dmp_appliance::Step,
    what: &str,
    meant: impl Fn(&DynamicObject) -> bool,
) -> Result<()> {
    wait::until(step, &format!("the end of {what}"), ENDED_WITHIN, || async {
        let pods = ours(client, PODS).await?;
        let left: Vec<String> = pods
            .iter()
            .filter(|pod| meant(pod) && !has_ended(pod))
            .map(|pod| format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any()))
            .collect();
        Ok(if left.is_empty() {
            Look::Done
        } else {
            Look::Waiting(format!("still there: {}", left.join(", ")))
        })
    })
    .await
}

fn has_ended(pod: &DynamicObject) -> bool {
    let phase = pod
        .data
        .pointer("/status/phase")
        .and_then(serde_json::Value::as_str);
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Whether the person means this platform.
async fn confirmed(client: &Client, domain: &str) -> Result<()> {
    let api: Api<Platform> = Api::all(client.clone());
    let platform = match api.get_opt(PLATFORM).await {
        Ok(found) => found,
        // No such kind any more: an earlier run was cut off after the definitions had gone.
        Err(kube::Error::Api(status)) if status.code == 404 => None,
        Err(source) => return Err(CliError::kubernetes("reading the platform", source)),
    };
    match platform {
        Some(platform) if platform.spec.domain != domain => Err(CliError::new(
            "not-confirmed",
            format!(
                "this platform's domain is `{}`, --confirm says `{domain}`: nothing was touched",
                platform.spec.domain
            ),
            "check --context; to delete this platform's data for ever, confirm with its own domain",
        )),
        _ => Ok(()),
    }
}
