//! The facts stream: freshness closes and opens the door, old and unsigned facts are not taken over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dmp_client::facts::{Facts, Revocation};
use dmp_gateway::facts::FactsStore;
use dmp_gateway::facts::seen::Seen;
use dmp_gateway::facts::stream::Follower;
use dmp_gateway::upstream::tls::Clients;
use dmp_testkit::{Signer, TestPlatform};
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::operator::Operator;
use crate::world::{CABINET, Software, World};

#[tokio::test(flavor = "multi_thread")]
async fn stale_facts_close_the_door_and_fresh_ones_open_it() {
    let world = World::start().await;
    assert_eq!(world.get("/fhir/metadata").await.status(), 200);

    world.operator.set_silent(true);
    tokio::time::sleep(Duration::from_millis(10_500)).await;
    let answer = world.get("/fhir/metadata").await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["content-type"], "application/fhir+json");
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["issue"][0]["details"]["coding"][0]["code"], "facts-stale");
    assert!(world.store.fresh(Instant::now()).is_err());

    world.operator.set_silent(false);
    world
        .until("fresh facts", |world| world.store.fresh(Instant::now()).is_ok())
        .await;
    assert_eq!(world.get("/fhir/metadata").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lower_number_is_refused_and_ages() {
    let world = World::start().await;
    world.operator.set_seq(50);
    world.until_seq(50).await;
    world.operator.set_seq(49);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let age = world.store.age(Instant::now()).unwrap();
    assert!(
        age > Duration::from_millis(500),
        "lower facts made the store fresh: {age:?}"
    );
    world.operator.set_seq(50);
    world
        .until("fresh facts", |world| {
            world.store.age(Instant::now()).unwrap() < Duration::from_millis(400)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_lost_a_revocation_are_not_taken_over_whatever_their_number() {
    let world = World::start().await;
    let cabinet = format!("{}/solution", CABINET.0);
    world
        .operator
        .change(|facts| facts.revocations.push(Revocation::of_solution(&cabinet)));
    world.until_seq(2).await;
    // As an etcd that was restored from before it: the object is gone, and the numbers may jump.
    for seq in [3, 1_000_000] {
        world.operator.change(|facts| facts.revocations.clear());
        world.operator.set_seq(seq);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let held = world.store.fresh(Instant::now()).unwrap();
        assert_eq!(
            (held.facts().seq, held.facts().revocations.len()),
            (2, 1),
            "{seq}"
        );
        let age = world.store.age(Instant::now()).unwrap();
        assert!(
            age > Duration::from_millis(500),
            "they made the store fresh: {age:?}"
        );
        let again = Software::new(world.cabinet.identity.clone());
        let told = again.http.get(world.url("/fhir/metadata")).send().await.unwrap();
        assert_eq!(told.status(), 403, "{seq}");
    }
    // Lifted by both bodies, it is.
    world
        .operator
        .change(|facts| facts.lifted.push(Revocation::of_solution(&cabinet)));
    world.until_seq(1_000_001).await;
    let again = Software::new(world.cabinet.identity.clone());
    let told = again.http.get(world.url("/fhir/metadata")).send().await.unwrap();
    assert_eq!(told.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_of_another_time_are_not_taken_over() {
    let world = World::start().await;
    for minutes in [-2, 2] {
        world.operator.set_ahead(SignedDuration::from_mins(minutes));
        world.operator.change(|_| {});
        tokio::time::sleep(Duration::from_secs(1)).await;
        let held = world.store.fresh(Instant::now()).unwrap();
        assert_eq!(held.facts().seq, 1, "{minutes} min");
        let age = world.store.age(Instant::now()).unwrap();
        assert!(
            age > Duration::from_millis(500),
            "they made the store fresh: {age:?}"
        );
    }
    world.operator.set_ahead(SignedDuration::ZERO);
    world.until_seq(3).await;
}

/// A follower alone, of these operators.
fn follow(platform: &TestPlatform, operators: &[&Operator]) -> (Arc<FactsStore>, CancellationToken) {
    let store = Arc::new(FactsStore::new(Seen::nowhere()).unwrap());
    let expected = "spiffe://dmp.test/ns/dmp-system/sa/dmp-operator".parse().unwrap();
    let follower = Follower {
        client: Clients::new(platform.pki.service("dmp-national", "gateway"))
            .of(&expected)
            .unwrap(),
        urls: operators.iter().map(|operator| operator.service.base()).collect(),
        trust: platform.trust(),
        store: Arc::clone(&store),
    };
    let shutdown = CancellationToken::new();
    tokio::spawn(follower.run(shutdown.clone()));
    (store, shutdown)
}

/// Adds a key to the facts keys of `keys.json`.
fn believe(platform: &TestPlatform, signer: &Signer) {
    let path = platform.trust_dir().join("keys.json");
    let mut keys: dmp_core::trust::Keys = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    keys.facts.push(signer.public_key());
    std::fs::write(path, serde_json::to_vec(&keys).unwrap()).unwrap();
}

async fn is_fresh_within(store: &FactsStore, limit: Duration) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        if store.fresh(Instant::now()).is_ok() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_of_an_unknown_key_or_of_another_service_are_not_believed() {
    let platform = TestPlatform::new();
    let facts = Facts {
        seq: 9,
        ..Facts::default()
    };
    let stranger = Arc::new(Signer::new("facts-v1"));
    let identity = platform.pki.service("dmp-system", "dmp-operator");
    let forging = Operator::start(&identity, stranger, facts.clone()).await;
    let (store, shutdown) = follow(&platform, &[&forging]);
    assert!(!is_fresh_within(&store, Duration::from_secs(2)).await);
    shutdown.cancel();

    // the key is right, the identity is not
    let right_key = Arc::new(Signer::new("facts-v2"));
    believe(&platform, &right_key);
    let impostor = Operator::start(
        &platform.pki.service("dmp-national", "registry"),
        right_key,
        facts,
    )
    .await;
    let (store, shutdown) = follow(&platform, &[&impostor]);
    assert!(!is_fresh_within(&store, Duration::from_secs(2)).await);
    shutdown.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_operator_is_asked_when_one_falls_silent_or_lies() {
    let platform = TestPlatform::new();
    let identity = platform.pki.service("dmp-system", "dmp-operator");
    let facts = Facts {
        seq: 9,
        ..Facts::default()
    };
    let forging = Operator::start(&identity, Arc::new(Signer::new("facts-v1")), facts.clone()).await;
    let silent = Operator::start(&identity, Arc::new(Signer::new("facts-v1")), facts.clone()).await;
    silent.set_silent(true);
    let platform_key = Arc::new(Signer::new("facts-v2"));
    let honest = Operator::start(&identity, Arc::clone(&platform_key), facts).await;
    believe(&platform, &platform_key);

    let (store, shutdown) = follow(&platform, &[&forging, &silent, &honest]);
    assert!(is_fresh_within(&store, Duration::from_secs(9)).await);
    shutdown.cancel();
}
