//! The binary as a person uses it: a good trail, and each thing that can be altered in one.
#![allow(clippy::unwrap_used)]

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const ORIGIN: &str = "dmp.test/log/registry";

#[derive(Default)]
struct Stored(Vec<tlog_tiles::Hash>);

impl tlog_tiles::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes
            .iter()
            .map(|index| self.0[usize::try_from(*index).unwrap()])
            .collect())
    }
}

/// A log made by the other implementation (`tlog_tiles`, `signed_note`).
struct Log {
    key: SigningKey,
    stored: Stored,
    entries: Vec<(String, String, [u8; 32])>,
}

impl Log {
    fn of(size: u64) -> Self {
        let mut log = Self {
            key: SigningKey::from_bytes(&[5; 32]),
            stored: Stored::default(),
            entries: vec![],
        };
        for n in 0..size {
            let event = format!(r#"{{"kind":"read","who":"12345678{n}","purpose":"TREAT"}}"#);
            let salt: [u8; 32] = Sha256::digest(n.to_be_bytes()).into();
            let commit = Sha256::new().chain_update(salt).chain_update(&event).finalize();
            let commit = STANDARD.encode(commit);
            let leaf =
                format!(r#"{{"v":1,"time":"2026-11-25T10:00:00.000Z","kind":"read","commit":"{commit}"}}"#);
            let more = tlog_tiles::stored_hashes(n, leaf.as_bytes(), &log.stored).unwrap();
            log.stored.0.extend(more);
            log.entries.push((leaf, event, salt));
        }
        log
    }

    fn size(&self) -> u64 {
        self.entries.len().try_into().unwrap()
    }

    fn vkey(&self) -> String {
        signed_note::new_ed25519_verifier_key(ORIGIN, &self.key.verifying_key())
    }

    fn checkpoint(&self, origin: &str, size: u64) -> String {
        let root = tlog_tiles::tree_hash(size, &self.stored).unwrap();
        let text = tlog_tiles::Checkpoint::new(origin, size, root, "")
            .unwrap()
            .to_bytes();
        let public = [&[1], self.key.verifying_key().as_bytes().as_slice()].concat();
        let signature = self.key.sign(&text).to_bytes().to_vec();
        let line =
            signed_note::Signature::new(origin.into(), signed_note::key_id(origin, &public), signature)
                .unwrap();
        String::from_utf8(signed_note::Note::new(&text, &[line]).unwrap().to_bytes()).unwrap()
    }

    fn entry(&self, index: u64) -> Value {
        let (leaf, event, salt) = &self.entries[usize::try_from(index).unwrap()];
        let proof = tlog_tiles::prove_record(self.size(), index, &self.stored).unwrap();
        json!({
            "log": ORIGIN, "index": index, "leaf": leaf, "event": event, "salt": STANDARD.encode(salt),
            "proof": proof.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "checkpoint": self.checkpoint(ORIGIN, self.size()),
        })
    }

    fn trail(&self) -> Value {
        json!({ "entries": (0..self.size()).map(|n| self.entry(n)).collect::<Vec<_>>(), "behind": [] })
    }
}

fn verify(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dmp-verify"))
        .args(arguments)
        .output()
        .unwrap()
}

fn written(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// Exit status and standard output of checking `content` as a trail.
fn trail(content: &str, key: &str) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "trail.json", content);
    let output = verify(&["trail", file.to_str().unwrap(), "--key", key]);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[test]
fn a_good_trail_is_proven_entry_by_entry() {
    let log = Log::of(11);
    let (status, text) = trail(&log.trail().to_string(), &log.vkey());
    assert_eq!(status, 0, "{text}");
    assert!(
        text.starts_with("0 dmp.test/log/registry read 2026-11-25T10:00:00.000Z OK\n1 "),
        "{text}"
    );
    assert!(text.ends_with("11 of 11 entries proven\n"), "{text}");
    let list = log.trail()["entries"].to_string();
    assert_eq!(trail(&list, &log.vkey()).0, 0);
    assert_eq!(trail(&log.entry(3).to_string(), &log.vkey()).0, 0);
}

#[test]
fn a_reader_that_left_ends_it_without_a_verdict() {
    let log = Log::of(3);
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "trail", &log.trail().to_string());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = Command::new(env!("CARGO_BIN_EXE_dmp-verify"))
        .args(["trail", file.to_str().unwrap(), "--key", &log.vkey()])
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
    assert_eq!(ended.status.signal(), Some(13), "SIGPIPE");
}

#[test]
fn keys_json_is_understood_and_a_wrong_key_is_not_enough() {
    let log = Log::of(3);
    let folder = tempfile::tempdir().unwrap();
    let keys = |key: &SigningKey| {
        let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
        json!({ "token": [], "facts": [], "logs": { ORIGIN: { "kid": "log-registry-v1", "x": x } } })
            .to_string()
    };
    let right = written(folder.path(), "keys.json", &keys(&log.key));
    let wrong = written(
        folder.path(),
        "wrong.json",
        &keys(&SigningKey::from_bytes(&[6; 32])),
    );
    let vkeys = written(folder.path(), "vkeys", &format!("\n{}\n", log.vkey()));
    let content = log.trail().to_string();
    assert_eq!(trail(&content, right.to_str().unwrap()).0, 0);
    assert_eq!(trail(&content, vkeys.to_str().unwrap()).0, 0);
    let (status, text) = trail(&content, wrong.to_str().unwrap());
    assert_eq!(status, 1);
    assert!(
        text.contains("FAILED the checkpoint is not signed by the log's key"),
        "{text}"
    );
    assert_eq!(trail(&content, "nonsense").0, 1);
    assert_eq!(trail(&content, &log.vkey().replace("registry+", "consent+")).0, 1);
}

/// Applies `change` to entry 4 of a good trail: exactly that entry must fail, with `reason`.
fn altered(change: impl FnOnce(&mut Value, &Log), reason: &str) {
    let log = Log::of(11);
    let mut content = log.trail();
    change(&mut content["entries"][4], &log);
    let (status, text) = trail(&content.to_string(), &log.vkey());
    assert_eq!(status, 1, "{text}");
    assert!(text.contains(&format!("FAILED {reason}")), "{text}");
    assert!(text.ends_with("10 of 11 entries proven\n"), "{text}");
}

fn edit(value: &mut Value, field: &str, change: impl FnOnce(&str) -> String) {
    let new = change(value[field].as_str().unwrap());
    value[field] = new.into();
}

#[test]
fn an_altered_event_fails() {
    altered(
        |e, _| edit(e, "event", |t| t.replace("TREAT", "HOPERAT")),
        "event and salt are not",
    );
    altered(
        |e, _| edit(e, "event", |t| t.replace(",\"who\"", ", \"who\"")),
        "event and salt are not",
    );
}

#[test]
fn an_altered_salt_fails() {
    altered(
        |e, _| e["salt"] = STANDARD.encode([0; 32]).into(),
        "event and salt are not",
    );
    altered(
        |e, _| e["salt"] = STANDARD.encode([0; 31]).into(),
        "the salt is not 32 bytes",
    );
}

#[test]
fn an_altered_leaf_fails() {
    altered(
        |e, _| edit(e, "leaf", |t| t.replace("10:00:00", "11:00:00")),
        "the proof does not lead",
    );
    altered(
        |e, _| edit(e, "leaf", |t| t.replace(":1,", ": 1,")),
        "the leaf is not of the log's form",
    );
    altered(
        |e, _| edit(e, "leaf", |t| t.replace("read", "write")),
        "the event is of another kind",
    );
}

#[test]
fn an_event_committed_anew_with_a_new_leaf_fails() {
    altered(
        |e, _| {
            let event = r#"{"kind":"read","who":"nobody"}"#;
            let commit = STANDARD.encode(Sha256::new().chain_update([0; 32]).chain_update(event).finalize());
            e["event"] = event.into();
            e["salt"] = STANDARD.encode([0; 32]).into();
            e["leaf"] =
                format!(r#"{{"v":1,"time":"2026-11-25T10:00:00.000Z","kind":"read","commit":"{commit}"}}"#)
                    .into();
        },
        "the proof does not lead",
    );
}

#[test]
fn an_altered_index_fails() {
    altered(|e, _| e["index"] = 5.into(), "the proof does not lead");
    altered(|e, _| e["index"] = 11.into(), "the proof does not lead");
    altered(|e, _| e["index"] = u64::MAX.into(), "the proof does not lead");
}

#[test]
fn an_altered_proof_fails() {
    altered(
        |e, _| e["proof"][1] = STANDARD.encode([3; 32]).into(),
        "the proof does not lead",
    );
    altered(
        |e, _| e["proof"][1] = "AAAA".into(),
        "a hash of the proof is malformed",
    );
    altered(
        |e, _| drop(e["proof"].as_array_mut().unwrap().pop()),
        "the proof does not lead",
    );
    altered(|e, _| e["proof"] = json!([]), "the proof does not lead");
}

#[test]
fn an_altered_checkpoint_fails() {
    altered(
        |e, _| edit(e, "checkpoint", |t| t.replace("\n11\n", "\n12\n")),
        "the checkpoint's signature is wrong",
    );
    altered(
        |e, _| {
            edit(e, "checkpoint", |t| {
                let (text, line) = t.rsplit_once(' ').unwrap();
                let mut signature = STANDARD.decode(line.trim_end()).unwrap();
                signature[40] ^= 1;
                format!("{text} {}\n", STANDARD.encode(signature))
            });
        },
        "the checkpoint's signature is wrong",
    );
    altered(
        |e, _| edit(e, "checkpoint", |t| t.split("\n\n").next().unwrap().into()),
        "the checkpoint is not a signed note",
    );
    altered(
        |e, _| edit(e, "checkpoint", |t| t.replace("\n11\n", "\n011\n")),
        "the checkpoint's text is malformed",
    );
}

#[test]
fn a_checkpoint_of_another_log_or_size_fails() {
    altered(
        |e, log| e["checkpoint"] = log.checkpoint("dmp.test/log/other", 11).into(),
        "no key of log",
    );
    altered(
        |e, _| e["log"] = "dmp.test/log/consent".into(),
        "the checkpoint is of log `dmp.test/log/registry`",
    );
    altered(
        |e, log| e["checkpoint"] = log.checkpoint(ORIGIN, 10).into(),
        "the proof does not lead",
    );
    altered(
        |e, log| e["checkpoint"] = log.checkpoint(ORIGIN, 3).into(),
        "the proof does not lead",
    );
}

#[test]
fn a_log_that_signed_two_trees_is_caught() {
    let log = Log::of(2);
    let mut other = Log::of(3);
    other.entries.remove(2);
    other.stored = Stored::default();
    other.entries[1] = Log::of(3).entries[2].clone();
    for (n, (leaf, ..)) in (0..).zip(&other.entries) {
        let more = tlog_tiles::stored_hashes(n, leaf.as_bytes(), &other.stored).unwrap();
        other.stored.0.extend(more);
    }
    let content = json!([log.entry(1), other.entry(1)]);
    let (status, text) = trail(&content.to_string(), &log.vkey());
    assert_eq!(status, 1);
    assert!(
        text.contains("FAILED the log has signed two different trees of 2 entries"),
        "{text}"
    );
}

#[test]
fn what_is_no_whole_trail_fails() {
    let log = Log::of(3);
    let content = log.trail().to_string();
    for cut in [0, 1, 100, content.len() / 2, content.len() - 1] {
        assert_eq!(trail(&content[..cut], &log.vkey()).0, 1, "{cut}");
    }
    assert_eq!(trail(r#"{"entries":[],"behind":[]}"#, &log.vkey()).0, 1);
    assert_eq!(trail("[]", &log.vkey()).0, 1);
    assert_eq!(trail(&"[".repeat(100_000), &log.vkey()).0, 1);
    assert_eq!(
        verify(&["trail", "/nonexistent/trail", "--key", &log.vkey()])
            .status
            .code(),
        Some(1)
    );
    assert_eq!(
        verify(&["trail", "file"]).status.code(),
        Some(2),
        "a key is required"
    );
}

#[test]
fn what_a_file_says_does_not_reach_the_terminal() {
    let log = Log::of(1);
    let mut entry = log.entry(0);
    entry["log"] = "\u{1b}[2Jx\n0 a b c OK".into();
    let (_, text) = trail(&entry.to_string(), &log.vkey());
    assert!(
        !text.contains('\u{1b}') && text.starts_with("0 \\u{1b}[2Jx\\u{a}0\\u{20}a"),
        "{text}"
    );
}

#[test]
fn a_newer_checkpoint_must_continue_the_older() {
    let log = Log::of(11);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| written(folder.path(), name, content).to_str().unwrap().to_owned();
    let proof = |old, new| {
        let hashes = tlog_tiles::prove_tree(new, old, &log.stored).unwrap();
        hashes.iter().map(|hash| format!("{hash}\n")).collect::<String>()
    };
    let new = file("new", &log.checkpoint(ORIGIN, 11));
    let old = file("old", &log.checkpoint(ORIGIN, 6));
    let good = file("good", &proof(6, 11));
    let bad = file("bad", &proof(5, 11));
    let noise = file("noise", "hello\n");
    let key = log.vkey();
    let run = |proof: &str, old: &str, new: &str| {
        verify(&["checkpoint", new, "--older", old, "--proof", proof, "--key", &key])
            .status
            .code()
    };
    assert_eq!(
        verify(&["checkpoint", &new, "--key", &key]).status.code(),
        Some(0)
    );
    assert_eq!(run(&good, &old, &new), Some(0));
    assert_eq!(run(&bad, &old, &new), Some(1));
    assert_eq!(run(&noise, &old, &new), Some(1));
    assert_eq!(run(&good, &new, &old), Some(1));
    assert_eq!(
        verify(&["checkpoint", &new, "--older", &old, "--key", &key])
            .status
            .code(),
        Some(2)
    );
}
