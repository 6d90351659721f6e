//! Whose the planes' parts are, of which class and what for: labelled by the operator, in the words of whoever answers for them, under
//! the policy that asks for it.

use dmp_testkit::kubernetes::api_of;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::admission::manifests;
use crate::control_plane::{World, namespace};
use crate::lifecycle::{NAMESPACE, named, ready};

/// Owner, class and purpose of an object, or of what CloudNativePG makes of a cluster.
async fn said(world: &World, object: &Value) -> [String; 3] {
    let live = world.get(object).await.unwrap();
    let labels = match object["kind"].as_str() {
        Some("Cluster") => &live["spec"]["inheritedMetadata"]["labels"],
        _ => &live["metadata"]["labels"],
    };
    ["owner", "data-class", "purpose"].map(|label| {
        labels[format!("dmp.ma/{label}")]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    })
}

async fn until(world: &World, objects: &[Value], expected: [&str; 3]) {
    for object in objects {
        let what = format!(
            "{} {} of {expected:?}",
            object["kind"], object["metadata"]["name"]
        );
        world
            .wait(&what, || async { said(world, object).await == expected })
            .await;
    }
}

/// As somebody writes it who may.
fn labelled(name: &str, labels: Value) -> Value {
    let mut space = namespace(name);
    space["metadata"]["labels"] = labels;
    space
}

#[tokio::test]
async fn planes_are_labelled_and_the_words_of_who_answers_for_them_stay() {
    let Some(mut world) = World::start().await else {
        return;
    };
    for object in manifests("admission-product.yaml") {
        if object["metadata"]["name"] == "dmp-classes" {
            world.apply(&object).await;
        }
    }
    world.operator("one");
    ready(&world).await;
    let parts = |plane: &str, service: &str, database: &str| {
        [
            namespace(plane),
            named("Service", "v1", Some(plane), service),
            named("Cluster", "postgresql.cnpg.io/v1", Some(plane), database),
        ]
    };
    let national = parts("dmp-national", "gateway", "registry");
    until(&world, &national, ["national", "4", "care"]).await;
    let group = parts(NAMESPACE, "records", "keystore");
    let name = NAMESPACE.trim_start_matches("dmp-");
    until(&world, &group, [name, "1", "testing"]).await;

    let own = labelled(
        NAMESPACE,
        json!({ "dmp.ma/owner": "gst-tanger", "dmp.ma/data-class": "4" }),
    );
    world.apply(&own).await;
    until(&world, &group, ["gst-tanger", "4", "testing"]).await;
    // An installer takes the class back, further than the group's patients are invented.
    world
        .apply(&labelled(NAMESPACE, json!({ "dmp.ma/data-class": "0" })))
        .await;
    until(&world, &group, ["gst-tanger", "1", "testing"]).await;

    let low = labelled("dmp-national", json!({ "dmp.ma/data-class": "2" }));
    let refused = api_of(&world.client, &low)
        .patch("dmp-national", &PatchParams::default(), &Patch::Merge(&low))
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("health data are of class 4"), "{refused}");
    until(&world, &national, ["national", "4", "care"]).await;
}
