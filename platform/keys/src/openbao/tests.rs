//! Against a real OpenBao.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dmp_testkit::Bao;
use serde_json::json;

use super::*;
use crate::KeyError;
use crate::signer::Signer;

fn client(namespace: Option<&str>, token_file: &Path) -> Client {
    dmp_core::install_crypto_provider();
    Client::new(&Config {
        address: Bao::shared().address().to_owned(),
        ca_file: None,
        namespace: namespace.map(str::to_owned),
        auth: Auth::TokenFile {
            path: token_file.to_owned(),
        },
    })
    .unwrap()
}

fn root(namespace: Option<&str>) -> Client {
    client(namespace, &Bao::shared().token_file())
}

#[tokio::test]
async fn a_wrapped_key_opens_in_its_own_context_only() {
    let (a, b) = (root(Some("group-a")), root(Some("group-b")));
    let made = a.data_key("kek", b"v1|a|one").await.unwrap();
    let again = a.unwrap_key("kek", b"v1|a|one", &made.wrapped).await.unwrap();
    assert_eq!(again.as_bytes(), made.key.as_bytes());
    let other = a.unwrap_key("kek", b"v1|a|two", &made.wrapped).await;
    assert!(matches!(
        other.err(),
        Some(KeyError::Service(Error::Rejected { status: 400, .. }))
    ));
    assert!(
        b.unwrap_key("kek", b"v1|a|one", &made.wrapped).await.is_err(),
        "another group's key"
    );
}

#[tokio::test]
async fn text_is_encrypted_and_decrypted_alone_and_in_batches() {
    let a = root(Some("group-a"));
    let one = a.encrypt("kek", b"1", b"first").await.unwrap();
    let two = a.encrypt("kek", b"2", b"second").await.unwrap();
    assert_eq!(a.decrypt("kek", b"1", &one).await.unwrap().as_slice(), b"first");
    // One bad item among good ones: OpenBao answers 400 with all results.
    let items: Vec<(&[u8], &str)> = vec![(b"1", &one), (b"1", &two), (b"2", &two)];
    let results = a.decrypt_batch("kek", &items).await.unwrap();
    assert_eq!(results[0].as_ref().unwrap().as_slice(), b"first");
    assert!(results[1].is_err());
    assert_eq!(results[2].as_ref().unwrap().as_slice(), b"second");
    // More than one batch.
    let items: Vec<(&[u8], &str)> = vec![(b"1", one.as_str()); transit::MAX_BATCH + 5];
    assert!(
        a.decrypt_batch("kek", &items)
            .await
            .unwrap()
            .iter()
            .all(Result::is_ok)
    );
}

#[tokio::test]
async fn hmac_is_stable() {
    let client = root(None);
    let (one, two) = (
        client.hmac("registry", b"x").await.unwrap(),
        client.hmac("registry", b"x").await.unwrap(),
    );
    assert_eq!(one, two);
    assert_ne!(one, client.hmac("registry", b"y").await.unwrap());
}

#[tokio::test]
async fn signatures_verify_with_the_published_key() {
    let signer = Signer::new(root(Some("group-a")), "log");
    let signature = signer.sign(b"message").await.unwrap();
    let keys = signer.public_keys().await.unwrap();
    let (_, public) = keys.iter().find(|(kid, _)| *kid == signature.kid).unwrap();
    let public = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, public);
    assert!(public.verify(b"message", &signature.bytes).is_ok());
    assert!(public.verify(b"another", &signature.bytes).is_err());
    assert!(signature.kid.starts_with("log-v"));
}

#[tokio::test]
async fn a_certificate_carries_the_names_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("ca.crt");
    let client = root(None);
    let chain = client
        .request(Method::GET, "pki-root/cert/ca", None)
        .await
        .unwrap();
    std::fs::write(
        &roots,
        chain.pointer("/data/certificate").unwrap().as_str().unwrap(),
    )
    .unwrap();
    let config: dmp_core::config::ServiceConfig = serde_json::from_value(json!({
        "domain": "dmp.test", "name": "records", "namespace": "dmp-a",
        "openbao": { "address": Bao::shared().address(), "auth": { "kind": "token-file", "path": "/none" } },
    }))
    .unwrap();
    let names = crate::identity::Names::of_service(&config);
    let identity = crate::identity::obtain(&client, &names, &roots).await.unwrap();
    assert_eq!(
        identity.spiffe().as_str(),
        "spiffe://dmp.test/ns/dmp-a/sa/records"
    );
    let first = identity.not_after();
    assert!(identity.issuer().is_ok());
    // The renewed certificate takes its place in the same identity.
    let stop = tokio_util::sync::CancellationToken::new();
    let other = crate::identity::obtain(&client, &names, &roots).await.unwrap();
    assert!(other.not_after() >= first);
    let task = tokio::spawn(crate::identity::keep(
        identity,
        client,
        names,
        Arc::default(),
        stop.clone(),
    ));
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn a_missing_right_is_an_error_without_a_flood() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let policy = r#"path "transit/keys/token" { capabilities = ["read"] }"#;
    std::fs::write(&file, Bao::shared().token(None, policy).await).unwrap();
    let client = client(None, &file);
    assert!(client.public_keys("token").await.is_ok());
    assert!(matches!(
        client.public_keys("facts").await,
        Err(Error::Forbidden { .. })
    ));
    assert!(matches!(
        client.request(Method::GET, "sys/nothing", None).await,
        Err(Error::Forbidden { .. })
    ));
}

