//! What the process trusts, from ConfigMap `dmp-trust`: the platform's public keys and CAs, re-read when they change.
//!
//! The operator writes it (`docs/interfaces.md`). A new content that cannot be read leaves the old in force.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::problem::Chain;
use crate::tls::{TlsError, certificates, roots, roots_of_file};
use crate::token::{PublicKey, TokenError, Verifier};

const POLL: Duration = Duration::from_secs(2);

/// `keys.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Keys {
    /// Sign the platform's tokens.
    pub token: Vec<PublicKey>,
    /// Sign the facts stream.
    pub facts: Vec<PublicKey>,
    /// Sign checkpoints, by log origin.
    pub logs: BTreeMap<String, PublicKey>,
    /// Sign the log-ins of invented people; for the gateway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sandbox: Vec<PublicKey>,
}

/// One state of the trust directory.
pub struct Trust {
    pub verifier: Verifier,
    pub keys: Keys,
    /// `ca.crt`.
    pub root_ca: RootCertStore,
    /// `solutions-ca.crt`: what the public listener trusts.
    pub solutions_ca: RootCertStore,
    /// The same, as certificates: for software that asks.
    pub solutions_ca_certificates: Vec<CertificateDer<'static>>,
}

#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("cannot read `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{path}` is not what the operator writes")]
    Keys {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("a key of `keys.json` is not usable")]
    Key(#[from] TokenError),
    #[error(transparent)]
    Ca(#[from] TlsError),
}

/// The trust directory in force. A clone follows the same directory.
#[derive(Clone)]
pub struct TrustBundle(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    issuer: String,
    current: ArcSwap<Trust>,
}

impl TrustBundle {
    /// Reads `ca.crt`, `solutions-ca.crt` and `keys.json`; `issuer` is `iss` of the platform's tokens.
    ///
    /// # Errors
    /// Names the file that is missing or wrong.
    pub fn load(directory: &Path, issuer: &str) -> Result<Self, TrustError> {
        let current = ArcSwap::from_pointee(Trust::read(directory, issuer)?);
        Ok(Self(Arc::new(Inner {
            directory: directory.to_owned(),
            issuer: issuer.to_owned(),
            current,
        })))
    }

    pub fn current(&self) -> Arc<Trust> {
        self.0.current.load_full()
    }

    /// Looks every 2 s for a change of the directory (the kubelet swaps a symlink), until `shutdown`.
    pub async fn watch(self, shutdown: CancellationToken) {
        let mut seen = self.0.fingerprint();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(POLL) => {}
            }
            let now = self.0.fingerprint();
            if now != seen {
                seen = now;
                self.reload();
            }
        }
    }

    fn reload(&self) {
        match Trust::read(&self.0.directory, &self.0.issuer) {
            Ok(trust) => {
                self.0.current.store(Arc::new(trust));
                tracing::info!("trust directory changed and read");
            }
            Err(error) => {
                tracing::error!(error = %Chain(&error), "trust directory not readable, the old content stays")
            }
        }
    }
}

impl Inner {
    /// The files are small: their content is the fingerprint, times may lie.
    fn fingerprint(&self) -> [Option<Vec<u8>>; 3] {
        ["keys.json", "ca.crt", "solutions-ca.crt"].map(|name| std::fs::read(self.directory.join(name)).ok())
    }
}

impl Trust {
    fn read(directory: &Path, issuer: &str) -> Result<Self, TrustError> {
        let path = directory.join("keys.json");
        let bytes = std::fs::read(&path).map_err(|source| TrustError::Read {
            path: path.clone(),
            source,
        })?;
        let keys: Keys =
            serde_json::from_slice(&bytes).map_err(|source| TrustError::Keys { path, source })?;
        let solutions = certificates(&directory.join("solutions-ca.crt"))?;
        Ok(Self {
            verifier: Verifier::new(&keys.token, issuer)?,
            root_ca: roots_of_file(&directory.join("ca.crt"))?,
            solutions_ca: roots(solutions.iter().cloned())?,
            solutions_ca_certificates: solutions,
            keys,
        })
    }
}
