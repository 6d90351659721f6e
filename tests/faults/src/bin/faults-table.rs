//! Writes `docs/faults.md` from what the suite measured (`artifacts/faults`).
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::ExitCode;

/// What the suite cannot do by itself, written by hand.
const NOTES: &str = include_str!("../../notes.md");

fn main() -> ExitCode {
    let (outcomes, missing) = dmp_faults::report::all();
    if outcomes.is_empty() {
        eprintln!("nothing was measured: run `make faults`");
        return ExitCode::FAILURE;
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/faults.md");
    std::fs::write(&page, dmp_faults::report::render(&outcomes, &missing, NOTES)).unwrap();
    println!(
        "docs/faults.md: {} faults, {} not measured",
        outcomes.len(),
        missing.len()
    );
    ExitCode::SUCCESS
}
