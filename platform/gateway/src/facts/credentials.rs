//! The credentials of the facts, as their shards tell them.
//!
//! A signed line names the SHA-256 of each shard; [`Assembly`] keeps the line until it has them all. A shard that no signed line has
//! asked for is never looked into; one that is already held is not told, nor parsed, twice. Signatures: [`super::signed`]; whether
//! the facts are taken over: [`super::store`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use dmp_client::facts::shard::{index, sha256};
use dmp_client::facts::{Credential, Facts};
use jiff::Timestamp;

/// A shard that was believed: ordered by name.
type Shard = Arc<[Credential]>;

/// All credentials of one line, looked up by name at a cost that does not grow with their number.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    shards: HashMap<u16, Shard>,
}

impl Credentials {
    /// By `<namespace>/<name>`.
    pub fn get(&self, name: &str) -> Option<&Credential> {
        let shard = self.shards.get(&index(name))?;
        let at = shard.binary_search_by(|credential| credential.name.as_str().cmp(name));
        shard.get(at.ok()?)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Credential> {
        self.shards.values().flat_map(|shard| shard.iter())
    }
}

/// A line with everything it names.
#[derive(Debug)]
pub struct Complete {
    pub facts: Facts,
    pub credentials: Credentials,
    /// When the signed line came, on the monotonic and on the wall clock: its shards make it no fresher.
    pub received: Instant,
    pub now: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    #[error("a shard came that no signed line names")]
    Unasked,
    #[error("a shard is not a list of credentials")]
    Shape(#[source] serde_json::Error),
}

/// A line whose shards are not all there.
struct Waiting {
    facts: Facts,
    received: Instant,
    now: Timestamp,
    missing: HashSet<String>,
}

/// Puts signed lines and their shards together. Lives as long as the gateway: another operator tells the same shards.
#[derive(Default)]
pub struct Assembly {
    /// By their SHA-256: what the newest line names.
    held: HashMap<String, Shard>,
    waiting: Option<Waiting>,
}

impl Assembly {
    /// Takes a line whose signature was checked. One that still waited is forgotten.
    pub fn line(&mut self, facts: Facts, received: Instant, now: Timestamp) -> Option<Complete> {
        let named = facts.shards.values();
        let missing = named
            .filter(|hash| !self.held.contains_key(*hash))
            .cloned()
            .collect();
        self.waiting = Some(Waiting {
            facts,
            received,
            now,
            missing,
        });
        self.complete()
    }

    /// Takes a shard (its line, without the end).
    ///
    /// # Errors
    /// [`ShardError`]: whoever tells this stream is not to be listened to.
    pub fn shard(&mut self, line: &[u8]) -> Result<Option<Complete>, ShardError> {
        let hash = sha256(line);
        if self.held.contains_key(&hash) {
            return Ok(None);
        }
        let waiting = self.waiting.as_mut().ok_or(ShardError::Unasked)?;
        if !waiting.missing.remove(&hash) {
            return Err(ShardError::Unasked);
        }
        let mut credentials: Vec<Credential> = serde_json::from_slice(line).map_err(ShardError::Shape)?;
        credentials.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        self.held.insert(hash, credentials.into());
        Ok(self.complete())
    }

    fn complete(&mut self) -> Option<Complete> {
        let Waiting {
            facts, received, now, ..
        } = self.waiting.take_if(|waiting| waiting.missing.is_empty())?;
        let named: HashSet<&String> = facts.shards.values().collect();
        self.held.retain(|hash, _| named.contains(hash));
        let shards = facts.shards.iter();
        let shards = shards
            .filter_map(|(number, hash)| Some((*number, Arc::clone(self.held.get(hash)?))))
            .collect();
        Some(Complete {
            facts,
            credentials: Credentials { shards },
            received,
            now,
        })
    }
}

#[cfg(test)]
pub mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_client::facts::shard::Shard as Told;
    use dmp_testkit::facts::divided;

    use super::*;

    /// Facts that carry their credentials, as the operator would have told them at that moment.
    pub fn told(facts: Facts, received: Instant, now: Timestamp) -> Complete {
        let (line, shards) = divided(facts);
        let mut assembly = Assembly::default();
        let mut complete = assembly.line(line, received, now);
        for shard in shards {
            complete = assembly.shard(shard.line.as_bytes()).unwrap();
        }
        complete.unwrap()
    }

    fn credential(name: &str, version: &str) -> Credential {
        Credential {
            version: version.to_owned(),
            ..dmp_testkit::facts::credential(&format!("vendor-a/{name}"))
        }
    }

    fn facts(seq: u64, versions: &[(&str, &str)]) -> (Facts, Vec<Told>) {
        let credentials = versions.iter().map(|(name, version)| credential(name, version));
        divided(Facts {
            seq,
            credentials: credentials.collect(),
            ..Facts::default()
        })
    }

