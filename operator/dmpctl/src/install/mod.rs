//! `dmpctl install`: CRDs, OpenBao with its bootstrap, operator. Run again, it changes what has changed.

pub mod bootstrap;
pub mod cnpg;
pub mod command;
mod images;
pub mod openbao;

use std::path::PathBuf;
use std::time::Duration;

use dmp_api::names::SYSTEM_NAMESPACE;
use dmp_appliance::Progress;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};

use crate::embedded;
use crate::error::{CliError, Result};
use crate::images::signed::require_signed;
use crate::kubernetes::apply;
use crate::kubernetes::wait::{self, Look};
pub use images::ProductImages;

use bootstrap::{Outcome, Plan, Policies, custody};

/// OpenBao's first start, with a slow volume.
const OPENBAO_WITHIN: Duration = Duration::from_secs(300);

/// What an installation decides once.
#[derive(clap::Args, Clone, Debug)]
pub struct InstallOptions {
    /// Trust domain: certificates, identities and log origins carry it for ever
    #[arg(long, default_value = "dmp.test")]
    pub domain: String,
    /// Public name or address of the gateway outside the domain and private address ranges; may be repeated
    #[arg(long = "public-name")]
    pub public_names: Vec<String>,
    /// Let synthetic people log in (OpenBao namespace `people`); production groups refuse them all the same
    #[arg(long)]
    pub demonstration: bool,
    /// Folder for recovery shares and root CA [default: ~/.local/share/dmp/custody]
    #[arg(long)]
    pub custody: Option<PathBuf>,
    #[command(flatten)]
    pub images: ProductImages,
    /// StorageClass of OpenBao's volumes [default: the cluster's]
    #[arg(long)]
    pub storage_class: Option<String>,
}

/// The objects below a folder of manifests, in the order of applying.
///
/// # Errors
/// `manifest`.
pub fn manifests(folder: &str) -> Result<Vec<DynamicObject>> {
    let mut objects = Vec::new();
    for (name, content) in embedded::below(folder, ".yaml") {
        if !name.ends_with("kustomization.yaml") {
            objects.extend(apply::parse(name, &String::from_utf8_lossy(content))?);
        }
    }
    apply::sort(&mut objects);
    Ok(objects)
}

/// Installs on a cluster that has CloudNativePG.
///
/// # Errors
/// Says what is missing; it can be run again.
pub async fn install(client: &Client, progress: &Progress, options: &InstallOptions) -> Result<()> {
    let images = [&options.images.dmp, &options.images.openbao];
    require_signed(client, images.into_iter()).await?;
    custom_resources(client, progress).await?;
    let step = progress.step("applying OpenBao");
    openbao::deploy(client, &options.images, options.storage_class.as_deref()).await?;
    step.done();
    openbao::wait_ready(client, progress, OPENBAO_WITHIN).await?;
    openbao::label_volumes(client).await?;
    bootstrap_openbao(client, progress, options).await?;
    if options.demonstration {
        apply::apply_all(client, &manifests("manifests/demo/account")?).await?;
    }
    operator(client, progress, &options.images).await
}

/// Applies the operator and waits for it.
///
/// # Errors
/// As [`apply::apply_all`] and [`wait::deployment`].
pub async fn operator(client: &Client, progress: &Progress, images: &ProductImages) -> Result<()> {
    let step = progress.step("applying the operator");
    let mut operator = manifests("manifests/operator")?;
    images.put_into(&mut operator);
    apply::apply_all(client, &operator).await?;
    step.done();
    wait::deployment(
        client,
        progress,
        SYSTEM_NAMESPACE,
        "dmp-operator",
        Duration::from_secs(180),
    )
    .await
}

/// Applies the CRDs and waits until they are served.
///
/// # Errors
/// As [`CliError::kubernetes`].
pub async fn custom_resources(client: &Client, progress: &Progress) -> Result<()> {
    let step = progress.step("applying the custom resources");
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in dmp_api::crds() {
        let name = definition.name_any();
        api.patch(
            &name,
            &PatchParams::apply(apply::MANAGER).force(),
            &Patch::Apply(&definition),
        )
        .await
        .map_err(|source| {
            CliError::kubernetes(format!("applying CustomResourceDefinition `{name}`"), source)
        })?;
        wait::until(&step, &name, Duration::from_secs(30), || async {
            let found = api.get(&name).await.map_err(|source| {
                CliError::kubernetes(format!("reading CustomResourceDefinition `{name}`"), source)
            })?;
            let conditions = found
                .status
                .and_then(|status| status.conditions)
                .unwrap_or_default();
            let established = conditions
                .iter()
                .any(|c| c.type_ == "Established" && c.status == "True");
            Ok(if established {
                Look::Done
            } else {
                Look::Waiting(format!("{name} is not served yet"))
            })
        })
        .await?;
    }
    step.done();
    report_kinds(client, progress).await
}

/// Applies the definitions of OpenReports, unless somebody else has installed them.
async fn report_kinds(client: &Client, progress: &Progress) -> Result<()> {
    let step = progress.step("applying the kinds of reports");
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in manifests("manifests/openreports")? {
        let name = definition.name_any();
        let there = api.get_opt(&name).await.map_err(|source| {
            CliError::kubernetes(format!("reading CustomResourceDefinition `{name}`"), source)
        })?;
        let ours = |there: &CustomResourceDefinition| {
            let by = there.labels().get("app.kubernetes.io/managed-by");
            by.is_some_and(|by| by == apply::MANAGER)
        };
        if there.as_ref().is_none_or(ours) {
            apply::apply(client, &definition).await?;
        }
    }
    step.done();
    Ok(())
}

async fn bootstrap_openbao(client: &Client, progress: &Progress, options: &InstallOptions) -> Result<()> {
    let policy = |name: &str| {
        embedded::text(&format!("manifests/openbao/policies/{name}.policy")).ok_or_else(|| {
            CliError::new(
                "manifest",
                format!("the policy `{name}` is missing"),
                "build dmpctl again",
            )
        })
    };
    let policies = Policies {
        person: policy("person")?,
        demo: policy("demo")?,
    };
    let plan = Plan {
        domain: options.domain.clone(),
        public_names: options.public_names.clone(),
        demonstration: options.demonstration,
    };
    let base = options.custody.clone().map_or_else(custody::default_base, Ok)?;
    let step = progress.step("setting up OpenBao");
    let jwt = openbao::service_account_token(client, bootstrap::SERVICE_ACCOUNT).await?;
    let mut bao = openbao::open(client).await?;
    let outcome = bootstrap::run(&mut bao, &jwt, &plan, &policies, &base, |what| step.at(what))
        .await
        .map_err(bootstrap::BootstrapError::for_people)?;
    match outcome {
        Outcome::Before => step.done_with("was done before"),
        Outcome::Done(folder) => {
            step.done();
            progress.say(format!(
                "recovery shares and root CA are in {}: take them off this machine",
                folder.display()
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
