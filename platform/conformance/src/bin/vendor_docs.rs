//! Writes the requirements for vendors: `docs/vendor/exigences.md` and `docs/vendor/requirements.md`.

use std::error::Error;
use std::path::Path;

use dmp_conformance::report::requirements::{Language, page};
use dmp_conformance::suite::Suite;

fn main() -> Result<(), Box<dyn Error>> {
    let suite = Suite::embedded()?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vendor");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("exigences.md"), page(&suite, Language::French))?;
    std::fs::write(folder.join("requirements.md"), page(&suite, Language::English))?;
    Ok(())
}
