//! Writes `docs/security/controls.md` from the catalogue.

use std::error::Error;
use std::path::Path;

use dmp_policies::Catalogue;
use dmp_policies::page::page;

fn main() -> Result<(), Box<dyn Error>> {
    let catalogue = Catalogue::embedded()?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/security/controls.md");
    std::fs::write(file, page(&catalogue))?;
    println!("{} controls written", catalogue.controls().len());
    Ok(())
}
