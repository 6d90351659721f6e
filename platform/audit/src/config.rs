//! The service's configuration. `[[sources]]` is rewritten by the operator as groups come and go, and re-read here.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dmp_core::config::{ConfigError, DatabaseConfig, ENV_PREFIX, ServiceConfig};
use serde::{Deserialize, Serialize};

/// `config.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub service: ServiceConfig,
    pub database: DatabaseConfig,
    #[serde(default)]
    pub audit: AuditConfig,
    /// The logs to pull. The service's own is pulled in process and not listed.
    #[serde(default)]
    pub sources: Vec<SourceConfig>,
}

/// `[audit]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// Where pseudonyms are resolved.
    pub registry_url: String,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            registry_url: "https://registry.dmp-national.svc:8443".into(),
        }
    }
}

/// One `[[sources]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// `<domain>/log/registry`, `/log/consent`, `/log/group/<group>`.
    pub origin: String,
    /// `https://<service>.<namespace>.svc:8443`.
    pub url: String,
    /// The log's Ed25519 public key: base64url without padding, as in `keys.json`.
    pub public_key: String,
}

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("the public key of log `{0}` is not 32 bytes in base64url")]
    Key(String),
    #[error("`{0}` cannot name a log")]
    Origin(String),
    #[error("log `{0}` is listed twice, or is this service's own")]
    Twice(String),
}

impl SourceConfig {
    /// # Errors
    /// [`SourceError::Key`].
    pub fn key(&self) -> Result<[u8; 32], SourceError> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.public_key).ok();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| SourceError::Key(self.origin.clone()))
    }
}

/// Reads the file and the environment.
///
/// # Errors
/// [`ConfigError`].
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    dmp_core::config::load(path, ENV_PREFIX)
}
