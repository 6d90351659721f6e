//! An older served schema is noticed, a newer one is not minded.

use dmp_api::schema::{HASH_ANNOTATION, missing};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::json;

fn group() -> CustomResourceDefinition {
    dmp_api::crds()
        .into_iter()
        .find(|crd| crd.spec.names.kind == "HealthGroup")
        .unwrap()
}

/// The CRD as an API server of another release would serve it.
fn edited(edit: impl FnOnce(&mut serde_json::Value)) -> CustomResourceDefinition {
    let mut crd = serde_json::to_value(group()).unwrap();
    crd["metadata"]["annotations"][HASH_ANNOTATION] = json!("another");
    edit(&mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
    serde_json::from_value(crd).unwrap()
}

#[test]
fn its_own_schema_is_fine() {
    assert_eq!(missing(&group(), &group()), Vec::<String>::new());
    assert_eq!(missing(&group(), &edited(|_| {})), Vec::<String>::new());
}

#[test]
fn a_field_that_is_not_served_is_named() {
    let older = edited(|schema| {
        schema["properties"]["status"]["properties"]
            .as_object_mut()
            .unwrap()
            .remove("tag");
    });
    assert_eq!(missing(&group(), &older), ["v1alpha1.status.tag"]);
}

#[test]
fn a_value_that_is_not_served_is_named() {
    let older = edited(|schema| {
        schema["properties"]["spec"]["properties"]["kind"]["enum"] = json!(["gst"]);
    });
    assert!(missing(&group(), &older).contains(&"v1alpha1.spec.kind=military".to_owned()));
}

#[test]
fn more_fields_are_no_matter() {
    let newer = edited(|schema| {
        schema["properties"]["spec"]["properties"]["later"] = json!({ "type": "string" });
    });
    assert_eq!(missing(&group(), &newer), Vec::<String>::new());
}
