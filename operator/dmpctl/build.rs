//! Puts the manifests, samples and fixtures into the program: `dmpctl` needs no checkout beside it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const FOLDERS: [&str; 3] = ["crds", "manifests", "tests/fixtures"];

fn main() -> std::io::Result<()> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .ok_or_else(|| std::io::Error::other(format!("{name} is not set")))
    };
    let root = variable("CARGO_MANIFEST_DIR")?.join("../..").canonicalize()?;
    let mut files = Vec::new();
    for folder in FOLDERS {
        // Relative: another checkout with the same build cache looks at its own files.
        walk(&Path::new("../..").join(folder), &mut files)?;
    }
    files.sort();
    let mut code = String::from(
        "/// Path from the root of the repository, and content.\npub static FILES: &[(&str, &[u8])] = &[\n",
    );
    for file in files {
        let file = file.canonicalize()?;
        let name = file.strip_prefix(&root).map_err(std::io::Error::other)?;
        let _ = writeln!(code, "    ({name:?}, include_bytes!({file:?})),");
    }
    code.push_str("];\n");
    std::fs::write(variable("OUT_DIR")?.join("embedded.rs"), code)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    println!("cargo:rerun-if-changed={}", folder.display());
    if !folder.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            println!("cargo:rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    Ok(())
}
