//! Reading files and base64, and printing what a file said without letting it speak to the terminal.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Reads a text file, or says in one sentence why not.
pub fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

/// base64 (standard alphabet, padded) of exactly 32 bytes.
pub fn hash(text: &str) -> Option<[u8; 32]> {
    bytes(text)?.try_into().ok()
}

/// base64 (standard alphabet, padded).
pub fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// `text` with everything that is not a plain printable character escaped.
pub fn shown(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii_graphic() {
                c.to_string()
            } else {
                c.escape_unicode().to_string()
            }
        })
        .collect()
}
