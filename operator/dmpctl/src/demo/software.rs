//! A vendor's way to a certificate: Solution, SolutionVersion, SolutionCredential with a CSR.

use std::time::Duration;

use dmp_api::{Asset, SolutionCredential};
use dmp_appliance::Progress;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use super::gateway::{Gateway, Software};
use crate::error::{CliError, Result};
use crate::kubernetes::apply;
use crate::kubernetes::wait::{self, Look};
use crate::solution::product::request;

/// What a credential is for.
#[derive(Clone, Debug)]
pub struct Product<'a> {
    /// Without `vendor-`.
    pub vendor: &'a str,
    pub solution: &'a str,
    /// As people know it.
    pub name: &'a str,
    /// Product kind: `hospital`, `patient-app`, `directory`…
    pub kind: &'a str,
    pub version: &'a str,
    /// INPE of the establishment and the health group it belongs to.
    pub place: Option<(&'a str, &'a str)>,
}

impl Product<'_> {
    pub fn namespace(&self) -> String {
        format!("vendor-{}", self.vendor)
    }

    /// The vendor's namespace, which nothing gets in or out of, solution and version.
    fn objects(&self) -> Vec<Value> {
        let namespace = self.namespace();
        let version = format!("{}-{}", self.solution, self.version.replace('.', "-"));
        let [owner, class, purpose] = Asset::of_vendor(self.vendor).labels();
        vec![
            json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": { "name": namespace, "labels": {
                    "app.kubernetes.io/part-of": "dmp", owner.0: owner.1, class.0: class.1, purpose.0: purpose.1,
                } },
            }),
            json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": { "name": "default-deny", "namespace": namespace },
                "spec": { "podSelector": {}, "policyTypes": ["Ingress", "Egress"] },
            }),
            json!({
                "apiVersion": "dmp.ma/v1alpha1", "kind": "Solution",
                "metadata": { "name": self.solution, "namespace": namespace },
                "spec": { "vendor": self.vendor, "product": self.name, "kind": self.kind },
            }),
            json!({
                "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionVersion",
                "metadata": { "name": version, "namespace": namespace },
                "spec": { "solution": self.solution, "version": self.version },
            }),
        ]
    }

    fn credential(&self, csr: &str) -> Value {
        let mut spec =
            json!({ "solution": self.solution, "version": self.version, "mode": "sandbox", "csr": csr });
        if let (Some((inpe, group)), Some(spec)) = (self.place, spec.as_object_mut()) {
            spec.insert("establishment".to_owned(), json!({ "inpe": inpe }));
            spec.insert("healthGroup".to_owned(), json!(group));
        }
        json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionCredential",
            "metadata": { "name": self.solution, "namespace": self.namespace() },
            "spec": spec,
        })
    }
}

/// Applies product and version, asks for a certificate with a key made here, and waits for it.
///
/// # Errors
/// As [`wait::until`]: the reason is the credential's.
pub async fn obtain(
    client: &Client,
    progress: &Progress,
    gateway: &Gateway,
    product: &Product<'_>,
) -> Result<Software> {
    let objects = product
        .objects()
        .into_iter()
        .map(object)
        .collect::<Result<Vec<_>>>()?;
    apply::apply_all(client, &objects).await?;
    let (csr, key) = request()?;
    let certificate = certificate(client, progress, product, &csr).await?;
    Software::new(gateway, Some(format!("{}\n{}", certificate.trim_end(), key)))
}

fn object(value: Value) -> Result<DynamicObject> {
    serde_json::from_value(value).map_err(|source| {
        CliError::new(
            "manifest",
            "an object of the demonstration is broken",
            "report it",
        )
        .because(source)
    })
}

async fn certificate(
    client: &Client,
    progress: &Progress,
    product: &Product<'_>,
    csr: &str,
) -> Result<String> {
    let namespace = product.namespace();
    let api: Api<SolutionCredential> = Api::namespaced(client.clone(), &namespace);
    let applied = api
        .patch(
            product.solution,
            &PatchParams::apply(apply::MANAGER).force(),
            &Patch::Apply(product.credential(csr)),
        )
        .await
        .map_err(|source| {
            CliError::kubernetes(
                format!("applying SolutionCredential `{}`", product.solution),
                source,
            )
        })?;
    let generation = applied.metadata.generation;
    let step = progress.step(format!("certificate of {}", product.name));
    let found = std::sync::Mutex::new(None);
    wait::until(&step, product.solution, Duration::from_secs(60), || async {
        let now = api
            .get(&applied.name_any())
            .await
            .map_err(|source| CliError::kubernetes("reading the SolutionCredential", source))?;
        let status = now.status.clone().unwrap_or_default();
        let conditions = &status.conditions;
        let Some(ready) = conditions
            .iter()
            .find(|c| c.type_ == "Ready" && c.observed_generation == generation)
        else {
            return Ok(Look::Waiting("the operator has not looked at it yet".to_owned()));
        };
        match (ready.status.as_str(), status.certificate) {
            ("True", Some(certificate)) => {
                *found.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(certificate);
                Ok(Look::Done)
            }
            _ => Ok(Look::Waiting(format!("{}: {}", ready.reason, ready.message))),
        }
    })
    .await?;
    step.done();
    let certificate = found
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    certificate
        .ok_or_else(|| CliError::new("certificate", "there is no certificate", "run the command again"))
}
