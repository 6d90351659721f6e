//! `docs/security/controls.md` is what the catalogue says.

use std::path::Path;

use dmp_policies::Catalogue;
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
