//! The public keys a check trusts: Ed25519, each for one log origin.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::VerifyingKey;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::text;

/// Algorithm byte of Ed25519 in a verifier key (C2SP signed-note).
const ED25519: u8 = 1;

/// A log's key: its id in signature lines, and the key.
pub struct LogKey {
    pub id: [u8; 4],
    pub key: VerifyingKey,
}

impl LogKey {
    fn new(origin: &str, key: &[u8; 32]) -> Result<Self, String> {
        let key = VerifyingKey::from_bytes(key)
            .map_err(|_| format!("the key of `{}` is not an Ed25519 key", text::shown(origin)))?;
        Ok(Self {
            id: key_id(origin, key.as_bytes()),
            key,
        })
    }
}

/// First four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ key) (C2SP signed-note).
fn key_id(name: &str, key: &[u8; 32]) -> [u8; 4] {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', ED25519])
        .chain_update(key)
        .finalize()
        .into();
    let [a, b, c, d, ..] = digest;
    [a, b, c, d]
}

/// Trusted keys by log origin.
#[derive(Default)]
pub struct Trusted(BTreeMap<String, Vec<LogKey>>);

impl Trusted {
    pub fn of(&self, origin: &str) -> &[LogKey] {
        self.0.get(origin).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, origin: &str, key: LogKey) {
        self.0.entry(origin.to_owned()).or_default().push(key);
    }
}

/// Reads `--key` values: each a file (keys.json, or verifier keys one a line) or a verifier key itself.
pub fn load(values: &[String]) -> Result<Trusted, String> {
    let mut trusted = Trusted::default();
    for value in values {
        let path = Path::new(value);
        if !path.exists() {
            add_vkey(&mut trusted, value)?;
            continue;
        }
        let content = text::read(path)?;
        if content.trim_start().starts_with('{') {
            add_keys_json(&mut trusted, &content).map_err(|error| format!("`{value}`: {error}"))?;
        } else {
            for line in content.lines().map(str::trim).filter(|line| !line.is_empty()) {
                add_vkey(&mut trusted, line)?;
            }
        }
    }
    if trusted.0.is_empty() {
        Err("no key of a log was given".into())
    } else {
        Ok(trusted)
    }
}

fn add_vkey(trusted: &mut Trusted, vkey: &str) -> Result<(), String> {
    let malformed = || format!("`{}` is neither a file nor a verifier key", text::shown(vkey));
    let mut parts = vkey.splitn(3, '+');
    let (Some(origin), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(malformed());
    };
    let encoded = text::bytes(key).ok_or_else(malformed)?;
    let Some((&ED25519, key)) = encoded.split_first() else {
        return Err(malformed());
    };
    let key = LogKey::new(origin, key.try_into().map_err(|_| malformed())?)?;
    if format!("{:08x}", u32::from_be_bytes(key.id)) != id {
        return Err(format!(
            "the id in the verifier key of `{}` does not belong to it",
            text::shown(origin)
        ));
    }
    trusted.add(origin, key);
    Ok(())
}

#[derive(Deserialize)]
struct KeysJson {
    logs: BTreeMap<String, PublicKey>,
}

#[derive(Deserialize)]
struct PublicKey {
    x: String,
}

fn add_keys_json(trusted: &mut Trusted, content: &str) -> Result<(), String> {
    let keys: KeysJson =
        serde_json::from_str(content).map_err(|error| format!("not the platform's keys.json: {error}"))?;
    for (origin, PublicKey { x }) in keys.logs {
        let key = URL_SAFE_NO_PAD
            .decode(&x)
            .ok()
            .and_then(|key| key.try_into().ok());
        let key = key.ok_or_else(|| format!("the key of `{}` is not 32 bytes", text::shown(&origin)))?;
        trusted.add(&origin, LogKey::new(&origin, &key)?);
    }
    Ok(())
}
