//! `sys/health`, with its own reading: only the fields that decide, unknown ones ignored.

use reqwest::Method;
use serde::Deserialize;

use super::{Client, Error};

/// State of the server that answered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Health {
    pub initialized: bool,
    pub sealed: bool,
    #[serde(default)]
    pub standby: bool,
    #[serde(default)]
    pub version: String,
}

impl Health {
    /// Whether keys can be used.
    pub const fn is_ready(&self) -> bool {
        self.initialized && !self.sealed
    }
}

impl Client {
    /// Needs no token. A sealed or standby server is an answer, not an error.
    ///
    /// # Errors
    /// [`Error::Unreachable`], or [`Error::Malformed`] when something else answers at the address.
    pub async fn health(&self) -> Result<Health, Error> {
        let path = "sys/health?standbyok=true&sealedcode=200&uninitcode=200";
        let answer = self.send(None, None, Method::GET, path, None).await?;
        serde_json::from_slice(&answer.bytes).map_err(|_| Error::malformed("sys/health"))
    }
}
