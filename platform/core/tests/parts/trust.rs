//! The trust directory as it changes under a running process.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dmp_core::trust::{TrustBundle, TrustError};
use dmp_testkit::{Signer, TestPlatform};
use tokio_util::sync::CancellationToken;

async fn until(condition: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(8) {
        if condition() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

#[tokio::test]
async fn a_change_is_read_and_a_broken_one_changes_nothing() {
    let platform = TestPlatform::new();
    let trust = platform.trust();
    let end = CancellationToken::new();
    let watcher = tokio::spawn(trust.clone().watch(end.clone()));
    // the watcher has its first look before the file changes
    tokio::time::sleep(Duration::from_millis(100)).await;

    let origin = "dmp.test/log/registry".to_owned();
    platform.write_trust(BTreeMap::from([(
        origin.clone(),
        Signer::new("log-registry-v1").public_key(),
    )]));
    assert!(until(|| trust.current().keys.logs.contains_key(&origin)).await);

    std::fs::write(platform.trust_dir().join("keys.json"), "{").unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(trust.current().keys.logs.contains_key(&origin));

    platform.write_trust(BTreeMap::new());
    assert!(until(|| trust.current().keys.logs.is_empty()).await);
    end.cancel();
    watcher.await.unwrap();
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let platform = TestPlatform::new();
    let load = || TrustBundle::load(platform.trust_dir(), "https://gateway.dmp.test");
    assert!(load().is_ok());
    let keys = platform.trust_dir().join("keys.json");
    for text in [
        "",
        "{}",
        r#"{"token":[{"kid":"a","x":"!"}],"facts":[],"logs":{}}"#,
    ] {
        std::fs::write(&keys, text).unwrap();
        assert!(load().is_err(), "{text}");
    }
    std::fs::remove_file(keys).unwrap();
    let error = load().err().unwrap();
    assert!(matches!(error, TrustError::Read { .. }) && error.to_string().contains("keys.json"));
    platform.write_trust(BTreeMap::new());
    std::fs::write(platform.trust_dir().join("solutions-ca.crt"), "").unwrap();
    assert!(matches!(load(), Err(TrustError::Ca(_))));
}
