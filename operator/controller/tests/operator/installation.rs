//! Production certificates on a real API server, with the operator's own binary: the vendor's key signs each installation, a
//! renewal looks at the homologation again, and the certificate in use lives on until its holder has the next one.

use std::sync::OnceLock;

use dmp_api::homologation_review::ReviewVerdict;
use dmp_homologation::installation::{Installation, key_of_request};
use dmp_homologation::sign::Signatory;
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use crate::control_plane::World;
use crate::facts::Stream;
use crate::homologation::{
    Bodies, NAMESPACE, credential, granted, object, say, status, submitted, tested, until_state,
};

/// The vendor's key for installations.
pub fn vendor_key() -> &'static KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate().unwrap())
}

/// A request with this key.
pub fn csr(key: &KeyPair) -> String {
    let request = CertificateParams::default().serialize_request(key).unwrap();
    request.pem().unwrap()
}

/// The vendor's statement that the credential of this name has the key of this request.
pub fn installation(name: &str, csr: &str) -> String {
    let statement = Installation {
        credential: format!("{NAMESPACE}/{name}"),
        solution: format!("{NAMESPACE}/atlas-sih"),
        version: "4.2".to_owned(),
        establishment: Some("123456789".to_owned()),
        key_sha256: key_of_request(csr).unwrap(),
        jti: "1".to_owned(),
        signed_at: Timestamp::now(),
    };
    let vendor = Signatory::of_key(&vendor_key().serialize_pem()).unwrap();
    vendor.sign(&statement).unwrap()
}

/// A production credential for a request, without a statement.
pub fn unstated(name: &str, csr: &str) -> Value {
    let spec = json!({
        "solution": "atlas-sih", "version": "4.2", "mode": "production", "healthGroup": "reel",
        "establishment": { "inpe": "123456789" }, "csr": csr,
    });
    object("SolutionCredential", name, &spec)
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

/// The credential with another request, and perhaps another statement.
fn with(credential: &Value, csr: &str, installation: Option<&str>) -> Value {
    let mut new = credential.clone();
    new["spec"]["csr"] = json!(csr);
    if let Some(installation) = installation {
        new["spec"]["installation"] = json!(installation);
    }
    new
}

async fn sha256(world: &World, credential: &Value) -> String {
    status(world, credential).await["certificateSha256"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Waits for a certificate of this request.
async fn until_signed(world: &World, credential: &Value) -> Value {
    let wanted = dmp_homologation::canonical::digest(credential["spec"]["csr"].as_str().unwrap().as_bytes());
    let there = || async { status(world, credential).await["csrSha256"] == json!(wanted) };
    world.wait("the request is signed", there).await;
    world.until(credential, "Ready", "True", "Ready").await;
    status(world, credential).await
}

async fn refused(world: &World, credential: &Value, reason: &str) {
    world.apply(credential).await;
    world.until(credential, "Ready", "False", reason).await;
}

#[tokio::test]
async fn the_vendors_key_signs_each_installation_and_a_renewal_asks_the_homologation_again() {
    let Some(mut world) = World::start().await else {
        return;
    };
    let bodies = Bodies::new();
    let (port, _) = world.operator("one");
    submitted(&world, &bodies).await;
    let mut stream = Stream::open(&world, port, "gateway").await.unwrap();
    tested(&world, &bodies).await;
    granted(&world, &bodies).await;
    until_state(&world, "Active").await;
    assert!(
        !sha256(&world, &credential()).await.is_empty(),
        "the credential with its statement"
    );

    // Each statement that is not over this very installation.
    let (own, other) = (key(), key());
    let clinic = unstated("clinique", &csr(&own));
    refused(&world, &clinic, "InstallationMissing").await;
    let request = csr(&own);
    let replayed = installation("chu", &request);
    refused(
        &world,
        &with(&clinic, &request, Some(&replayed)),
        "InstallationOtherCredential",
    )
    .await;
    let of_another_key = installation("clinique", &csr(&other));
    refused(
        &world,
        &with(&clinic, &request, Some(&of_another_key)),
        "InstallationOtherKey",
    )
    .await;
    refused(
        &world,
        &with(&clinic, &request, Some("a.b.c")),
        "InstallationInvalid",
    )
    .await;
    assert_eq!(status(&world, &clinic).await["certificate"], Value::Null);
    let first = with(&clinic, &request, Some(&installation("clinique", &request)));
    world.apply(&first).await;
    until_signed(&world, &first).await;

    // The same key again: no other statement; the certificate before lives on for a day.
    let before = sha256(&world, &first).await;
    let again = with(&first, &csr(&own), None);
    world.apply(&again).await;
    let renewed = until_signed(&world, &again).await;
    assert_eq!(renewed["previous"]["certificateSha256"], json!(before));
    let until: Timestamp = renewed["previous"]["until"].as_str().unwrap().parse().unwrap();
    assert!(
        until <= Timestamp::now() + SignedDuration::from_hours(24),
        "{until}"
    );
    let of_clinic = |facts: &dmp_client::facts::Facts| {
        let mut credentials = facts.credentials.iter();
        credentials
            .find(|credential| credential.name.ends_with("/clinique"))
            .cloned()
    };
    let (facts, _) = stream
        .until(|facts| {
            of_clinic(facts)
                .is_some_and(|fact| json!(fact.certificate_sha256) == renewed["certificateSha256"])
        })
        .await;
    assert_eq!(
        of_clinic(&facts).unwrap().previous.unwrap().certificate_sha256,
        before
    );

    // Another key: not without its statement, and the present certificate stays in force meanwhile.
    let moved = csr(&other);
    refused(&world, &with(&again, &moved, None), "InstallationOtherKey").await;
    assert_eq!(json!(sha256(&world, &first).await), renewed["certificateSha256"]);
    let (facts, _) = stream.until(|_| true).await;
    let stands = of_clinic(&facts).unwrap();
    assert_eq!(
        stands.scopes.as_deref(),
        Some(&["document-feeder".to_owned()][..])
    );
    let stated = with(&again, &moved, Some(&installation("clinique", &moved)));
    world.apply(&stated).await;
    let second = until_signed(&world, &stated).await;
    assert_eq!(
        second["previous"]["certificateSha256"],
        renewed["certificateSha256"]
    );
    // Back to the first key with the paper it came with.
    refused(&world, &first, "InstallationSuperseded").await;

    // A body takes its word back: no renewal, and nothing is open.
    say(
        &world,
        "reversal",
        &bodies.security.person("s2"),
        true,
        ReviewVerdict::Unfavourable,
    )
    .await;
    until_state(&world, "Suspended").await;
    refused(&world, &with(&stated, &csr(&other), None), "NotHomologated").await;
    stream.until(|facts| facts.credentials.is_empty()).await;
}
