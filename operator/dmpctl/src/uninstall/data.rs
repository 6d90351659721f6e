//! The end of all data of a platform: protections off, custom resources and their definitions, namespaces.
//!
//! Called only after the person named the platform's domain. CloudNativePG and namespaces of vendors stay.

use std::collections::BTreeSet;
use std::time::Duration;

use dmp_api::names::{EVIDENCE_NAMESPACE, NATIONAL_NAMESPACE, PROTECTED_LABEL, SYSTEM_NAMESPACE};
use dmp_appliance::Progress;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use super::{DATABASES, Kind, api_of, delete as delete_ours, ours, resource};
use crate::error::{CliError, Result};
use crate::kubernetes::wait::{self, Look};

const NAMESPACES: Kind = ("", "v1", "Namespace");
const DEFINITIONS: Kind = ("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
/// What the evaluator said; the definitions may be somebody else's.
const CLUSTER_REPORTS: [Kind; 2] = [
    ("openreports.io", "v1alpha1", "ClusterReport"),
    ("wgpolicyk8s.io", "v1alpha2", "ClusterPolicyReport"),
];
const HEALTH_GROUPS: Kind = ("dmp.ma", "v1alpha1", "HealthGroup");
const ADMISSION: [Kind; 2] = [
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicyBinding",
    ),
    ("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy"),
];
const GONE_WITHIN: Duration = Duration::from_secs(240);

/// Deletes it all.
///
/// # Errors
/// Says what did not go; it can be run again.
pub async fn delete(client: &Client, progress: &Progress) -> Result<()> {
    let step = progress.step("protections");
    for kind in ADMISSION {
        delete_ours(client, kind, |_| true).await?;
    }
    // The operator that would retire them is gone.
    release(client, HEALTH_GROUPS).await?;
    // The API server's own view of the policies is a moment behind.
    tokio::time::sleep(Duration::from_secs(2)).await;
    step.done();

    let step = progress.step("databases and namespaces");
    let allow = json!({ "metadata": { "labels": { "dmp.ma/allow-deletion": "true" } } });
    for database in ours(client, DATABASES).await? {
        patch(client, DATABASES, &database, &allow).await?;
        remove(client, DATABASES, &database).await?;
    }
    let unprotect = json!({ "metadata": { "labels": { PROTECTED_LABEL: null } } });
    for namespace in namespaces(client).await? {
        patch(client, NAMESPACES, &namespace, &unprotect).await?;
        remove(client, NAMESPACES, &namespace).await?;
    }
    wait::until(&step, "the end of the namespaces", GONE_WITHIN, || async {
        let left: Vec<String> = namespaces(client).await?.iter().map(|n| n.name_any()).collect();
        Ok(if left.is_empty() {
            Look::Done
        } else {
            Look::Waiting(format!("still there: {}", left.join(", ")))
        })
    })
    .await?;
    step.done();

    let step = progress.step("custom resources");
    for kind in CLUSTER_REPORTS {
        delete_ours(client, kind, |_| true).await?;
    }
    for definition in definitions(client).await? {
        patch(client, DEFINITIONS, &definition, &allow).await?;
        remove(client, DEFINITIONS, &definition).await?;
    }
    wait::until(&step, "the end of the custom resources", GONE_WITHIN, || async {
        let left = definitions(client).await?.len();
        Ok(if left == 0 {
            Look::Done
        } else {
            Look::Waiting(format!("{left} kinds are still there"))
        })
    })
    .await?;
    step.done();
    Ok(())
}

/// The planes' namespaces, `dmp-system` and `dmp-evidence`; never a vendor's or another one.
async fn namespaces(client: &Client) -> Result<Vec<DynamicObject>> {
    let fixed = [SYSTEM_NAMESPACE, NATIONAL_NAMESPACE, EVIDENCE_NAMESPACE].map(ToOwned::to_owned);
    let fixed = BTreeSet::from(fixed);
    let all = ours(client, NAMESPACES).await?;
    Ok(all
        .into_iter()
        .filter(|namespace| {
            fixed.contains(&namespace.name_any())
                || namespace.labels().contains_key(dmp_api::names::GROUP_LABEL)
        })
        .collect())
}

async fn definitions(client: &Client) -> Result<Vec<DynamicObject>> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource(DEFINITIONS));
    let all = api
        .list(&ListParams::default())
        .await
        .map_err(|source| CliError::kubernetes("reading the definitions of custom resources", source))?;
    let ours = |object: &DynamicObject| object.data.pointer("/spec/group") == Some(&json!("dmp.ma"));
    Ok(all.items.into_iter().filter(ours).collect())
}

/// Takes finalizers off every object of a kind.
async fn release(client: &Client, kind: Kind) -> Result<()> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource(kind));
    let all = match api.list(&ListParams::default()).await {
        Ok(list) => list.items,
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
        Err(source) => return Err(CliError::kubernetes(format!("reading each {}", kind.2), source)),
    };
    for object in all {
        patch(
            client,
            kind,
            &object,
            &json!({ "metadata": { "finalizers": null } }),
        )
        .await?;
    }
    Ok(())
}

async fn patch(client: &Client, kind: Kind, object: &DynamicObject, change: &Value) -> Result<()> {
    let name = object.name_any();
    match api_of(client, kind, object)
        .patch(&name, &PatchParams::default(), &Patch::Merge(change))
        .await
    {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(source) => Err(CliError::kubernetes(
            format!("changing {} `{name}`", kind.2),
            source,
        )),
    }
}

async fn remove(client: &Client, kind: Kind, object: &DynamicObject) -> Result<()> {
    let name = object.name_any();
    match api_of(client, kind, object)
        .delete(&name, &DeleteParams::background())
        .await
    {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(source) => Err(CliError::kubernetes(
            format!("deleting {} `{name}`", kind.2),
            source,
        )),
    }
}