    fn line(assembly: &mut Assembly, facts: &Facts) -> Option<Complete> {
        assembly.line(facts.clone(), Instant::now(), Timestamp::now())
    }

    fn version(complete: &Complete, name: &str) -> Option<String> {
        let credential = complete.credentials.get(&format!("vendor-a/{name}"))?;
        Some(credential.version.clone())
    }

    #[test]
    fn a_line_waits_for_its_shards_and_is_as_old_as_it_is() {
        let (first, shards) = facts(1, &[("x", "1"), ("y", "1")]);
        assert_eq!(shards.len(), 2);
        let mut assembly = Assembly::default();
        let received = Instant::now();
        assert!(assembly.line(first, received, Timestamp::now()).is_none());
        assert!(assembly.shard(shards[0].line.as_bytes()).unwrap().is_none());
        let complete = assembly.shard(shards[1].line.as_bytes()).unwrap().unwrap();
        assert_eq!(complete.received, received);
        assert_eq!(version(&complete, "x").as_deref(), Some("1"));
        assert_eq!(version(&complete, "y").as_deref(), Some("1"));
        assert_eq!(version(&complete, "z"), None);
        assert_eq!(complete.credentials.iter().count(), 2);
    }

    #[test]
    fn what_is_held_is_not_told_again_and_what_is_named_no_more_is_gone() {
        let (first, shards) = facts(1, &[("x", "1"), ("y", "1")]);
        let mut assembly = Assembly::default();
        line(&mut assembly, &first);
        for shard in &shards {
            assembly.shard(shard.line.as_bytes()).unwrap();
        }
        assert!(line(&mut assembly, &first).is_some(), "a heartbeat");
        for shard in &shards {
            let again = assembly.shard(shard.line.as_bytes());
            assert!(again.unwrap().is_none(), "another connection tells everything");
        }
        let (second, changed) = facts(2, &[("x", "2"), ("y", "1")]);
        assert!(line(&mut assembly, &second).is_none());
        let new = changed.iter().find(|shard| !shards.contains(shard)).unwrap();
        let complete = assembly.shard(new.line.as_bytes()).unwrap().unwrap();
        assert_eq!(version(&complete, "x").as_deref(), Some("2"));
        assert_eq!(version(&complete, "y").as_deref(), Some("1"));
        let (third, _) = facts(3, &[("y", "1")]);
        let complete = line(&mut assembly, &third).unwrap();
        assert_eq!((version(&complete, "x"), assembly.held.len()), (None, 1));
        let old = assembly.shard(new.line.as_bytes());
        assert!(matches!(old, Err(ShardError::Unasked)), "nobody asks for it now");
    }

    #[test]
    fn a_shard_that_no_signed_line_names_is_not_looked_into() {
        let (first, shards) = facts(1, &[("x", "1")]);
        let (_, others) = facts(1, &[("x", "2")]);
        let mut assembly = Assembly::default();
        let before = assembly.shard(shards[0].line.as_bytes());
        assert!(matches!(before, Err(ShardError::Unasked)));
        line(&mut assembly, &first);
        for told in [others[0].line.as_str(), "[]", "[1", ""] {
            let refused = assembly.shard(told.as_bytes());
            assert!(matches!(refused, Err(ShardError::Unasked)), "{told}");
        }
        assert!(assembly.shard(shards[0].line.as_bytes()).unwrap().is_some());
    }

    #[test]
    fn a_named_shard_that_is_no_list_of_credentials_is_an_error() {
        let mut facts = Facts::default();
        facts.shards.insert(0, sha256(b"[1]"));
        let mut assembly = Assembly::default();
        assert!(line(&mut assembly, &facts).is_none());
        assert!(matches!(assembly.shard(b"[1]"), Err(ShardError::Shape(_))));
    }

    #[test]
    fn a_credential_is_found_in_its_own_shard_alone() {
        let (mut first, shards) = facts(1, &[("x", "1")]);
        let (number, hash) = first.shards.pop_first().unwrap();
        first
            .shards
            .insert((number + 1) % dmp_client::facts::shard::SHARDS, hash);
        let mut assembly = Assembly::default();
        line(&mut assembly, &first);
        let complete = assembly.shard(shards[0].line.as_bytes()).unwrap().unwrap();
        assert_eq!(version(&complete, "x"), None);
    }

    #[test]
    fn credentials_in_the_signed_line_itself_open_nothing() {
        let whole = Facts {
            credentials: vec![credential("x", "1")],
            ..Facts::default()
        };
        let mut assembly = Assembly::default();
        let complete = line(&mut assembly, &whole).unwrap();
        assert_eq!(version(&complete, "x"), None);
    }
}
