//! OpenBao under the suite's hands: a root token from two recovery shares, to change how long the services' certificates
//! live; and its absence.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use dmpctl::install::openbao::SERVER_NAME;
use dmpctl::kubernetes::endpoint::{Dial, Endpoint};
use http::Method;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::Api;
use serde_json::{Value, json};

use crate::cluster::{Cluster, SYSTEM, until};

/// Roles that sign the certificates of services.
const ROLES: [&str; 2] = ["service", "gateway"];

/// What lets a root token be made from shares alone: since 2.5.3 OpenBao wants a token as well, and none has that right.
const LISTENER: &str = "listener \"tcp\" {\n";
const UNAUTHENTICATED: &str = "  disable_unauthed_generate_root_endpoints = false\n";

/// A session with a root token, ended by [`Root::revoke`].
pub struct Root<'a> {
    cluster: &'a Cluster,
    endpoint: Endpoint,
    token: String,
}

impl<'a> Root<'a> {
    /// A new root token, authorised by two shares of `custody`. OpenBao starts anew with the endpoint for it open.
    pub async fn generate(cluster: &'a Cluster, custody: &Path) -> Self {
        configure(cluster, |text| {
            text.replacen(LISTENER, &format!("{LISTENER}{UNAUTHENTICATED}"), 1)
        })
        .await;
        let endpoint = endpoint(cluster).await;
        let shares = shares(custody);
        let attempt = call(
            &endpoint,
            None,
            Method::POST,
            "sys/generate-root/attempt",
            json!({}),
        )
        .await;
        let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
        let (nonce, one_time) = (text(&attempt, "nonce"), text(&attempt, "otp"));
        let mut last = Value::Null;
        for share in shares.iter().take(2) {
            let body = json!({ "key": share, "nonce": nonce });
            last = call(&endpoint, None, Method::POST, "sys/generate-root/update", body).await;
        }
        assert_eq!(last["complete"], true, "{last}");
        let encoded = STANDARD_NO_PAD
            .decode(text(&last, "encoded_token").trim_end_matches('='))
            .unwrap();
        let token: Vec<u8> = encoded
            .iter()
            .zip(one_time.as_bytes())
            .map(|(a, b)| a ^ b)
            .collect();
        Self {
            cluster,
            endpoint,
            token: String::from_utf8(token).unwrap(),
        }
    }

    /// How long certificates of services live from now on (`60s`, `1h`).
    pub async fn set_certificate_life(&self, life: &str) {
        for role in ROLES {
            let path = format!("pki-services/roles/{role}");
            let current = call(&self.endpoint, Some(&self.token), Method::GET, &path, Value::Null).await;
            let mut role = current["data"].clone();
            role["ttl"] = json!(life);
            role["max_ttl"] = json!(life);
            call(&self.endpoint, Some(&self.token), Method::POST, &path, role).await;
        }
    }

    /// Ends the token and closes the endpoint again.
    pub async fn revoke(self) {
        call(
            &self.endpoint,
            Some(&self.token),
            Method::POST,
            "auth/token/revoke-self",
            json!({}),
        )
        .await;
        configure(self.cluster, |text| text.replace(UNAUTHENTICATED, "")).await;
    }
}

/// Changes OpenBao's configuration and starts it anew.
async fn configure(cluster: &Cluster, change: impl Fn(&str) -> String) {
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), SYSTEM);
    let map = maps.get("openbao-config").await.unwrap();
    let text = map.data.unwrap()["openbao.hcl"].clone();
    let changed = change(&text);
    if changed != text {
        let maps = cluster.api("v1", "ConfigMap", Some(SYSTEM));
        cluster
            .patch(
                &maps,
                "openbao-config",
                json!({ "data": { "openbao.hcl": changed } }),
            )
            .await;
    }
    cluster.delete(&cluster.service(SYSTEM, "openbao").await).await;
    ready(cluster).await;
}

/// Waits until OpenBao's pod is ready.
async fn ready(cluster: &Cluster) {
    let sets = cluster.api("apps/v1", "StatefulSet", Some(SYSTEM));
    // A pod that was deleted a moment ago still counts.
    tokio::time::sleep(Duration::from_secs(2)).await;
    until("OpenBao is ready", Duration::from_secs(60), async || {
        let live = sets.get("openbao").await.unwrap();
        live.data.pointer("/status/readyReplicas") == Some(&json!(1))
    })
    .await;
}

/// Takes OpenBao away, by its StatefulSet.
pub async fn stop(cluster: &Cluster) {
    scale(cluster, 0).await;
    until("OpenBao is gone", Duration::from_secs(60), async || {
        cluster.service(SYSTEM, "openbao").await.is_empty()
    })
    .await;
}

/// Brings it back; returns when the API server has taken the order.
pub async fn start(cluster: &Cluster) {
    scale(cluster, 1).await;
}

async fn scale(cluster: &Cluster, replicas: i32) {
    let sets = cluster.api("apps/v1", "StatefulSet", Some(SYSTEM));
    cluster
        .patch(&sets, "openbao", json!({ "spec": { "replicas": replicas } }))
        .await;
}

async fn endpoint(cluster: &Cluster) -> Endpoint {
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), SYSTEM);
    let ca = maps.get("openbao-ca").await.unwrap().data.unwrap()["ca.crt"].clone();
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), SYSTEM);
    let dial = Dial::PortForward {
        pods: Box::new(pods),
        pod: "openbao-0".to_owned(),
        port: 8200,
    };
    Endpoint::new(dial, SERVER_NAME, &ca).unwrap()
}

async fn call(endpoint: &Endpoint, token: Option<&str>, method: Method, path: &str, body: Value) -> Value {
    let mut headers = vec![("x-vault-request", "true")];
    if let Some(token) = token {
        headers.push(("x-vault-token", token));
    }
    let body = (!body.is_null()).then_some(&body);
    let answer = endpoint
        .call(method, &format!("/v1/{path}"), &headers, body)
        .await
        .unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(
        answer.status.is_success(),
        "{path}: {} {}",
        answer.status,
        answer.body["errors"]
    );
    answer.body
}

/// The recovery shares in a custody folder (`openbao-<id>/recovery-share-<n>.txt`).
fn shares(custody: &Path) -> Vec<String> {
    let folders = std::fs::read_dir(custody).into_iter().flatten().flatten();
    let mut shares: Vec<String> = folders
        .flat_map(|folder| {
            (1..=3).map(move |number| folder.path().join(format!("recovery-share-{number}.txt")))
        })
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .map(|share| share.trim().to_owned())
        .collect();
    shares.truncate(3);
    assert!(shares.len() >= 2, "recovery shares in {}", custody.display());
    shares
}
