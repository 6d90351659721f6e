//! `dmp-verify checkpoint`.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::keys::Trusted;
use crate::merkle::{Hash, is_consistent};
use crate::note::{self, Checkpoint};
use crate::text;

/// Checks one checkpoint; with an older one and a proof file, also that it continues that one.
pub fn run(file: &Path, trusted: &Trusted, older: Option<(&Path, &Path)>) -> Result<bool, String> {
    let new = open(file, trusted)?;
    println!(
        "{} {} {} OK",
        text::shown(&new.origin),
        new.size,
        STANDARD.encode(new.root)
    );
    let Some((older, proof)) = older else {
        return Ok(true);
    };
    let old = open(older, trusted)?;
    println!(
        "{} {} {} OK",
        text::shown(&old.origin),
        old.size,
        STANDARD.encode(old.root)
    );
    if old.origin != new.origin {
        return Err("the two checkpoints are of different logs".into());
    }
    let proof = read_proof(proof)?;
    let good = is_consistent((old.size, &old.root), (new.size, &new.root), &proof);
    let outcome = if good {
        "OK"
    } else {
        "FAILED the proof does not lead from the older to the newer"
    };
    println!("{} to {} {outcome}", old.size, new.size);
    Ok(good)
}

fn open(file: &Path, trusted: &Trusted) -> Result<Checkpoint, String> {
    note::open(&text::read(file)?, trusted).map_err(|error| format!("`{}`: {error}", file.display()))
}

fn read_proof(file: &Path) -> Result<Vec<Hash>, String> {
    text::read(file)?
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            text::hash(line).ok_or_else(|| format!("`{}` holds a line that is no hash", file.display()))
        })
        .collect()
}
