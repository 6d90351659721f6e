//! Which images run, on a real API server: what the security entity signed becomes the list that admission reads, and nobody else
//! writes that list.

use dmp_homologation::canonical::digest;
use dmp_homologation::statement::{ImageList, SignedImage};
use dmp_testkit::bodies::Authority;
use dmp_testkit::kubernetes::api_of;
use jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::admission::manifests;
use crate::control_plane::{World, samples};
use crate::homologation::signed;

const SBOM: &str =
    r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"tls"}]}"#;

fn provenance(letter: &str) -> String {
    json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [{ "name": "dmp", "digest": { "sha256": letter.repeat(64) } }],
        "predicate": { "runDetails": { "builder": { "id": "https://dmp.ma/build" } } },
    })
    .to_string()
}

/// A release of the contents with these letters.
fn release(name: &str, security: &Authority, letters: &[&str]) -> Value {
    let image = |letter: &&str| SignedImage {
        name: "r.ma/dmp".to_owned(),
        digest: format!("sha256:{}", letter.repeat(64)),
        sbom_sha256: digest(SBOM.as_bytes()),
        provenance_sha256: digest(provenance(letter).as_bytes()),
    };
    let papers = |letter: &&str| {
        json!({
            "digest": format!("sha256:{}", letter.repeat(64)), "sbom": SBOM, "provenance": provenance(letter),
        })
    };
    let list = ImageList {
        domain: "dmp.test".to_owned(),
        images: letters.iter().map(image).collect(),
        comment: "nomenclatures lues".to_owned(),
        signed_at: Timestamp::now(),
    };
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "ImageRelease", "metadata": { "name": name },
        "spec": {
            "statement": signed(&security.person("s1"), &list),
            "papers": letters.iter().map(papers).collect::<Vec<_>>(),
        },
    })
}

fn list() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "admitted-images", "namespace": "dmp-system" },
    })
}

async fn until_listed(world: &World, letters: &[&str]) {
    let wanted: Vec<String> = letters.iter().map(|letter| letter.repeat(64)).collect();
    world
        .wait(&format!("the list of {letters:?}"), || async {
            let live = world.get(&list()).await.unwrap_or_default();
            let data = live["data"].as_object().cloned().unwrap_or_default();
            data.keys().cloned().collect::<Vec<_>>() == wanted
        })
        .await;
}

fn probe(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "dmp-national" },
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": { "runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": "p", "image": image,
                "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
            }],
        },
    })
}

/// Makes an object as a person would; the API server's words when it refuses.
async fn make(world: &World, object: &Value) -> Result<(), String> {
    let typed = serde_json::from_value(object.clone()).unwrap();
    let made = api_of(&world.client, object)
        .create(&PostParams::default(), &typed)
        .await;
    made.map(|_| ()).map_err(|error| error.to_string())
}

/// The policies on images alone: the rest of admission asks for more than this world has.
async fn admission(world: &World) {
    world
        .apply(&json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": "dmp-system", "labels": { "app.kubernetes.io/part-of": "dmp" } },
        }))
        .await;
    let about_images = |object: &Value| {
        ["dmp-pod-signed-images", "dmp-image-list"].contains(&object["metadata"]["name"].as_str().unwrap())
    };
    for object in manifests("admission-workloads.yaml")
        .iter()
        .filter(|object| about_images(object))
    {
        world.apply(object).await;
    }
}

#[tokio::test]
async fn what_nobody_signed_for_does_not_run() {
    let Some(mut world) = World::start().await else {
        return;
    };
    let security = Authority::new("Sécurité", "000000000000014");
    admission(&world).await;
    world.operator("one");
    for site in samples("sites.yaml") {
        world.apply(&site).await;
    }
    let mut platform = samples("platform.yaml").remove(0);
    platform["spec"]["bodies"] = json!([{
        "role": "security", "organisation": { "name": security.name, "ice": security.ice },
        "anchors": [{ "certificate": security.certificate_pem() }],
    }]);
    world.apply(&platform).await;
    world
        .wait("the national namespace", || async {
            let space =
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "dmp-national" } });
            world.get(&space).await.is_some()
        })
        .await;
    let image = |letter: &str| format!("r.ma/dmp:1.2@sha256:{}", letter.repeat(64));
    make(&world, &probe("before", "r/any:1")).await.unwrap();

    let first = release("first", &security, &["a", "b"]);
    world.apply(&first).await;
    world.until(&first, "Ready", "True", "Ready").await;
    until_listed(&world, &["a", "b"]).await;
    let stranger = release(
        "by-a-stranger",
        &Authority::new("Autre", "000000000000015"),
        &["c"],
    );
    world.apply(&stranger).await;
    world.until(&stranger, "Ready", "False", "UnknownSigner").await;
    until_listed(&world, &["a", "b"]).await;

    world
        .wait("the policy reads the list", || async {
            let refused = make(&world, &probe("foreign", "r/any:1")).await;
            let _ = world.delete(&probe("foreign", "")).await;
            refused.is_err_and(|error| error.contains("nobody signed for this image"))
        })
        .await;
    make(&world, &probe("signed", &image("a"))).await.unwrap();
    for foreign in [image("c"), "r.ma/dmp:1.2".to_owned()] {
        let refused = make(&world, &probe("foreign", &foreign)).await.unwrap_err();
        assert!(refused.contains("kubectl get imagereleases"), "{refused}");
    }

    // The next release is the whole list.
    let second = release("second", &security, &["b", "c"]);
    world.apply(&second).await;
    until_listed(&world, &["b", "c"]).await;
    world
        .wait("which one is in force", || async {
            let in_force = |live: Option<Value>| live.unwrap_or_default()["status"]["inForce"].as_bool();
            in_force(world.get(&first).await) == Some(false)
                && in_force(world.get(&second).await) == Some(true)
        })
        .await;

    // Whoever may write ConfigMaps writes another one than this.
    let mut widened = list();
    widened["data"] = json!({ "d".repeat(64): "r.ma/dmp" });
    let parameters = PatchParams::apply("person").force();
    let refused = api_of(&world.client, &widened)
        .patch("admitted-images", &parameters, &Patch::Apply(&widened))
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("the list of images is the operator's"),
        "{refused}"
    );
}
