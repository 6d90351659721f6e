//! Credentials, revocations and the facts stream, from the API server to a gateway's connection.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use dmp_client::facts::shard::sha256;
use dmp_client::facts::{Credential, Facts, STREAM, SignedFacts};
use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::control_plane::{PATIENCE, World, samples};

/// The stream as a gateway reads it.
pub struct Stream {
    response: reqwest::Response,
    text: Vec<u8>,
    /// Shards by their hash.
    shards: BTreeMap<String, Vec<Credential>>,
}

impl Stream {
    pub async fn open(world: &World, port: u16, name: &str) -> Result<Self, reqwest::StatusCode> {
        let identity = world.identity(name).await;
        let address: std::net::SocketAddr = ([127, 0, 0, 1], port).into();
        // Its certificate names the Service, so that is what is asked for.
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(identity.client_config().unwrap())
            .resolve("dmp-operator.dmp-system.svc", address)
            .no_proxy()
            .build()
            .unwrap();
        let url = format!("https://dmp-operator.dmp-system.svc:{port}{STREAM}");
        let start = Instant::now();
        loop {
            match client.get(&url).send().await {
                Ok(response) if response.status().is_success() => {
                    return Ok(Self {
                        response,
                        text: Vec::new(),
                        shards: BTreeMap::new(),
                    });
                }
                Ok(response) => return Err(response.status()),
                Err(error) if start.elapsed() < PATIENCE => {
                    eprintln!("not yet: {error}");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(error) => panic!("{error}\n{}", world.log("one")),
            }
        }
    }

    async fn line(&mut self) -> Vec<u8> {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.text.drain(..=end).collect();
                line.pop();
                return line;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(5), self.response.chunk()).await;
            self.text.extend(
                chunk
                    .expect("a line within 5 s")
                    .unwrap()
                    .expect("the stream goes on"),
            );
        }
    }

    /// The next facts with the credentials of their shards.
    async fn next(&mut self) -> Facts {
        let signed: SignedFacts = serde_json::from_slice(&self.line().await).unwrap();
        let mut facts: Facts = serde_json::from_str(&signed.payload).unwrap();
        assert!(facts.credentials.is_empty(), "they are told beside it");
        for hash in facts.shards.values() {
            if !self.shards.contains_key(hash) {
                let line = self.line().await;
                self.shards
                    .insert(sha256(&line), serde_json::from_slice(&line).unwrap());
            }
            facts.credentials.extend(self.shards[hash].iter().cloned());
        }
        // One that is named again later is told again.
        let named: BTreeSet<&String> = facts.shards.values().collect();
        self.shards.retain(|hash, _| named.contains(hash));
        facts
    }

    /// The first facts that satisfy `holds`, and how long they took.
    pub async fn until(&mut self, holds: impl Fn(&Facts) -> bool) -> (Facts, Duration) {
        let start = Instant::now();
        loop {
            let facts = self.next().await;
            if holds(&facts) {
                return (facts, start.elapsed());
            }
            assert!(start.elapsed() < PATIENCE, "not in the facts: {facts:?}");
        }
    }
}

fn credential(name: &str) -> Value {
    let key = KeyPair::generate().unwrap();
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionCredential",
        "metadata": { "namespace": "vendor-atlas", "name": name },
        "spec": {
            "solution": "atlas-sih", "version": "4.2", "mode": "sandbox",
            "establishment": { "inpe": "123456789" }, "healthGroup": "tanger-tetouan-al-hoceima",
            "csr": CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap(),
        },
    })
}

fn revocation(name: &str, credential: &str) -> Value {
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionRevocation", "metadata": { "name": name },
        "spec": { "solution": "vendor-atlas/atlas-sih", "credential": credential, "reason": "a test" },
    })
}

