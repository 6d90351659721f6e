//! Against a real PostgreSQL and a real OpenBao.
#![allow(clippy::unwrap_used)]

use dmp_testkit::{Bao, Postgres};

use super::*;
use crate::aead::Bound;
use crate::{BlindIndex, LocalKek, service_key};

fn group() -> GroupName {
    "a".parse().unwrap()
}

fn client(group: Option<&GroupName>) -> Client {
    dmp_core::install_crypto_provider();
    let config = Bao::shared().config(group);
    if group.is_some() {
        Client::group(&config).unwrap()
    } else {
        Client::root(&config).unwrap()
    }
}

#[tokio::test]
async fn a_patients_key_is_the_same_for_all_who_open_it() {
    let pool = Postgres::shared().pool().await;
    let keystore = Keystore::open(pool.clone(), client(Some(&group())), group())
        .await
        .unwrap();
    let patient = Pseudonym::random();
    assert!(keystore.key(patient).await.unwrap().is_none());
    let bound = Bound::new("Binary", Uuid::new_v4());
    let sealed = keystore
        .key_or_create(patient)
        .await
        .unwrap()
        .seal(&bound, b"text")
        .unwrap();
    // Another process: nothing in its cache.
    let other = Keystore::open(pool, client(Some(&group())), group())
        .await
        .unwrap();
    let key = other.key(patient).await.unwrap().unwrap();
    assert_eq!(key.open(&bound, &sealed).unwrap().as_slice(), b"text");
    let stranger = other.key_or_create(Pseudonym::random()).await.unwrap();
    assert!(stranger.open(&bound, &sealed).is_err());
}

#[tokio::test]
async fn of_many_who_make_a_patients_key_one_wins() {
    let pool = Postgres::shared().pool().await;
    let patient = Pseudonym::random();
    let mut stores = Vec::new();
    for _ in 0..8 {
        stores.push(
            Keystore::open(pool.clone(), client(Some(&group())), group())
                .await
                .unwrap(),
        );
    }
    let tasks: Vec<_> = stores
        .into_iter()
        .map(|store| tokio::spawn(async move { store.key_or_create(patient).await }))
        .collect();
    let mut keys = Vec::new();
    for task in tasks {
        keys.push(task.await.unwrap().unwrap());
    }
    assert!(
        keys.iter()
            .all(|key| key.id() == keys[0].id() && key.key().as_bytes() == keys[0].key().as_bytes())
    );
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM patient_key")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_wrapped_key_moved_to_another_patient_does_not_open() {
    let pool = Postgres::shared().pool().await;
    let keystore = Keystore::open(pool.clone(), client(Some(&group())), group())
        .await
        .unwrap();
    let (one, two) = (Pseudonym::random(), Pseudonym::random());
    keystore.key_or_create(one).await.unwrap();
    sqlx::query("UPDATE patient_key SET patient = $1")
        .bind(two.as_uuid())
        .execute(&pool)
        .await
        .unwrap();
    assert!(keystore.key(two).await.is_err());
}

#[tokio::test]
async fn an_opened_key_needs_no_key_service() {
    let pool = Postgres::shared().pool().await;
    let bao = tokio::task::spawn_blocking(Bao::start).await.unwrap();
    dmp_core::install_crypto_provider();
    let keystore = Keystore::open(pool, Client::group(&bao.config(Some(&group()))).unwrap(), group())
        .await
        .unwrap();
    let patient = Pseudonym::random();
    keystore.key_or_create(patient).await.unwrap();
    tokio::task::spawn_blocking(move || drop(bao)).await.unwrap();
    assert!(keystore.key(patient).await.unwrap().is_some(), "from the cache");
    keystore.clear();
    let error = keystore.key(patient).await.err().unwrap();
    assert!(error.is_unavailable(), "{error}");
}

#[tokio::test]
async fn service_keys_are_made_once_and_opened_after() {
    let pool = Postgres::shared().pool().await;
    let root = client(None);
    service_key::migrate(&pool).await.unwrap();
    service_key::migrate(&pool).await.unwrap();
    let (one, two) = tokio::join!(
        BlindIndex::open(&pool, &root, "registry", "registry"),
        BlindIndex::open(&pool, &root, "registry", "registry"),
    );
    let again = BlindIndex::open(&pool, &root, "registry", "registry")
        .await
        .unwrap();
    let token = again.token("cin", &[b"x"]);
    assert_eq!(one.unwrap().token("cin", &[b"x"]), token);
    assert_eq!(two.unwrap().token("cin", &[b"x"]), token);

    let subject = Uuid::new_v4();
    let kek = LocalKek::open(&pool, &root, "registry", "registry")
        .await
        .unwrap();
    let (key, wrapped) = kek.new_key(subject).unwrap();
    let again = LocalKek::open(&pool, &root, "registry", "registry")
        .await
        .unwrap();
    assert_eq!(
        again.open_key(subject, &wrapped).unwrap().key().as_bytes(),
        key.key().as_bytes()
    );
    // Under another domain's context the stored key does not open.
    assert!(
        LocalKek::open(&pool, &root, "registry", "elsewhere")
            .await
            .is_err()
    );
}
