//! `crds/` is what `crdgen` writes.

use std::path::Path;

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
        assert!(
            version
                .subresources
                .as_ref()
                .is_some_and(|sub| sub.status.is_some())
        );
        let namespaced = names.kind.starts_with("Solution") && names.kind != "SolutionRevocation";
        assert_eq!(crd.spec.scope == "Namespaced", namespaced, "{}", names.kind);
    }
}
