//! Facts as a test writes them, with their credentials in the line, and as an operator tells them.

use dmp_client::facts::shard::{Shard, index};
use dmp_client::facts::{Credential, Facts, Mode};
use jiff::Timestamp;

/// A hospital's sandbox credential. Change what the test needs.
pub fn credential(name: &str) -> Credential {
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

/// The line that the operator would sign, and the shards it would tell beside it.
pub fn divided(mut facts: Facts) -> (Facts, Vec<Shard>) {
    let mut credentials = std::mem::take(&mut facts.credentials);
    credentials.sort_by_cached_key(|credential| (index(&credential.name), credential.name.clone()));
    let mut shards = Vec::new();
    for members in credentials.chunk_by(|one, other| index(&one.name) == index(&other.name)) {
        let shard = Shard::new(members).expect("credentials are JSON");
        let first = members.first().expect("no chunk is empty");
        facts.shards.insert(index(&first.name), shard.sha256.clone());
        shards.push(shard);
    }
    (facts, shards)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use dmp_client::facts::shard::sha256;

    use super::*;

    #[test]
    fn what_is_divided_is_all_there_and_named_by_its_hash() {
        let names: Vec<String> = (0..3000).map(|number| format!("vendor-a/{number}")).collect();
        let whole = Facts {
            credentials: names.iter().rev().map(|name| credential(name)).collect(),
            ..Facts::default()
        };
        let (line, shards) = divided(whole);
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
            let credentials: Vec<Credential> = serde_json::from_str(&shard.line).expect("credentials");
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
        assert!(divided(Facts::default()).1.is_empty(), "empty ones are not told");
    }
}
