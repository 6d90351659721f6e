//! What a verdict rests on, as it is kept: the inputs of one check, word for word, with their SHA-256 and when they were collected.
//!
//! In namespace `dmp-evidence`, one ConfigMap for each check. Nobody is kept from changing one but by rights; whoever does is found
//! out by the hash in the report, and the next pass writes it again. Names of objects, labels, rights: nothing of a person.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::collect::Observed;

/// Largest text of inputs, in bytes: an object of the API holds a mebibyte.
pub const LARGEST: usize = 900 * 1024;

/// The inputs of one check, all its scopes together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Of the ConfigMap: `dmp-net-01.policies`.
    pub name: String,
    /// JSON.
    pub text: String,
    /// Of the text, hex.
    pub sha256: String,
    pub collected_at: Timestamp,
}

impl Evidence {
    pub fn new(control: &str, check: &str, observed: &[Observed], at: Timestamp) -> Self {
        let scopes: Vec<_> = observed
            .iter()
            .map(|one| json!({ "scope": one.scope, "inputs": one.inputs }))
            .collect();
        let text = json!({ "control": control, "check": check, "observed": scopes }).to_string();
        Self {
            name: format!("{}.{check}", control.to_ascii_lowercase()),
            sha256: sha256(&text),
            text,
            collected_at: at,
        }
    }

    /// Whether an object of the API can hold it.
    pub const fn fits(&self) -> bool {
        self.text.len() <= LARGEST
    }

    /// `data` of the ConfigMap.
    pub fn data(&self) -> Value {
        json!({
            "inputs.json": self.text,
            "sha256": self.sha256,
            "collectedAt": self.collected_at.to_string(),
        })
    }
}

/// Of the text, hex.
pub fn sha256(text: &str) -> String {
    hex::encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        text.as_bytes(),
    ))
}
