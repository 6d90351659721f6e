//! The credentials of the facts, in shards that are told apart from the signed line.
//!
//! A shard is the JSON array of the credentials whose names fall into it ([`index`]), ordered by name, on one line. The signed line
//! names its SHA-256, and by that it is believed. So a heartbeat over 100,000 credentials is 80 KiB instead of 45 MiB, and the
//! change of one credential is the hundred of its shard.

use aws_lc_rs::digest::{SHA256, digest};

use super::{Credential, Facts};

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

/// Facts of [`super::STREAM_V1`] as [`super::STREAM`] tells them.
///
/// # Errors
/// As [`Shard::new`].
pub fn divided(mut facts: Facts) -> serde_json::Result<(Facts, Vec<Shard>)> {
    let mut credentials = std::mem::take(&mut facts.credentials);
    credentials.sort_by_cached_key(|credential| (index(&credential.name), credential.name.clone()));
    let mut shards = Vec::new();
    for members in credentials.chunk_by(|one, other| index(&one.name) == index(&other.name)) {
        let shard = Shard::new(members)?;
        let first = members.first().map(|first| index(&first.name));
        facts
            .shards
            .extend(first.map(|index| (index, shard.sha256.clone())));
        shards.push(shard);
    }
    Ok((facts, shards))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::facts::Mode;

    fn credential(name: &str) -> Credential {
        Credential {
            name: name.to_owned(),
            solution: "vendor-a/sih".to_owned(),
            version: "1".to_owned(),
            kind: "hospital".to_owned(),
            establishment: None,
            group: None,
            mode: Mode::Sandbox,
            certificate_sha256: "ab".to_owned(),
            not_after: Timestamp::UNIX_EPOCH,
            previous: None,
            scopes: None,
            realm: None,
        }
    }

    #[test]
    fn a_name_falls_into_the_same_shard_in_every_program() {
        // sha256("vendor-a/x") begins with these two bytes; other programs (and other releases) must come to the same.
        let digest = sha256(b"vendor-a/x");
        let first = u16::from_str_radix(&digest[..4], 16).unwrap();
        assert_eq!(index("vendor-a/x"), first % 1024);
    }

    #[test]
    fn what_is_divided_is_all_there_and_named_by_its_hash() {
        let names: Vec<String> = (0..3000).map(|number| format!("vendor-a/{number}")).collect();
        let whole = Facts {
            credentials: names.iter().rev().map(|name| credential(name)).collect(),
            ..Facts::default()
        };
        let (line, shards) = divided(whole).unwrap();
        assert!(line.credentials.is_empty());
        assert!(shards.len() > 900, "spread");
        let by_hash: BTreeMap<&str, &Shard> = shards
            .iter()
            .map(|shard| (shard.sha256.as_str(), shard))
            .collect();
        let mut found = Vec::new();
        for (number, hash) in &line.shards {
            let shard = by_hash[hash.as_str()];
            assert_eq!(sha256(shard.line.as_bytes()), *hash);
            let credentials: Vec<Credential> = serde_json::from_str(&shard.line).unwrap();
            assert!(credentials.is_sorted_by_key(|credential| credential.name.clone()));
            assert!(
                credentials
                    .iter()
                    .all(|credential| index(&credential.name) == *number)
            );
            found.extend(credentials.into_iter().map(|credential| credential.name));
        }
        found.sort_unstable();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(found, names);
        assert!(
            divided(Facts::default()).unwrap().1.is_empty(),
            "empty ones are not told"
        );
    }
}
