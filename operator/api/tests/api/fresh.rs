//! `crds/` is what `crdgen` writes.

use std::path::Path;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};

#[test]
fn crds_are_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds");
    for crd in dmp_api::crds() {
        let name = crd.metadata.name.clone().unwrap();
        let written = std::fs::read_to_string(folder.join(format!("{name}.yaml"))).unwrap_or_default();
        let now = dmp_api::yaml::to_string(&crd).unwrap();
        assert!(
            written == now,
            "crds/{name}.yaml is stale: cargo run -p dmp-api --bin crdgen"
        );
    }
}

#[test]
fn every_kind_answers_the_first_question() {
    for crd in dmp_api::crds() {
        let names = &crd.spec.names;
        assert_eq!(
            names.categories.as_deref(),
            Some(&["dmp".to_owned()][..]),
            "{}",
            names.kind
        );
        let version = &crd.spec.versions[0];
        assert!(
            version
                .additional_printer_columns
                .as_ref()
                .is_some_and(|columns| columns.len() >= 3)
        );
        let status = version.subresources.as_ref();
        let status = status.is_some_and(|sub| sub.status.is_some());
        // Of what no controller looks at nobody would write a status.
        assert_eq!(status, names.kind != "VulnerabilityExport", "{}", names.kind);
        let namespaced = crate::cases::VENDORS.contains(&names.kind.as_str());
        assert_eq!(crd.spec.scope == "Namespaced", namespaced, "{}", names.kind);
    }
}

/// What `kubectl explain` says nothing of: the fields without a description.
fn unexplained(schema: &JSONSchemaProps, path: &str, found: &mut Vec<String>) {
    for (name, field) in schema.properties.iter().flatten() {
        let path = format!("{path}.{name}");
        // Of all objects, explained by Kubernetes.
        if matches!(&*path, ".apiVersion" | ".kind" | ".metadata") {
            continue;
        }
        if field.description.as_deref().is_none_or(|text| text.len() < 10) {
            found.push(path.clone());
        }
        unexplained(field, &path, found);
        if let Some(JSONSchemaPropsOrArray::Schema(item)) = &field.items {
            unexplained(item, &path, found);
        }
    }
}

#[test]
fn every_field_is_explained() {
    let mut found = Vec::new();
    for crd in dmp_api::crds() {
        let schema = crd.spec.versions[0].schema.clone().unwrap();
        unexplained(&schema.open_api_v3_schema.unwrap(), "", &mut found);
    }
    assert_eq!(found, Vec::<String>::new());
}
