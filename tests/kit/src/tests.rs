#![allow(clippy::unwrap_used)]

use serde_json::json;

use crate::{Bao, Postgres, TestPlatform};

#[tokio::test]
async fn databases_are_fresh_and_apart() {
    let postgres = Postgres::shared();
    let (one, two) = (postgres.pool().await, postgres.pool().await);
    sqlx::query("CREATE TABLE thing (id int)")
        .execute(&one)
        .await
        .unwrap();
    sqlx::query("CREATE TABLE thing (id int)")
        .execute(&two)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_server_ends_with_its_handle() {
    let postgres = tokio::task::spawn_blocking(Postgres::start).await.unwrap();
    let (url, folder) = (postgres.url("postgres"), postgres.folder().to_owned());
    tokio::task::spawn_blocking(move || drop(postgres)).await.unwrap();
    assert!(!folder.exists());
    assert!(
        <sqlx::PgConnection as sqlx::Connection>::connect(&url)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn openbao_has_the_keys_of_the_contract() {
    let bao = Bao::shared();
    assert!(bao.public_key(None, "log-registry").await.kid.ends_with("-v1"));
    assert_eq!(bao.public_key(Some("group-a"), "log").await.kid, "log-v1");
    let body = json!({ "plaintext": "AAAA", "context": "AAAA" });
    bao.call(
        Some("group-b"),
        reqwest::Method::POST,
        "transit/encrypt/kek",
        body,
    )
    .await;
}

#[tokio::test]
async fn a_policy_of_a_token_holds() {
    let bao = Bao::shared();
    let token = bao
        .token(None, r#"path "transit/keys/token" { capabilities = ["read"] }"#)
        .await;
    let client = dmp_core::tls::plain_http_client(rustls::RootCertStore::empty()).unwrap();
    let status = |key: &'static str| {
        let request = client.get(format!("{}/v1/transit/keys/{key}", bao.address()));
        let request = request.header("X-Vault-Token", &token);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(status("token").await, 200);
    assert_eq!(status("facts").await, 403);
}

#[test]
fn bad_tokens_are_bad_and_good_ones_good() {
    let platform = TestPlatform::new();
    let peer = platform.pki.solution("vendor-test", "hospital-tanger").as_peer();
    let good = platform.tokens.professional(&peer, "100000001", "physician");
    let trust = platform.trust().current();
    let claims = trust.verifier.verify(&good).unwrap();
    for (name, token) in platform.tokens.bad(&claims) {
        assert!(trust.verifier.verify(&token).is_err(), "{name}");
    }
}
