//! The credentials of the facts, in shards that are told apart from the signed line.
//!
//! A shard is the JSON array of the credentials whose names fall into it ([`index`]), ordered by name, on one line. The signed line
//! names its SHA-256, and by that it is believed. So a heartbeat over 100,000 credentials is 80 KiB instead of 45 MiB, and the
//! change of one credential is the hundred of its shard.

use aws_lc_rs::digest::{SHA256, digest};

use super::Credential;

/// How many there are; the empty ones are not told.
pub const SHARDS: u16 = 1024;

/// The shard a credential is in, by its name.
pub fn index(name: &str) -> u16 {
    let digest = digest(&SHA256, name.as_bytes());
    let mut first = digest.as_ref().iter().copied();
    let mut next = || first.next().unwrap_or_default();
    u16::from_be_bytes([next(), next()]) % SHARDS
}

/// What a signed line names a shard by: SHA-256 of its line without the end, hex.
pub fn sha256(line: &[u8]) -> String {
    hex::encode(digest(&SHA256, line))
}

/// One shard as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    pub sha256: String,
    /// Without its end.
    pub line: String,
}

impl Shard {
    /// Of credentials that all fall into it, ordered by name.
    ///
    /// # Errors
    /// Never, as far as the types go: JSON can say all of it.
    pub fn new(credentials: &[Credential]) -> serde_json::Result<Self> {
        let line = serde_json::to_string(credentials)?;
        Ok(Self {
            sha256: sha256(line.as_bytes()),
            line,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_falls_into_the_same_shard_in_every_program() {
        // sha256("vendor-a/x") begins with these two bytes; other programs (and other releases) must come to the same.
        let digest = sha256(b"vendor-a/x");
        let first = u16::from_str_radix(&digest[..4], 16);
        assert_eq!(Ok(index("vendor-a/x")), first.map(|first| first % 1024));
    }
}
