#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use dmp_keys::openbao::{Auth, Config};
use dmp_testkit::Bao;

use super::*;
use crate::leaf::{BodyKey, open as open_body};
use crate::log::tests_support::{ORIGIN, database, event};
use crate::{Log, checkpoint};

/// What a service of the platform may do (policies `service` and `registry`), and no more.
const POLICY: &str = r#"
path "transit/datakey/plaintext/audit-events" { capabilities = ["update"] required_parameters = ["context"] }
path "transit/sign/log-registry" { capabilities = ["update"] }
path "transit/keys/log-registry" { capabilities = ["read"] }
"#;

async fn client(bao: &Bao, policy: &str, folder: &std::path::Path) -> Client {
    let path = folder.join("token");
    std::fs::write(&path, bao.token(None, policy).await).unwrap();
    let auth = Auth::TokenFile { path };
    Client::new(&Config {
        address: bao.address().into(),
        ca_file: None,
        namespace: None,
        auth,
    })
    .unwrap()
}

#[tokio::test]
async fn a_log_with_its_keys_in_openbao_is_signed_and_readable_by_audit_alone() {
    let bao = Bao::shared();
    let folder = tempfile::tempdir().unwrap();
    let service = client(bao, POLICY, folder.path()).await;
    let signer = TransitSigner::open(Signer::new(service.clone(), "log-registry"))
        .await
        .unwrap();
    let key = signer.public_key();
    let pool = database().await;
    let log = Log::open(
        pool,
        ORIGIN,
        Arc::new(signer),
        &TransitBodyKeys::new(service.clone()),
    )
    .await
    .unwrap();
    log.append_now(&event(1)).await.unwrap();
    log.sequence_once().await.unwrap();
    let head = checkpoint::open(&log.head().await.unwrap().unwrap().note, ORIGIN, &key).unwrap();
    assert_eq!(head.size, 1);

    let page = log.entries(0, 1).await.unwrap();
    let wrapped = &page.keys[0].wrapped;
    assert!(
        service
            .unwrap_key(BODY_KEY, ORIGIN.as_bytes(), wrapped)
            .await
            .is_err(),
        "a service cannot read back"
    );
    let audit = client(
        bao,
        r#"path "transit/decrypt/audit-events" { capabilities = ["update"] }"#,
        folder.path(),
    )
    .await;
    assert!(
        audit
            .unwrap_key(BODY_KEY, b"dmp.test/log/consent", wrapped)
            .await
            .is_err(),
        "bound to the log"
    );
    let data_key = audit
        .unwrap_key(BODY_KEY, ORIGIN.as_bytes(), wrapped)
        .await
        .unwrap();
    let body_key = BodyKey::new(data_key.as_bytes()).unwrap();
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD
        .decode(&page.entries[0].body)
        .unwrap();
    let opened = open_body(&page.entries[0].leaf, &body, &body_key).unwrap();
    assert!(opened.event.contains("ba7816bf-1"));
}
