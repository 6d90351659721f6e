//! Deletion: the record store goes, the databases sleep; namespace, volumes and key space stay.

use dmp_api::HealthGroup;
use dmp_api::names::GROUP_DATABASES;
use dmp_core::ids::GroupName;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::apply::api;
use crate::controller::Context;
use crate::plane::ObjectKind;
use crate::plane::database::HIBERNATION_ANNOTATION;

#[derive(Debug, thiserror::Error)]
#[error("{what} failed")]
pub struct Error {
    what: &'static str,
    #[source]
    source: kube::Error,
}

/// # Errors
/// When the API server refuses; the finalizer stays and it is tried again.
pub async fn retire(context: &Context, group: &HealthGroup) -> Result<(), Error> {
    // A group whose name is unusable never had anything.
    let Ok(name) = group.name_any().parse::<GroupName>() else {
        return Ok(());
    };
    let namespace = name.namespace();
    context.probes.forget(&namespace);
    let inside = Some(namespace.as_str());
    let deployments = api(&context.client, ObjectKind::Deployment, inside);
    absent_is_done(
        "stopping the record store",
        deployments.delete("records", &DeleteParams::default()).await,
    )?;
    let asleep = json!({ "metadata": { "annotations": { HIBERNATION_ANNOTATION: "on" } } });
    let clusters = api(&context.client, ObjectKind::Cluster, inside);
    for cluster in GROUP_DATABASES {
        let patched = clusters
            .patch(
                cluster,
                &PatchParams {
                    field_manager: Some("dmp-operator/retire".into()),
                    ..Default::default()
                },
                &Patch::Merge(&asleep),
            )
            .await;
        absent_is_done("hibernating a database", patched)?;
    }
    Ok(())
}

fn absent_is_done<T>(what: &'static str, outcome: Result<T, kube::Error>) -> Result<(), Error> {
    match outcome {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(source) => Err(Error { what, source }),
    }
}
