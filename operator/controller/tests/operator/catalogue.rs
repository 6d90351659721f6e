//! The public catalogue on a real API server: what two bodies granted is in it, with a label that verifies; nobody else writes
//! it; a revocation takes the label away and the entry stays.

use dmp_api::catalogue::PublicKey;
use dmp_api::catalogue_entry::{CatalogueEntrySpec, CatalogueState};
use dmp_api::homologation_review::ReviewVerdict;
use dmp_homologation::feed::{self, Feed, Listed};
use dmp_homologation::{catalogue, label};
use dmp_testkit::kubernetes::api_of;
use jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::control_plane::World;
use crate::homologation::{Bodies, NAMESPACE, say, status, submission, submitted, tested, until_state};

fn entry() -> Value {
    let spec = CatalogueEntrySpec {
        namespace: NAMESPACE.to_owned(),
        solution: "atlas-sih".to_owned(),
        version: "4.2".to_owned(),
    };
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "CatalogueEntry",
        "metadata": { "name": catalogue::id(&spec) }, "spec": spec,
    })
}

fn national() -> Value {
    json!({ "apiVersion": "dmp.ma/v1alpha1", "kind": "Catalogue", "metadata": { "name": "national" }, "spec": {} })
}

async fn published(world: &World) -> Value {
    status(world, &entry()).await["published"].clone()
}

async fn keys(world: &World) -> Vec<PublicKey> {
    let key = world.bao.public_key(None, "label").await;
    vec![PublicKey {
        kid: key.kid,
        x: key.x,
    }]
}

/// The newest edition, once it is over what the entries say.
async fn newest(world: &World) -> Feed {
    let keys = keys(world).await;
    for _ in 0..200 {
        let entries = world
            .list("dmp.ma", "CatalogueEntry", "catalogueentries", None)
            .await
            .unwrap();
        let signed = serde_json::from_value::<dmp_api::CatalogueStatus>(status(world, &national()).await);
        if let Ok(signed) = signed
            && let Some(text) = feed::edition(&signed, &feed::entries(entries))
        {
            let signature = signed.signature.unwrap();
            return feed::verify(text.as_bytes(), &signature, &keys, Timestamp::now()).unwrap();
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("no edition of what the entries say");
}

async fn version_of(world: &World, object: &Value) -> Value {
    world.get(object).await.unwrap()["metadata"]["resourceVersion"].clone()
}

/// Not even who may do everything in the cluster.
async fn nobody_else_writes(world: &World) {
    let merge = |patch: Value| Patch::Merge(patch);
    let parameters = PatchParams::default();
    for object in [entry(), national()] {
        let api = api_of(&world.client, &object);
        let name = object["metadata"]["name"].as_str().unwrap();
        let label = merge(json!({ "metadata": { "labels": { "a": "b" } } }));
        let refused = api.patch(name, &parameters, &label).await.unwrap_err();
        assert!(refused.to_string().contains("by the operator alone"), "{refused}");
        let forged = merge(json!({ "status": { "published": { "state": "Homologated" }, "number": 99 } }));
        let refused = api.patch_status(name, &parameters, &forged).await.unwrap_err();
        assert!(refused.to_string().contains("by the operator alone"), "{refused}");
        let kept = world.delete(&object).await.unwrap_err();
        assert!(kept.contains("is kept"), "{kept}");
    }
    let mut other = entry();
    other["metadata"]["name"] = json!("mine");
    let other = serde_json::from_value(other).unwrap();
    let api = api_of(&world.client, &entry());
    let refused = api.create(&PostParams::default(), &other).await.unwrap_err();
    assert!(refused.to_string().contains("by the operator alone"), "{refused}");
}

#[tokio::test]
async fn what_is_homologated_is_in_the_catalogue_and_a_revocation_ends_its_label() {
    let Some(mut world) = World::start().await else {
        return;
    };
    let bodies = Bodies::new();
    world.operator("one");
    submitted(&world, &bodies).await;
    tested(&world, &bodies).await;
    assert!(world.get(&entry()).await.is_none(), "not decided");
    for (name, member) in [
        ("decision-1", bodies.interop.person("i2")),
        ("decision-2", bodies.security.person("s2")),
    ] {
        say(&world, name, &member, true, ReviewVerdict::Favourable).await;
    }
    world.until(&entry(), "Ready", "True", "Ready").await;
    world.until(&national(), "Ready", "True", "Ready").await;
    let open = published(&world).await;
    assert_eq!(
        (&open["state"], &open["scopes"]),
        (&json!("Homologated"), &json!(["document-feeder"]))
    );
    let text = open["label"].as_str().unwrap();
    let stated = label::verify(text, &keys(&world).await, Timestamp::now()).unwrap();
    assert_eq!(
        (
            stated.iss.as_str(),
            stated.product.as_str(),
            stated.version.as_str()
        ),
        ("dmp.test", "Atlas SIH", "4.2")
    );
    let first = newest(&world).await;
    assert_eq!(first.says(&stated), Listed::InForce);
    nobody_else_writes(&world).await;

    // Passes over what is converged write nothing.
    until_state(&world, "Active").await;
    let first = newest(&world).await.number.max(first.number);
    let before = (
        version_of(&world, &entry()).await,
        version_of(&world, &national()).await,
    );
    for round in 0..3 {
        let mut touched = submission();
        touched["metadata"]["labels"] = json!({ "touched": round.to_string() });
        world.apply(&touched).await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    let after = (
        version_of(&world, &entry()).await,
        version_of(&world, &national()).await,
    );
    assert_eq!(before, after, "idle means no write");

    world
        .apply(&json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionRevocation", "metadata": { "name": "atlas" },
            "spec": { "solution": format!("{NAMESPACE}/atlas-sih"), "reason": "fuite" },
        }))
        .await;
    let revoked = || async { published(&world).await["state"] == "Revoked" };
    world.wait("the entry is revoked", revoked).await;
    let ended = published(&world).await;
    assert_eq!(
        (&ended["label"], &ended["reason"]),
        (&Value::Null, &json!("fuite"))
    );
    assert_eq!(ended["history"][0]["state"], "Homologated");
    let newer = newest(&world).await;
    assert!(newer.number > first);
    // The label itself is still signed and in its time: the catalogue says that it ended.
    assert!(label::verify(text, &keys(&world).await, Timestamp::now()).is_ok());
    let Listed::Ended { state, .. } = newer.says(&stated) else {
        panic!("{:?}", newer.says(&stated));
    };
    assert_eq!(state, CatalogueState::Revoked);
}
