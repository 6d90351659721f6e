//! `dmpctl upgrade`: an installation to this release while traffic runs. Custom resources first (the operator refuses
//! older ones), then the operator, then the services by `Platform.spec.images`; each step waits for the one before.
//!
//! Where the security entity signed which images may run, nothing begins before it signed these.
//!
//! OpenBao and PostgreSQL are restarted only when they themselves change: both interrupt writes for seconds where they
//! have one instance.

use std::time::Duration;

use dmp_api::Platform;
use dmp_api::names::PLATFORM;
use dmp_appliance::Progress;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use crate::error::{CliError, Result};
use crate::images::signed::require_signed;
use crate::install::command::RegistryChoice;
use crate::install::{self, ProductImages, openbao};
use crate::kubernetes::wait::{self, Look};
use crate::kubernetes::{ClusterOptions, apply};

/// Every service's new pods are up within this time; each old pod drains for up to 30 s.
const ROLLED_WITHIN: Duration = Duration::from_secs(600);

#[derive(clap::Args, Clone, Debug)]
pub struct UpgradeOptions {
    #[command(flatten)]
    pub images: ProductImages,
    #[command(flatten)]
    pub registry: RegistryChoice,
    /// Change PostgreSQL's image as well; a database with one instance then restarts (writes wait for seconds)
    #[arg(long, requires = "registry")]
    pub with_postgresql: bool,
}

/// What a running installation gets.
#[derive(Clone, Debug)]
pub struct Target {
    pub images: ProductImages,
    /// `None`: PostgreSQL stays as it is.
    pub postgres: Option<String>,
    /// For people, in `Platform.spec.release`.
    pub release: String,
}

/// # Errors
/// `not-installed`, `image-not-signed`, or what did not come up; run again, it goes on where it was.
pub async fn run(cluster: &ClusterOptions, options: &UpgradeOptions) -> Result<()> {
    let client = crate::kubernetes::connect_named(cluster).await?;
    let progress = Progress::to_stderr();
    let mut target = Target {
        images: options.images.clone(),
        postgres: None,
        release: env!("CARGO_PKG_VERSION").to_owned(),
    };
    if let Some((_, references)) = options.registry.open(&progress).await? {
        target.images.dmp = references.dmp;
        target.images.openbao = references.openbao;
        target.postgres = options.with_postgresql.then_some(references.postgresql);
    }
    upgrade(&client, &progress, &target).await?;
    println!("upgraded to {}: {}", target.release, target.images.dmp);
    Ok(())
}

/// As [`run`], on a connection.
///
/// # Errors
/// As [`run`].
pub async fn upgrade(client: &Client, progress: &Progress, target: &Target) -> Result<()> {
    require_platform(client).await?;
    let images = [&target.images.dmp, &target.images.openbao];
    require_signed(client, images.into_iter().chain(&target.postgres)).await?;
    install::custom_resources(client, progress).await?;
    let step = progress.step("OpenBao");
    let changed = openbao::deploy_changed(client, &target.images).await?;
    step.done_with(if changed { "changed" } else { "as it was" });
    if changed {
        openbao::wait_ready(client, progress, Duration::from_secs(300)).await?;
    }
    openbao::label_volumes(client).await?;
    install::operator(client, progress, &target.images).await?;
    let mut images = json!({ "dmp": target.images.dmp });
    if let Some(postgres) = &target.postgres {
        images["postgres"] = json!(postgres);
    }
    let change = json!({ "spec": { "release": target.release, "images": images } });
    let platforms: Api<Platform> = Api::all(client.clone());
    let parameters = PatchParams {
        field_manager: Some(apply::MANAGER.to_owned()),
        ..PatchParams::default()
    };
    platforms
        .patch(PLATFORM, &parameters, &Patch::Merge(&change))
        .await
        .map_err(|source| CliError::kubernetes("changing the platform's images", source))?;
    rolled_out(client, progress, &target.images.dmp).await
}

async fn require_platform(client: &Client) -> Result<()> {
    let platforms: Api<Platform> = Api::all(client.clone());
    match platforms.get_opt(PLATFORM).await {
        Ok(Some(_)) => Ok(()),
        Err(source) if !matches!(&source, kube::Error::Api(status) if status.code == 404) => {
            Err(CliError::kubernetes("reading the platform", source))
        }
        _ => Err(CliError::new(
            "not-installed",
            "there is no Platform `national` on this cluster",
            "check --context; to install, use `dmpctl install` and apply a Platform (docs/install.md)",
        )),
    }
}

/// Waits until every service of ours runs this image and no older pod is left.
async fn rolled_out(client: &Client, progress: &Progress, image: &str) -> Result<()> {
    let step = progress.step("rolling out the services");
    let deployments: Api<Deployment> = Api::all(client.clone());
    let parameters = ListParams::default().labels("app.kubernetes.io/part-of=dmp");
    wait::until(&step, "the services", ROLLED_WITHIN, || async {
        let all = deployments
            .list(&parameters)
            .await
            .map_err(|source| CliError::kubernetes("reading Deployments", source))?
            .items;
        let waiting: Vec<String> = all
            .iter()
            .filter_map(|deployment| {
                let why = behind(deployment, image)?;
                let namespace = deployment.namespace().unwrap_or_default();
                Some(format!("{namespace}/{}: {why}", deployment.name_any()))
            })
            .collect();
        Ok(if waiting.is_empty() {
            Look::Done
        } else {
            Look::Waiting(waiting.join(", "))
        })
    })
    .await?;
    step.done();
    Ok(())
}

/// Why a Deployment is not rolled out yet.
fn behind(deployment: &Deployment, image: &str) -> Option<String> {
    let spec = deployment.spec.as_ref()?;
    let pod = spec.template.spec.as_ref()?;
    if pod.containers.iter().any(|c| c.image.as_deref() != Some(image)) {
        return Some("has the former image".to_owned());
    }
    let status = deployment.status.clone().unwrap_or_default();
    let old = status.replicas.unwrap_or(0) - status.updated_replicas.unwrap_or(0);
    match wait::deployment_look(deployment) {
        Look::Waiting(why) => Some(why),
        Look::Done if old > 0 => Some(format!("{old} former pods end")),
        Look::Done => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn deployment(image: &str, replicas: i32, updated: i32) -> Deployment {
        serde_json::from_value(json!({
            "metadata": { "name": "d", "generation": 2 },
            "spec": { "replicas": 2, "selector": {}, "template": { "spec": { "containers": [{ "name": "d", "image": image }] } } },
            "status": {
                "observedGeneration": 2, "replicas": replicas, "updatedReplicas": updated, "availableReplicas": 2,
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_rollout_ends_with_the_last_former_pod() {
        assert!(
            behind(&deployment("old", 2, 2), "new")
                .unwrap()
                .contains("former image")
        );
        assert!(behind(&deployment("new", 3, 1), "new").is_some());
        assert!(
            behind(&deployment("new", 3, 2), "new")
                .unwrap()
                .contains("former pods")
        );
        assert_eq!(behind(&deployment("new", 2, 2), "new"), None);
    }
}
