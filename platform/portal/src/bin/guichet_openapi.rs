//! Writes the description of the guichet (OpenAPI): `docs/vendor/guichet.openapi.json`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vendor/guichet.openapi.json");
    std::fs::write(path, format!("{:#}\n", dmp_portal::guichet::description()))
}
