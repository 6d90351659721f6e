//! What tests of signed lists share: the security entity of the appliance, its signature, and waiting for what follows from it.

use std::path::Path;
use std::time::{Duration, Instant};

use dmp_api::Platform;
use dmp_api::body::Role;
use dmp_testkit::bodies::Authority;
use dmpctl::homologation::SignatureOptions;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

/// Waits until it holds; how long that took.
pub async fn until<F: Future<Output = bool>>(
    what: &str,
    within: Duration,
    holds: impl Fn() -> F,
) -> Duration {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < within, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    begun.elapsed()
}

/// The security entity, which the platform believes from now on. A body that is there stays what it is: another test may have brought it.
pub async fn security(client: &Client, platform: &Platform) -> Authority {
    let security = Authority::lasting("Entité de sécurité d’essai", "000000000000012");
    let known = &platform.spec.bodies;
    if known.iter().all(|body| body.role != Role::Security) {
        let mut bodies = json!(known);
        bodies.as_array_mut().unwrap().push(json!({
            "role": "security", "organisation": { "name": security.name, "ice": security.ice },
            "anchors": [{ "certificate": security.certificate_pem() }],
        }));
        let change = Patch::Merge(json!({ "spec": { "bodies": bodies } }));
        Api::<Platform>::all(client.clone())
            .patch("national", &PatchParams::default(), &change)
            .await
            .unwrap();
    }
    security
}

/// The signature of a person of the entity, as files of that folder.
pub fn signature(security: &Authority, folder: &Path) -> SignatureOptions {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let member = security.person("s1");
    SignatureOptions {
        certificate: file("certificate.pem", &member.chain_pem),
        key: file("key.pem", &member.key_pem),
    }
}
