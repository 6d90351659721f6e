#![allow(clippy::unwrap_used)]

use dmp_client::audit::LogPage;
use dmp_testkit::{DOMAIN, TestPlatform, TestService};
use serde_json::Value;

use super::*;
use crate::log::tests_support::{ORIGIN, database, filled, open};

#[tokio::test]
async fn only_audit_pulls_the_log() {
    let platform = TestPlatform::new();
    let pool = database().await;
    let log = open(&pool).await;
    let service = TestService::start(
        &platform.pki.service("dmp-national", "registry"),
        routes(log.clone(), DOMAIN),
    )
    .await;
    let audit = platform
        .pki
        .service("dmp-national", "audit")
        .http_client()
        .unwrap();

    let early = audit.get(service.url("/v1/log/checkpoint")).send().await.unwrap();
    assert_eq!(early.status(), 503);
    let body: Value = early.json().await.unwrap();
    assert_eq!(body["code"], "log-not-signed");

    filled(&pool, 0).await;
    for n in 0..3 {
        log.append_now(&crate::log::tests_support::event(n))
            .await
            .unwrap();
    }
    log.sequence_once().await.unwrap();
    let note = audit.get(service.url("/v1/log/checkpoint")).send().await.unwrap();
    assert_eq!(note.status(), 200);
    let head = crate::checkpoint::open(&note.text().await.unwrap(), ORIGIN, &log.public_key()).unwrap();
    assert_eq!(head.size, 3);
    let page: LogPage = audit
        .get(service.url("/v1/log/entries?from=1&limit=1"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (page.entries.len(), page.entries[0].index, page.keys.len()),
        (1, 1, 1)
    );
    let page: LogPage = audit
        .get(service.url("/v1/log/entries?from=0"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(page.entries.len(), 3);
    let page: LogPage = audit
        .get(service.url("/v1/log/entries?from=3"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert!(page.entries.is_empty() && page.keys.is_empty());
    for bad in [
        "",
        "?from=-1",
        "?from=x",
        "?limit=1",
        "?from=0&limit=1&x=1",
        "?from=18446744073709551616",
    ] {
        let answer = audit
            .get(service.url(&format!("/v1/log/entries{bad}")))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 400, "{bad}");
    }
    let largest = format!("/v1/log/entries?from={}&limit={}", u64::MAX, u64::MAX);
    assert_eq!(
        audit.get(service.url(&largest)).send().await.unwrap().status(),
        200
    );

    let others = [
        ("dmp-national", "gateway"),
        ("dmp-a", "records"),
        ("dmp-a", "audit"),
    ];
    for (namespace, account) in others {
        let client = platform.pki.service(namespace, account).http_client().unwrap();
        for path in ["/v1/log/checkpoint", "/v1/log/entries?from=0"] {
            let answer = client.get(service.url(path)).send().await.unwrap();
            assert_eq!(answer.status(), 403, "{namespace}/{account} {path}");
            assert_eq!(answer.json::<Value>().await.unwrap()["code"], "peer-not-allowed");
        }
    }
}
