//! SHA-256 as this crate uses it: names of blobs, and short keys of cached things.

use std::{fs::File, io::Read, path::Path};

use aws_lc_rs::digest::{Context, SHA256};

use crate::error::{FileContext, Result};

/// Hex digits of a cache key: enough to tell versions apart, short enough for a file name.
const KEY_LENGTH: usize = 12;

/// A running SHA-256.
pub(crate) struct Sha256(Context);

impl Sha256 {
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest in hex.
    pub fn finish(self) -> String {
        hex::encode(self.0.finish())
    }
}

/// SHA-256 of bytes, in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(bytes);
    hash.finish()
}

/// SHA-256 (hex) and size of a file.
pub(crate) fn sha256_of_file(path: &Path) -> Result<(String, u64)> {
    let mut file = File::open(path).on("open", path)?;
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).on("read", path)?;
        if read == 0 {
            return Ok((hash.finish(), size));
        }
        hash.update(buffer.get(..read).unwrap_or_default());
        size += read as u64;
    }
}

/// The key of something made from these ingredients. Lengths go in too: `ab`+`c` is not `a`+`bc`.
pub(crate) fn key<'a>(ingredients: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for ingredient in ingredients {
        hash.update(&(ingredient.len() as u64).to_be_bytes());
        hash.update(ingredient.as_bytes());
    }
    short(&hash.finish()).to_owned()
}

/// The first digits of a digest.
pub(crate) fn short(digest: &str) -> &str {
    digest.get(..KEY_LENGTH).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_sha_256() {
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), abc);
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("abc");
        std::fs::write(&file, "abc").expect("written");
        assert_eq!(sha256_of_file(&file).expect("read"), (abc.to_owned(), 3));
    }

    #[test]
    fn keys_depend_on_every_ingredient_and_their_borders() {
        assert_eq!(key(["a", "b"]), key(["a", "b"]));
        assert_ne!(key(["ab", "c"]), key(["a", "bc"]));
        assert_ne!(key(["a", "b"]), key(["b", "a"]));
        assert_eq!(key(["a"]).len(), 12);
    }
}