#[tokio::test]
async fn a_revoked_token_leads_to_a_new_log_in() {
    let bao = Bao::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let policy = r#"path "transit/keys/token" { capabilities = ["read"] }"#;
    let old = bao.token(None, policy).await;
    std::fs::write(&file, &old).unwrap();
    let client = client(None, &file);
    client.public_keys("token").await.unwrap();
    bao.call(None, Method::POST, "auth/token/revoke", json!({ "token": old }))
        .await;
    std::fs::write(&file, bao.token(None, policy).await).unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    client.public_keys("token").await.unwrap();
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end() {
    let bao = Bao::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let body = json!({ "policies": ["root"], "ttl": "3s", "renewable": true });
    let answer = bao.call(None, Method::POST, "auth/token/create", body).await;
    std::fs::write(
        &file,
        answer.pointer("/auth/client_token").unwrap().as_str().unwrap(),
    )
    .unwrap();
    let client = client(None, &file);
    for _ in 0..8 {
        client.public_keys("token").await.unwrap();
        // The file cannot help any more: only renewal keeps the client alive.
        std::fs::write(&file, "gone").unwrap();
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
}

#[tokio::test]
async fn nobody_there_is_unavailable_after_a_bounded_time() {
    dmp_core::install_crypto_provider();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "any").unwrap();
    let client = Client::new(&Config {
        address: "http://127.0.0.1:9".to_owned(),
        ca_file: None,
        namespace: None,
        auth: Auth::TokenFile { path: file },
    })
    .unwrap();
    let start = std::time::Instant::now();
    assert!(client.public_keys("token").await.unwrap_err().is_unavailable());
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn plain_http_is_for_loopback_only() {
    dmp_core::install_crypto_provider();
    let config = |address: &str| Config {
        address: address.to_owned(),
        ca_file: None,
        namespace: None,
        auth: Auth::TokenFile { path: "/none".into() },
    };
    assert!(matches!(
        Client::new(&config("http://openbao.example:8200")),
        Err(Error::Configuration(_))
    ));
    assert!(Client::new(&config("https://openbao.example:8200")).is_ok());
}

/// A pod's log-in: a ServiceAccount token, reviewed by an API server (played by a route on loopback).
#[tokio::test]
async fn a_pod_logs_in_with_its_service_account_token() {
    let bao = Bao::shared();
    let review = axum::Router::new().route(
        "/apis/authentication.k8s.io/v1/tokenreviews",
        post(|| async {
            axum::Json(json!({
                "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
                "status": { "authenticated": true, "audiences": ["openbao"], "user": {
                    "username": "system:serviceaccount:dmp-a:records", "uid": "1", "groups": ["system:serviceaccounts"] } },
            }))
        }),
    );
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, review).await });

    let namespace = "group-k8s";
    bao.call(None, Method::POST, "sys/namespaces/group-k8s", json!({}))
        .await;
    let ns = Some(namespace);
    bao.call(
        ns,
        Method::POST,
        "sys/auth/kubernetes",
        json!({ "type": "kubernetes" }),
    )
    .await;
    let config = json!({ "kubernetes_host": host, "token_reviewer_jwt": jwt(), "kubernetes_ca_cert": ca(), "disable_local_ca_jwt": true });
    bao.call(ns, Method::POST, "auth/kubernetes/config", config).await;
    bao.call(
        ns,
        Method::POST,
        "sys/mounts/transit",
        json!({ "type": "transit" }),
    )
    .await;
    bao.call(
        ns,
        Method::POST,
        "transit/keys/kek",
        json!({ "type": "aes256-gcm96", "derived": true }),
    )
    .await;
    let policy = r#"path "transit/datakey/plaintext/kek" { capabilities = ["update"] }"#;
    bao.call(
        ns,
        Method::PUT,
        "sys/policies/acl/records",
        json!({ "policy": policy }),
    )
    .await;
    let role = json!({
        "bound_service_account_names": "records", "bound_service_account_namespaces": "dmp-a",
        "audience": "openbao", "token_policies": "records", "token_ttl": "1h",
    });
    bao.call(ns, Method::POST, "auth/kubernetes/role/records", role)
        .await;

    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, jwt()).unwrap();
    let config = |role: &str| dmp_core::config::OpenBaoConfig {
        address: bao.address().to_owned(),
        namespace: Some(namespace.to_owned()),
        ca: None,
        auth: dmp_core::config::OpenBaoAuth::Kubernetes {
            role: role.to_owned(),
            token_path: token_file.clone(),
        },
    };
    dmp_core::install_crypto_provider();
    let group = Client::group(&config("dmp-a.records")).unwrap();
    group.data_key("kek", b"context").await.unwrap();
    assert!(matches!(
        group.public_keys("kek").await,
        Err(Error::Forbidden { .. })
    ));
    // The root namespace has no such role here.
    let refused = Client::root(&config("dmp-a.records"))
        .unwrap()
        .public_keys("token")
        .await;
    assert!(
        matches!(refused, Err(Error::LogIn { .. } | Error::Forbidden { .. })),
        "{:?}",
        refused.err()
    );
}

fn jwt() -> String {
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({
        "iss": "https://kubernetes.default.svc", "aud": ["openbao"], "iat": now, "nbf": now, "exp": now + 600,
        "sub": "system:serviceaccount:dmp-a:records",
        "kubernetes.io": { "namespace": "dmp-a", "serviceaccount": { "name": "records", "uid": "1" } },
    });
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.{}",
        part(json!({ "alg": "RS256", "kid": "k" })),
        part(claims),
        URL_SAFE_NO_PAD.encode([0; 256])
    )
}

fn ca() -> String {
    dmp_testkit::Pki::new("dmp.test").root_pem()
}
