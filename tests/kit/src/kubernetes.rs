//! Talking to a real API server in tests: connections, raw requests, objects that are not typed. Feature `kubernetes`.

use std::path::Path;

use http::{Method, Request};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};

/// A connection with the rights of the kubeconfig.
pub async fn client_of(kubeconfig: &Path) -> Client {
    Client::try_from(config_of(kubeconfig).await).expect("a client")
}

/// Somebody, whom the kubeconfig's holder impersonates.
pub async fn client_as(kubeconfig: &Path, user: &str, groups: &[&str]) -> Client {
    let mut config = config_of(kubeconfig).await;
    config.auth_info.impersonate = Some(user.to_owned());
    config.auth_info.impersonate_groups = Some(groups.iter().map(|group| (*group).to_owned()).collect());
    Client::try_from(config).expect("a client")
}

async fn config_of(kubeconfig: &Path) -> Config {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .expect("a configuration")
}

/// HTTP status, and what the API server said.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    pub message: String,
}

impl Answer {
    /// The policy that said no.
    pub fn denied_by(&self, policy: &str) {
        assert_eq!(self.code, 403, "{self:?}");
        assert!(self.message.contains(policy), "{policy}: {self:?}");
    }

    /// No policy and no lack of rights stood in its way.
    pub fn passes(&self) {
        assert!(
            self.code == 200 || !self.message.contains("ValidatingAdmissionPolicy"),
            "{self:?}"
        );
        assert_ne!(self.code, 403, "{self:?}");
    }
}

/// One request; no body for `null`.
pub async fn send(client: &Client, method: Method, path: &str, content_type: &str, body: &Value) -> Answer {
    let bytes = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", content_type)
        .body(bytes)
        .expect("a request");
    match client.request_text(request).await {
        Ok(message) => Answer { code: 200, message },
        Err(kube::Error::Api(status)) => Answer {
            code: status.code,
            message: status.message.clone(),
        },
        Err(error) => panic!("{path}: {error}"),
    }
}

/// Where an object of that apiVersion, kind and namespace is.
pub fn api_of(client: &Client, object: &Value) -> Api<DynamicObject> {
    let version = object["apiVersion"].as_str().expect("an apiVersion");
    let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
    let gvk = GroupVersionKind::gvk(group, version, object["kind"].as_str().expect("a kind"));
    let resource = ApiResource::from_gvk_with_plural(&gvk, &plural(&gvk.kind));
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// The name of a kind in URLs.
pub fn plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    match lower.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{lower}s"),
    }
}

/// CNPG's `Cluster` as far as the API server is concerned in tests without CNPG: any spec, with a status.
pub fn cluster_crd() -> Value {
    let any = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "clusters.postgresql.cnpg.io" },
        "spec": {
            "group": "postgresql.cnpg.io", "scope": "Namespaced",
            "names": { "kind": "Cluster", "plural": "clusters", "singular": "cluster" },
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "properties": { "spec": any, "status": any } } },
            }],
        },
    })
}
