//! A namespace to try things in, with Pod Security `restricted` as the platform's own, gone afterwards.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::error::{CliError, Result};

/// Admission gives pods the ServiceAccount `default`, which a new namespace has after a moment.
const ACCOUNT_WITHIN: Duration = Duration::from_secs(10);

pub struct Scratch {
    pub client: Client,
    pub namespace: String,
}

impl Scratch {
    /// # Errors
    /// As [`CliError::kubernetes`].
    pub async fn make(client: &Client) -> Result<Self> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let namespace = format!("dmp-preflight-{}", id.get(..8).unwrap_or_default());
        let body: Namespace = parsed(json!({
            "metadata": {
                "name": namespace,
                "labels": {
                    "dmp.ma/preflight": "true",
                    "pod-security.kubernetes.io/enforce": "restricted",
                    "pod-security.kubernetes.io/enforce-version": "latest",
                },
            },
        }))?;
        let namespaces: Api<Namespace> = Api::all(client.clone());
        namespaces
            .create(&PostParams::default(), &body)
            .await
            .map_err(|source| CliError::kubernetes("making a namespace to try things in", source))?;
        let scratch = Self {
            client: client.clone(),
            namespace,
        };
        scratch.wait_for_account().await;
        Ok(scratch)
    }

    /// Without it the first pod says so itself.
    async fn wait_for_account(&self) {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &self.namespace);
        let look = async {
            while !matches!(accounts.get_metadata_opt("default").await, Ok(Some(_))) {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let _ = tokio::time::timeout(ACCOUNT_WITHIN, look).await;
    }

    pub fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// # Errors
    /// As [`CliError::kubernetes`].
    pub async fn remove(self) -> Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces
            .delete(&self.namespace, &DeleteParams::background())
            .await
            .map(drop)
            .map_err(|source| {
                CliError::kubernetes(format!("removing namespace `{}`", self.namespace), source)
            })
    }
}

/// An object of this program's own making.
pub fn parsed<T: serde::de::DeserializeOwned>(body: Value) -> Result<T> {
    serde_json::from_value(body).map_err(|source| {
        CliError::new("manifest", "an object of the preflight is broken", "report it").because(source)
    })
}
