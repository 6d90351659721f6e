//! Software renews its certificate: the portal's part with the portal's own rights, on a real API server, with a real OpenBao and the
//! operator's own binary, killed where it hurts.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dmp_client::est::{ReenrollAnswer, ReenrollRequest, certificates_of, certs_only};
use dmp_portal::reenroll::reenroll;
use futures::stream::{StreamExt as _, iter};
use http::Method;
use kube::Client;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, IsCa, KeyPair};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::control_plane::{World, samples};
use crate::homologation::{Bodies, granted, submitted, tested, until_state};
use crate::installation::{csr, installation, unstated};
use crate::interrupted::Fuse;

const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_secs(1);
/// Of the measurement.
const CREDENTIALS: usize = 100;
const AT_ONCE: usize = 16;

fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
}

/// Software with its key, and the certificate it uses.
struct Software {
    name: String,
    key: KeyPair,
    in_use: String,
}

impl Software {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            key: KeyPair::generate().unwrap(),
            in_use: String::new(),
        }
    }

    fn object(&self) -> Value {
        let csr = params().serialize_request(&self.key).unwrap();
        json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionCredential",
            "metadata": { "namespace": "vendor-atlas", "name": self.name },
            "spec": {
                "solution": "atlas-sih", "version": "4.2", "mode": "sandbox", "csr": csr.pem().unwrap(),
                "establishment": { "inpe": "123456789" }, "healthGroup": "tanger-tetouan-al-hoceima",
            },
        })
    }

    /// For a homologated version, with the vendor's statement.
    fn in_production(&self) -> Value {
        let csr = csr(&self.key);
        let mut credential = unstated(&self.name, &csr);
        credential["spec"]["installation"] = json!(installation(&self.name, &csr));
        credential
    }

    /// A request, as the gateway passes it on.
    fn request(&self, params: &CertificateParams) -> ReenrollRequest {
        ReenrollRequest {
            credential: format!("vendor-atlas/{}", self.name),
            certificate_sha256: self.in_use.clone(),
            csr: STANDARD.encode(params.serialize_request(&self.key).unwrap().der()),
        }
    }
}

/// The platform, the product and the group; credentials with their first certificates.
async fn ready(world: &World, software: &mut [Software]) {
    world.apply(&samples("platform.yaml").remove(0)).await;
    for object in samples("vendor.yaml") {
        world.apply(&object).await;
    }
    world.apply(&samples("groups.yaml").remove(0)).await;
    for one in software.iter() {
        world.apply(&one.object()).await;
    }
    for one in software {
        world.until(&one.object(), "Ready", "True", "Ready").await;
        one.in_use = status(world, one).await["certificateSha256"]
            .as_str()
            .unwrap()
            .to_owned();
    }
}

async fn status(world: &World, software: &Software) -> Value {
    world.get(&software.object()).await.unwrap()["status"].clone()
}

async fn ask(portal: &Client, request: &ReenrollRequest, patience: Duration) -> ReenrollAnswer {
    reenroll(portal, request, patience).await.unwrap()
}

/// SHA-256 of the certificate that was issued.
fn issued(answer: &ReenrollAnswer) -> String {
    let ReenrollAnswer::Issued { chain } = answer else {
        panic!("{answer:?}");
    };
    let leaf = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
    let message = certs_only([&leaf]).unwrap();
    assert_eq!(
        certificates_of(message.as_bytes()).unwrap(),
        [leaf.to_vec()],
        "OpenBao's certificate goes through PKCS #7"
    );
    dmp_homologation::canonical::digest(&leaf)
}

#[tokio::test]
async fn a_renewal_is_one_certificate_however_often_it_is_asked_for() {
    let Some(mut world) = World::start().await else {
        return;
    };
    world.operator("one");
    let mut all = [Software::new("chu-tanger")];
    ready(&world, &mut all).await;
    let [mut chu] = all;
    let portal = world.as_portal().await;

    let request = chu.request(&params());
    let first = issued(&ask(&portal, &request, PATIENCE).await);
    assert_ne!(first, chu.in_use);
    assert_eq!(
        issued(&ask(&portal, &request, PATIENCE).await),
        first,
        "the same request"
    );
    assert_eq!(
        status(&world, &chu).await["previous"]["certificateSha256"],
        json!(chu.in_use)
    );

    // The answer was lost, and the request with it: the certificate in use asks for another one, and stays.
    let again = issued(&ask(&portal, &chu.request(&params()), PATIENCE).await);
    assert_ne!(again, first);
    assert_eq!(
        status(&world, &chu).await["previous"]["certificateSha256"],
        json!(chu.in_use)
    );
    chu.in_use = again.clone();

    // What the operator refuses leaves nothing behind.
    let mut authority = params();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let refused = ask(&portal, &chu.request(&authority), PATIENCE).await;
    assert!(
        matches!(&refused, ReenrollAnswer::Refused { reason, .. } if reason == "InvalidCsr"),
        "{refused:?}"
    );
    world.until(&chu.object(), "Ready", "True", "Ready").await;
    assert_eq!(status(&world, &chu).await["certificateSha256"], json!(again));

    // Nobody's, and a revoked one.
    let mut stranger = chu.request(&params());
    stranger.credential = "vendor-atlas/nobody".to_owned();
    let refused = ask(&portal, &stranger, PATIENCE).await;
    assert!(
        matches!(&refused, ReenrollAnswer::Refused { reason, .. } if reason == "CredentialNotFound"),
        "{refused:?}"
    );
    world
        .apply(&json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionRevocation", "metadata": { "name": "r" },
            "spec": { "solution": "vendor-atlas/atlas-sih", "credential": chu.name, "reason": "a test" },
        }))
        .await;
    world.until(&chu.object(), "Revoked", "True", "Revoked").await;
    let refused = ask(&portal, &chu.request(&params()), PATIENCE).await;
    assert!(
        matches!(&refused, ReenrollAnswer::Refused { reason, .. } if reason == "Revoked"),
        "{refused:?}"
    );
}

