//! `docs/security/controls.md` is what the catalogue says, `docs/security/admission.md` what is installed.

use std::collections::BTreeSet;
use std::path::Path;

use dmp_policies::Catalogue;
use dmp_policies::admission;
use dmp_policies::page::page;

#[test]
fn the_page_of_controls_is_fresh() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/security/controls.md");
    let written = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        written == page(&Catalogue::embedded().unwrap()),
        "docs/security/controls.md is stale: run `make controls`"
    );
}

#[test]
fn the_page_of_admission_is_fresh() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/security/admission.md");
    let written = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        written == admission::page(&Catalogue::embedded().unwrap()),
        "docs/security/admission.md is stale: run `make controls`"
    );
}

#[test]
fn every_manifest_of_admission_is_known_and_every_policy_has_its_row() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/operator");
    let files = std::fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let there: BTreeSet<_> = names.filter(|name| name.starts_with("admission")).collect();
    let known: BTreeSet<_> = admission::MANIFESTS
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(there, known);

    let text = admission::page(&Catalogue::embedded().unwrap());
    for (name, manifest) in admission::MANIFESTS {
        let documents = admission::documents(manifest);
        assert!(documents.len() >= 4, "{name}");
        for policy in documents
            .iter()
            .filter(|one| one["kind"] == "ValidatingAdmissionPolicy")
        {
            let row = format!("| [`{}`](", policy["metadata"]["name"].as_str().unwrap());
            let row = text.lines().find(|line| line.starts_with(&row)).unwrap();
            let cells: Vec<_> = row.split(" | ").map(str::trim).collect();
            assert_eq!(cells.len(), 5, "{row}");
            assert!(cells[..4].iter().all(|cell| !cell.is_empty()), "{row}");
        }
    }
}

#[test]
fn every_control_and_every_identifier_has_its_row() {
    let catalogue = Catalogue::embedded().unwrap();
    let text = page(&catalogue);
    for control in catalogue.controls() {
        let row = format!("| [{}](", control.id);
        let rows: Vec<_> = text.lines().filter(|line| line.starts_with(&row)).collect();
        assert_eq!(rows.len(), 1, "{}", control.id);
        assert!(
            rows[0].contains(&format!("`{}`", control.implementation.state)),
            "{}",
            rows[0]
        );
        // A cell that is not escaped would move the others.
        assert_eq!(rows[0].replace("\\|", "").matches('|').count(), 8, "{}", rows[0]);
    }
    for framework in catalogue.frameworks() {
        for identifier in &framework.identifiers {
            assert!(
                text.contains(&format!("\n| {} | ", identifier.id)),
                "{}",
                identifier.id
            );
        }
    }
}
