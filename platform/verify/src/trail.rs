//! `dmp-verify trail`: every entry, from the event's text to the signed checkpoint.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::keys::Trusted;
use crate::merkle::{self, Hash};
use crate::note::{self, NoteError};
use crate::text;

/// One event with its proof, as the platform answers it.
#[derive(Deserialize)]
struct Entry {
    log: String,
    index: u64,
    leaf: String,
    event: String,
    salt: String,
    proof: Vec<String>,
    checkpoint: String,
}

/// The leaf's fields in the order they are written in.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Leaf {
    v: u8,
    time: String,
    kind: String,
    commit: String,
}

#[derive(Deserialize)]
struct Event {
    kind: String,
}

/// Why an entry is not proven.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Failure {
    #[error("the leaf is not of the log's form")]
    Leaf,
    #[error("the salt is not 32 bytes")]
    Salt,
    #[error("event and salt are not those the leaf commits to")]
    Commitment,
    #[error("the event is of another kind than its leaf says")]
    Kind,
    #[error(transparent)]
    Checkpoint(#[from] NoteError),
    #[error("the checkpoint is of log `{0}`")]
    OtherLog(String),
    #[error("a hash of the proof is malformed")]
    ProofHash,
    #[error("the proof does not lead to the checkpoint's root")]
    Proof,
    #[error("the log has signed two different trees of {0} entries")]
    SplitView(u64),
}

/// Checks all entries of `file` and prints a line for each. Whether all are proven, and there is at least one.
pub fn run(file: &Path, trusted: &Trusted) -> Result<bool, String> {
    let entries = parse(&text::read(file)?)
        .map_err(|error| format!("`{}` is not a whole trail: {error}", file.display()))?;
    if entries.is_empty() {
        return Err(format!(
            "`{}` holds no entry: nothing was checked",
            file.display()
        ));
    }
    let mut checker = Checker {
        trusted,
        roots: BTreeMap::new(),
    };
    let mut failed = 0;
    for entry in &entries {
        let leaf = parse_leaf(&entry.leaf);
        let (kind, time) = leaf.as_ref().map_or(("-", "-"), |leaf| (&leaf.kind, &leaf.time));
        let outcome = match leaf
            .as_ref()
            .ok_or(Failure::Leaf)
            .and_then(|leaf| checker.check(entry, leaf))
        {
            Ok(()) => "OK".to_owned(),
            Err(failure) => {
                failed += 1;
                format!("FAILED {failure}")
            }
        };
        let (log, kind, time) = (text::shown(&entry.log), text::shown(kind), text::shown(time));
        println!("{} {log} {kind} {time} {outcome}", entry.index);
    }
    eprintln!("{} of {} entries proven", entries.len() - failed, entries.len());
    Ok(failed == 0)
}

/// An answer of the platform (an object with `entries`), a list of entries, or one entry.
fn parse(content: &str) -> Result<Vec<Entry>, serde_json::Error> {
    let mut content: Value = serde_json::from_str(content)?;
    match content.get_mut("entries").map(Value::take) {
        Some(entries) => serde_json::from_value(entries),
        None if content.is_array() => serde_json::from_value(content),
        None => Ok(vec![serde_json::from_value(content)?]),
    }
}

struct Checker<'a> {
    trusted: &'a Trusted,
    /// Root by log and size: a log that signs two for one size is caught when both are in the file.
    roots: BTreeMap<(String, u64), Hash>,
}

impl Checker<'_> {
    fn check(&mut self, entry: &Entry, leaf: &Leaf) -> Result<(), Failure> {
        let salt = text::hash(&entry.salt).ok_or(Failure::Salt)?;
        let commit = text::hash(&leaf.commit).ok_or(Failure::Leaf)?;
        let digest: Hash = Sha256::new()
            .chain_update(salt)
            .chain_update(&entry.event)
            .finalize()
            .into();
        if digest != commit {
            return Err(Failure::Commitment);
        }
        let same_kind =
            serde_json::from_str::<Event>(&entry.event).is_ok_and(|event| event.kind == leaf.kind);
        if !same_kind {
            return Err(Failure::Kind);
        }
        let head = note::open(&entry.checkpoint, self.trusted)?;
        if head.origin != entry.log {
            return Err(Failure::OtherLog(text::shown(&head.origin)));
        }
        let proof: Vec<Hash> = entry
            .proof
            .iter()
            .map(|hash| text::hash(hash))
            .collect::<Option<_>>()
            .ok_or(Failure::ProofHash)?;
        let leaf_hash = merkle::leaf(entry.leaf.as_bytes());
        if merkle::root_of_inclusion(entry.index, head.size, leaf_hash, &proof) != Some(head.root) {
            return Err(Failure::Proof);
        }
        let seen = self.roots.entry((head.origin, head.size)).or_insert(head.root);
        if *seen == head.root {
            Ok(())
        } else {
            Err(Failure::SplitView(head.size))
        }
    }
}

/// Reads a leaf in its one spelling: fields, order, no spaces, version 1.
fn parse_leaf(leaf: &str) -> Option<Leaf> {
    let parsed: Leaf = serde_json::from_str(leaf).ok()?;
    let again = serde_json::to_string(&parsed).ok()?;
    (parsed.v == 1 && again == leaf).then_some(parsed)
}
