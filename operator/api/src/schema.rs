//! The schema's hash, and whether a served schema is old.
//!
//! An API server with an older CRD silently drops fields it does not know, status included. So the operator
//! compares before it reconciles: equal hash, or every property and enum value of its own schema is served too.

use std::collections::BTreeSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

/// Annotation with the SHA-256 (hex) of the CRD's versions as JSON.
pub const HASH_ANNOTATION: &str = "dmp.ma/schema-sha256";

/// Puts the hash on a CRD.
pub fn annotated(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let hash = hash(&crd);
    crd.metadata
        .annotations
        .get_or_insert_default()
        .insert(HASH_ANNOTATION.to_owned(), hash);
    crd
}

fn hash(crd: &CustomResourceDefinition) -> String {
    let text = serde_json::to_value(&crd.spec.versions)
        .unwrap_or_default()
        .to_string();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    hex::encode(digest.as_ref())
}

/// What `own` knows and `served` does not: empty when the operator may reconcile.
///
/// Equal hashes are not even compared; a newer served schema (more fields) is fine.
pub fn missing(own: &CustomResourceDefinition, served: &CustomResourceDefinition) -> Vec<String> {
    let annotation = |crd: &CustomResourceDefinition| {
        crd.metadata
            .annotations
            .as_ref()
            .and_then(|a| a.get(HASH_ANNOTATION).cloned())
    };
    if annotation(own).is_some() && annotation(own) == annotation(served) {
        return Vec::new();
    }
    let served = elements(served);
    elements(own)
        .into_iter()
        .filter(|element| !served.contains(element))
        .collect()
}

/// `v1alpha1.spec.kind`, `v1alpha1.spec.kind=gst`, … of the served versions.
fn elements(crd: &CustomResourceDefinition) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for version in crd.spec.versions.iter().filter(|v| v.served) {
        let schema = version
            .schema
            .as_ref()
            .and_then(|s| s.open_api_v3_schema.as_ref())
            .and_then(|s| serde_json::to_value(s).ok())
            .unwrap_or_default();
        found.insert(version.name.clone());
        walk(&schema, &version.name, &mut found);
    }
    found
}

fn walk(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        for value in values.iter().filter_map(Value::as_str) {
            found.insert(format!("{path}={value}"));
        }
    }
    if let Some(items) = schema.get("items") {
        walk(items, &format!("{path}[]"), found);
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, property) in properties {
            let path = format!("{path}.{name}");
            found.insert(path.clone());
            walk(property, &path, found);
        }
    }
}