fn signature(method: &Method, path: &str) -> bool {
    *method != Method::GET && path.contains("pki-solutions/sign/")
}

fn status_of_a_credential(method: &Method, path: &str) -> bool {
    *method == Method::PATCH && path.contains("/solutioncredentials/") && path.contains("/status")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_survives_a_kill_between_any_two_of_its_steps() {
    let Some(mut world) = World::start().await else {
        return;
    };
    world.operator("one");
    let mut all = [Software::new("chu-tanger")];
    ready(&world, &mut all).await;
    let [mut chu] = all;
    let portal = world.as_portal().await;
    world.kill("one");

    // The request is written, and nobody looks at it.
    let request = chu.request(&params());
    assert_eq!(ask(&portal, &request, SHORT).await, ReenrollAnswer::Pending);
    world.operator("two");
    chu.in_use = issued(&ask(&portal, &request, PATIENCE * 2).await);
    world.kill("two");

    // OpenBao has signed and the operator does not hear of it; the status is written and nobody hears of it.
    for (number, step) in [signature, status_of_a_credential].into_iter().enumerate() {
        let fuse = Fuse::new(step);
        let api = fuse.before(world.api_server()).await;
        let openbao = fuse.before(world.bao.address().to_owned()).await;
        fuse.set(1);
        let (broken, whole) = (format!("broken-{number}"), format!("whole-{number}"));
        let mut burnt = fuse.burnt.subscribe();
        let request = chu.request(&params());
        assert_eq!(ask(&portal, &request, SHORT).await, ReenrollAnswer::Pending);
        world.operator_through(&broken, &api, &openbao);
        let hit = burnt.wait_for(Option::is_some);
        tokio::time::timeout(PATIENCE * 2, hit)
            .await
            .expect("the step is reached")
            .unwrap();
        world.kill(&broken);
        world.operator(&whole);
        let before = chu.in_use.clone();
        chu.in_use = issued(&ask(&portal, &request, PATIENCE * 2).await);
        let now = status(&world, &chu).await;
        assert_eq!(now["certificateSha256"], json!(chu.in_use));
        assert_eq!(
            now["previous"]["certificateSha256"],
            json!(before),
            "the one in use lives on, whichever step was cut"
        );
        assert_eq!(
            issued(&ask(&portal, &request, PATIENCE).await),
            chu.in_use,
            "one certificate"
        );
        world.kill(&whole);
    }
}

/// A figure, not a bar: the machine is shared.
#[tokio::test(flavor = "multi_thread")]
async fn how_many_renewals_a_second() {
    let Some(mut world) = World::start().await else {
        return;
    };
    world.operator("one");
    let mut all = many();
    ready(&world, &mut all).await;
    measure(&world, "sandbox", &all).await;
}

/// As [`how_many_renewals_a_second`]: each renewal reads everything that decides about the version, and verifies it.
#[tokio::test(flavor = "multi_thread")]
async fn how_many_production_renewals_a_second() {
    let Some(mut world) = World::start().await else {
        return;
    };
    world.operator("one");
    let bodies = Bodies::new();
    submitted(&world, &bodies).await;
    tested(&world, &bodies).await;
    granted(&world, &bodies).await;
    until_state(&world, "Active").await;
    let all = many();
    for one in &all {
        world.apply(&one.in_production()).await;
    }
    for one in &all {
        world.until(&one.in_production(), "Ready", "True", "Ready").await;
    }
    measure(&world, "production", &all).await;
}

fn many() -> Vec<Software> {
    let names = (0..CREDENTIALS).map(|number| format!("site-{number}"));
    names.map(|name| Software::new(&name)).collect()
}

async fn measure(world: &World, mode: &str, all: &[Software]) {
    let portal = world.as_portal().await;
    let start = Instant::now();
    let renewals = iter(all.iter().map(|one| {
        let (portal, request) = (portal.clone(), one.request(&params()));
        async move {
            let begun = Instant::now();
            // As software does with a 202.
            let mut answer = ask(&portal, &request, PATIENCE).await;
            while answer == ReenrollAnswer::Pending {
                answer = ask(&portal, &request, PATIENCE).await;
            }
            issued(&answer);
            begun.elapsed()
        }
    }));
    let mut took: Vec<Duration> = renewals.buffer_unordered(AT_ONCE).collect().await;
    let whole = start.elapsed();
    took.sort();
    eprintln!(
        "{mode}: {CREDENTIALS} renewals, {AT_ONCE} at once: {:.1} a second; median {:?}, of ten the ninth {:?}, slowest {:?}",
        CREDENTIALS as f64 / whole.as_secs_f64(),
        took[CREDENTIALS / 2],
        took[CREDENTIALS * 9 / 10],
        took[CREDENTIALS - 1]
    );
}
