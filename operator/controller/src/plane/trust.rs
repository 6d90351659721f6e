//! ConfigMap `dmp-trust`: CAs and public keys that a service believes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dmp_core::token::PublicKey;
use dmp_core::trust::Keys;
use dmp_keys::openbao::VersionedKey;
use serde_json::json;

use super::{Object, config_map, digest};

/// Its keys, as files under `/etc/dmp/trust`.
pub const FILES: [&str; 4] = ["ca.crt", "solutions-ca.crt", "openbao-ca.crt", "keys.json"];

/// What OpenBao publishes: the CAs (PEM) and the public keys of the platform.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Root CA of the platform.
    pub ca: String,
    /// Intermediate that signs solutions' certificates.
    pub solutions_ca: String,
    /// CA of OpenBao's own listener.
    pub openbao_ca: String,
    pub token: Vec<PublicKey>,
    pub facts: Vec<PublicKey>,
    /// Sign labels and the catalogue: no service verifies them, who exports the file does.
    pub label: Vec<PublicKey>,
    /// Sign the log-ins of invented people: the gateway verifies them.
    pub sandbox: Vec<PublicKey>,
    /// By log origin.
    pub logs: BTreeMap<String, PublicKey>,
}

impl Trust {
    /// Only what a group's record store needs: not the logs of others, nor what signs for the public or for
    /// invented people.
    #[must_use]
    pub fn for_group(mut self, origin: &str, log: PublicKey) -> Self {
        self.logs = BTreeMap::from([(origin.to_owned(), log)]);
        self.label.clear();
        self.sandbox.clear();
        self
    }

    /// `keys.json`.
    pub fn keys_json(&self) -> String {
        let keys = Keys {
            token: self.token.clone(),
            facts: self.facts.clone(),
            logs: self.logs.clone(),
            sandbox: self.sandbox.clone(),
        };
        let mut keys = serde_json::to_value(&keys).unwrap_or_default();
        if !self.label.is_empty()
            && let Some(members) = keys.as_object_mut()
        {
            members.insert("label".to_owned(), json!(self.label));
        }
        keys.to_string()
    }

    /// Renders the ConfigMap.
    pub fn config_map(&self, namespace: &str, group: Option<&str>) -> Object {
        let data = json!({
            "ca.crt": self.ca,
            "solutions-ca.crt": self.solutions_ca,
            "openbao-ca.crt": self.openbao_ca,
            "keys.json": self.keys_json(),
        });
        config_map(namespace, "dmp-trust", group, data)
    }

    /// Hash of the parts that a service reads only at start. Keys are re-read by the services as they change.
    pub fn start_hash(&self) -> String {
        digest(&[&self.ca, &self.solutions_ca, &self.openbao_ca])
    }
}

/// `<key>-v<version>` and the public half, base64url.
pub fn public_key(name: &str, key: &VersionedKey) -> PublicKey {
    PublicKey {
        kid: format!("{name}-v{}", key.version),
        x: URL_SAFE_NO_PAD.encode(key.public),
    }
}