#[tokio::test]
async fn a_credential_is_signed_told_and_revoked_within_its_time() {
    let Some(mut world) = World::start().await else {
        return;
    };
    let (port, _) = world.operator("one");
    world.apply(&samples("platform.yaml").remove(0)).await;

    let mut stream = Stream::open(&world, port, "gateway").await.unwrap();
    let first = stream.next().await;
    assert!(first.demonstration && first.credentials.is_empty() && first.stale_since.is_none());
    assert_eq!(
        Stream::open(&world, port, "audit")
            .await
            .err()
            .map(|status| status.as_u16()),
        Some(403)
    );

    // References to nothing, each with its reason, until all are there.
    let mut vendor = samples("vendor.yaml");
    world.apply(&vendor.remove(0)).await;
    let wanted = credential("chu-tanger");
    world.apply(&wanted).await;
    world.until(&wanted, "Ready", "False", "SolutionNotFound").await;
    world.apply(&vendor.remove(0)).await;
    world.until(&wanted, "Ready", "False", "VersionNotFound").await;
    world.apply(&vendor.remove(0)).await;
    world
        .until(&wanted, "Ready", "False", "HealthGroupNotFound")
        .await;
    world.apply(&samples("groups.yaml").remove(0)).await;
    world.until(&wanted, "Ready", "True", "Ready").await;
    let live = world.get(&wanted).await.unwrap();
    let pem = live["status"]["certificate"].as_str().unwrap();
    let leaf = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let peer = dmp_core::peer::Peer::of_certificate(&leaf).unwrap();
    assert_eq!(peer.spiffe.as_credential(), Some(("vendor-atlas", "chu-tanger")));
    let (facts, _) = stream.until(|facts| !facts.credentials.is_empty()).await;
    assert_eq!(
        facts.credentials[0].certificate_sha256,
        hex::encode(peer.certificate_sha256)
    );
    assert!(facts.seq > first.seq);

    // Ten revocations: each on the gateway's connection well within two seconds of the API server's answer.
    let mut worst = Duration::ZERO;
    for number in 0..10 {
        world
            .apply(&revocation(&format!("r{number}"), "chu-tanger"))
            .await;
        let (_, took) = stream.until(|facts| facts.revocations.len() == number + 1).await;
        worst = worst.max(took);
    }
    eprintln!("slowest of ten revocations from the API server's answer to the gateway's line: {worst:?}");
    assert!(worst < Duration::from_secs(1), "{worst:?}");
    world.until(&wanted, "Revoked", "True", "Revoked").await;
    let hit = || async {
        world
            .get(&revocation("r0", "x"))
            .await
            .is_some_and(|r| r["status"]["credentials"] == 1)
    };
    world.wait("the revocation counts", hit).await;
    assert!(
        world
            .delete(&revocation("r0", "x"))
            .await
            .unwrap_err()
            .contains("cannot be deleted")
    );

    // A heartbeat every second, and a second replica that is never behind what the first has said.
    let start = Instant::now();
    let mut seq = 0;
    for _ in 0..3 {
        seq = stream.next().await.seq;
    }
    assert!(start.elapsed() < Duration::from_secs(5));
    let (other, _) = world.operator("two");
    let mut second = Stream::open(&world, other, "gateway").await.unwrap();
    assert!(second.next().await.seq >= seq);
}

#[tokio::test]
async fn software_of_a_vendor_that_signs_up_sees_its_own_people() {
    let Some(mut world) = World::start().await else {
        return;
    };
    let (port, _) = world.operator("one");
    let mut platform = samples("platform.yaml").remove(0);
    platform["spec"]["sandboxGroup"] = json!("tanger-tetouan-al-hoceima");
    world.apply(&platform).await;
    let group = samples("groups.yaml").remove(0);
    for object in samples("vendor.yaml").iter().chain([&group]) {
        world.apply(object).await;
    }
    let wanted = credential("chu-tanger");
    world.apply(&wanted).await;
    world.until(&wanted, "Ready", "True", "Ready").await;
    let mut stream = Stream::open(&world, port, "gateway").await.unwrap();
    let (facts, _) = stream.until(|facts| !facts.credentials.is_empty()).await;
    assert_eq!(
        (facts.demonstration, &facts.credentials[0].realm),
        (true, &None),
        "the demonstration's people"
    );

    // The agency says that the namespace it made is this vendor's: else nobody takes it over.
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": "vendor-atlas", "labels": { "dmp.ma/vendor": "atlas" } },
    });
    world.apply(&namespace).await;
    let mut vendor = json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "Vendor", "metadata": { "name": "atlas" },
        "spec": {
            "organisation": { "name": "Atlas Santé", "ice": "001234567000062" },
            "members": [{ "issuer": "https://issuer.test", "subject": "somebody" }],
        },
    });
    for population in [1, 2] {
        vendor["spec"]["population"] = json!(population);
        world.apply(&vendor).await;
        let realm = format!("vendor-atlas/{population}");
        let of_realm = |facts: &Facts| {
            facts.credentials.first().and_then(|first| first.realm.as_deref()) == Some(&realm)
        };
        let (_, took) = stream.until(of_realm).await;
        eprintln!("population {population} is in the facts after {took:?}");
    }
}

#[tokio::test]
async fn an_older_schema_stops_the_operator_and_says_so() {
    let Some(mut world) = World::start().await else {
        return;
    };
    let mut crd = dmp_api::crds()
        .into_iter()
        .map(|crd| serde_json::to_value(crd).unwrap())
        .find(|crd| crd["metadata"]["name"] == "sites.dmp.ma")
        .unwrap();
    let own = crd.clone();
    crd["metadata"]["annotations"]["dmp.ma/schema-sha256"] = json!("older");
    let schema = &mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    schema["properties"]["spec"]["properties"]
        .as_object_mut()
        .unwrap()
        .remove("qualification");
    world.apply(&crd).await;
    let (_, health) = world.operator("one");
    let site = samples("sites.yaml").remove(0);
    world.apply(&site).await;
    let ready = |expected: u16| async move {
        let answer = reqwest::get(format!("http://127.0.0.1:{health}/readyz")).await;
        match answer {
            Ok(answer) if answer.status().as_u16() == expected => {
                Some(answer.text().await.unwrap_or_default())
            }
            _ => None,
        }
    };
    world
        .wait("not ready because of the schema", || async {
            ready(503)
                .await
                .is_some_and(|text| text.contains("\"schema\"") && !text.contains("starting"))
        })
        .await;
    let said = || async { world.log("one").contains("is older than this operator") };
    world.wait("the log says so", said).await;
    assert!(world.condition(&site, "Ready").await.is_none());
    world.apply(&own).await;
    world.until(&site, "Ready", "True", "Ready").await;
    world.wait("ready", || async { ready(200).await.is_some() }).await;
}
