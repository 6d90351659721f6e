//! Writes `docs/security/controls.md` and `docs/security/admission.md` from the catalogue and the admission policies.

use std::error::Error;
use std::path::Path;

use dmp_policies::{Catalogue, admission, page};

fn main() -> Result<(), Box<dyn Error>> {
    let catalogue = Catalogue::embedded()?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/security");
    std::fs::write(folder.join("controls.md"), page::page(&catalogue))?;
    std::fs::write(folder.join("admission.md"), admission::page(&catalogue))?;
    println!("{} controls written", catalogue.controls().len());
    Ok(())
}
