//! How old the keys of a real OpenBao are, as the operator sees and leaves it on a real API server.

use dmp_api::key_custody::{CONFIG_MAP, KEY, Observation};
use dmp_keys::Client;
use dmp_operator::key_custody;
use dmp_testkit::Bao;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::control_plane::World;
use crate::lifecycle::named;

/// As it is installed.
const POLICY: &str = include_str!("../../../../manifests/openbao/policies/key-metadata.policy");

/// With the rights of `policy` and no others.
async fn client(bao: &Bao, policy: &str) -> Client {
    let token = bao.token(None, policy).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), token).unwrap();
    let (_, path) = file.keep().unwrap();
    let mut config = bao.config(None);
    config.auth = dmp_core::config::OpenBaoAuth::TokenFile { path };
    Client::root(&config).unwrap()
}

/// A group that has its plane, or not yet.
async fn group(world: &World, name: &str, plane: bool) {
    let group = json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "HealthGroup", "metadata": { "name": name },
        "spec": {
            "kind": "gst", "region": "MA-09", "site": "agadir-1", "mode": "sandbox",
            "controller": { "name": "A group", "cndpReceipt": "D-1/2026" },
        },
    });
    world.apply(&group).await;
    if plane {
        let status = json!({ "status": { "namespace": format!("dmp-{name}") } });
        let groups = kube::Api::<dmp_api::HealthGroup>::all(world.as_operator().await);
        let patch = kube::api::Patch::Merge(status);
        groups
            .patch_status(name, &kube::api::PatchParams::default(), &patch)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn every_key_is_seen_with_what_may_be_done_with_it() {
    let Some(world) = World::start().await else {
        return;
    };
    let bao = &world.bao;
    let operator = world.as_operator().await;
    let openbao = client(bao, POLICY).await;
    bao.add_group(&"kept".parse().unwrap()).await;
    for (name, plane) in [("kept", true), ("bare", true), ("young", false)] {
        group(&world, name, plane).await;
    }
    let now = Timestamp::now();
    let look = async || {
        key_custody::look(&operator, &openbao, Timestamp::now())
            .await
            .unwrap()
    };
    let seen = look().await;
    // Who has a plane has keys; who has none yet is not asked.
    assert_eq!(seen.lacking, ["bare/kek", "bare/log"]);
    assert_eq!(seen.spaces, 3);
    assert_eq!(seen.seal, "shamir");
    let names: Vec<_> = seen.authorities.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["pki-services", "pki-solutions", "pki-suite"]);
    assert!(seen.authorities.iter().all(|one| one.not_after > now));
    assert_eq!(seen.keys.len(), 12, "{:?}", seen.keys);
    for key in &seen.keys {
        let age = now.duration_since(key.created_at);
        assert!(age.abs() < SignedDuration::from_mins(10), "{key:?}");
        assert!(key.is_kept() && key.version == 1, "{key:?}");
    }

    // Somebody with more rights rotates one and opens another.
    let inside = Some("group-kept");
    bao.call(inside, Method::POST, "transit/keys/kek/rotate", json!({}))
        .await;
    let open = json!({ "deletion_allowed": true, "exportable": true, "allow_plaintext_backup": true });
    bao.call(inside, Method::POST, "transit/keys/log/config", open)
        .await;
    let then = look().await;
    assert!(!then.agrees(&seen));
    let open = &then.keys[0];
    assert_eq!(open.name, "kept/log");
    assert!(open.exportable && open.plaintext_backup && open.deletable);
    let rotated = then.keys.iter().find(|key| key.name == "kept/kek").unwrap();
    assert_eq!(rotated.version, 2);
    assert!(then.agrees(&look().await));

    // Where the evaluator looks, with the operator's own rights.
    let evidence = dmp_api::names::EVIDENCE_NAMESPACE;
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": evidence } });
    world.apply(&namespace).await;
    key_custody::leave(&operator, &then).await.unwrap();
    let left = world
        .get(&named("ConfigMap", "v1", Some(evidence), CONFIG_MAP))
        .await
        .unwrap();
    let text = left["data"][KEY].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Observation>(text).unwrap(), then);
}

#[tokio::test]
async fn what_cannot_be_asked_is_an_error() {
    let Some(world) = World::start().await else {
        return;
    };
    let operator = world.as_operator().await;
    world.bao.add_group(&"kept".parse().unwrap()).await;
    group(&world, "kept", true).await;
    let national: String = POLICY.replace("path \"+/", "path \"other/");
    for policy in [
        national.as_str(),
        "path \"sys/health\" { capabilities = [\"read\"] }",
    ] {
        let openbao = client(&world.bao, policy).await;
        let outcome = key_custody::look(&operator, &openbao, Timestamp::now()).await;
        assert!(
            matches!(
                &outcome,
                Err(key_custody::Error::OpenBao(
                    dmp_keys::openbao::Error::Forbidden { .. }
                ))
            ),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn the_log_in_that_sees_keys_uses_none() {
    let bao = Bao::shared();
    let openbao = client(bao, POLICY).await;
    bao.add_group(&"unused".parse().unwrap()).await;
    let inside = Some("group-unused");
    let export = json!({ "exportable": true });
    let attempts: [(Option<&str>, Method, &str, Value); 7] = [
        (inside, Method::POST, "transit/keys/kek/config", export),
        (inside, Method::POST, "transit/keys/kek/rotate", json!({})),
        (inside, Method::POST, "transit/keys/other", json!({})),
        (
            inside,
            Method::GET,
            "transit/export/encryption-key/kek",
            Value::Null,
        ),
        (inside, Method::GET, "transit/backup/kek", Value::Null),
        (
            None,
            Method::POST,
            "transit/sign/facts",
            json!({ "input": "eA==" }),
        ),
        (None, Method::DELETE, "transit/keys/token", Value::Null),
    ];
    for (namespace, method, path, body) in attempts {
        let body = (!body.is_null()).then_some(&body);
        let outcome = openbao.request_in(namespace, method, path, body).await;
        assert!(
            matches!(outcome, Err(dmp_keys::openbao::Error::Forbidden { .. })),
            "{path}: {outcome:?}"
        );
    }
}
