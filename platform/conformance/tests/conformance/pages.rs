//! `docs/vendor` is what the suite says.

use std::path::Path;

use dmp_conformance::report::requirements::{Language, page};
use dmp_conformance::suite::{Suite, Verified};

fn written(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vendor");
    std::fs::read_to_string(folder.join(name)).unwrap_or_default()
}

#[test]
fn the_pages_for_vendors_are_fresh() {
    let suite = Suite::embedded().unwrap();
    for (name, language) in [
        ("exigences.md", Language::French),
        ("requirements.md", Language::English),
    ] {
        assert!(
            written(name) == page(&suite, language),
            "docs/vendor/{name} is stale: run `make vendor-docs`"
        );
    }
}

#[test]
fn every_requirement_is_there_once_and_says_how_it_is_verified() {
    let suite = Suite::embedded().unwrap();
    let text = page(&suite, Language::English);
    for requirement in suite.profiles().iter().flat_map(|profile| &profile.requirements) {
        let row = format!("| {} | ", requirement.id);
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with(&row)).collect();
        assert_eq!(rows.len(), 1, "{}", requirement.id);
        let last = rows[0].trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let says = match requirement.verified {
            Verified::Automatic => last.starts_with('`'),
            Verified::NotYet => last.starts_with("not yet : ") && last.len() > 12,
            Verified::Attested | Verified::Inspected => !last.is_empty(),
        };
        assert!(says, "{last}");
    }
}
