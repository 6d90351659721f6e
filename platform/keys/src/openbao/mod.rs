//! A thin client of OpenBao 2.7: log-in, renewal, bounded retries, errors without secrets.
//!
//! One [`Client`] speaks to one namespace with one log-in. It does not know what the keys are for; the operator
//! and the installer use [`Client::request`] for mounts, policies and namespaces.

mod error;
mod metrics;
mod pki;
mod session;
mod transit;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dmp_core::config::OpenBaoConfig;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::Zeroize;

pub use error::Error;
pub use pki::{CertificateRequest, SignedCertificate};
pub use session::Auth;
pub use transit::{DataKeyAnswer, VersionedKey};

use session::Sessions;

/// The longest one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// Waits between attempts at an unavailable or busy server.
const RETRY_WAITS: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(900),
];
/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Role of a group's services in the group's own namespace (`docs/interfaces.md`).
const GROUP_ROLE: &str = "records";

/// Where OpenBao is and who logs in. Services make it from their configuration: [`Client::root`], [`Client::group`].
#[derive(Clone)]
pub struct Config {
    /// `https://openbao.dmp-system.svc:8200`.
    pub address: String,
    /// PEM of the CA of that address; nothing else is trusted.
    pub ca_file: Option<PathBuf>,
    /// OpenBao namespace of the calls; the root namespace when absent.
    pub namespace: Option<String>,
    pub auth: Auth,
}

/// One log-in in one namespace. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    address: String,
    namespace: Option<String>,
    sessions: Sessions,
}

impl Client {
    /// Nothing is called yet: the log-in happens at the first use.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the CA cannot be read or the address is neither `https` nor loopback.
    pub fn new(config: &Config) -> Result<Self, Error> {
        let url: reqwest::Url = config
            .address
            .parse()
            .map_err(|_| Error::Configuration(format!("`{}` is not an address", config.address)))?;
        let loopback = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if url.scheme() != "https" && !loopback {
            return Err(Error::Configuration(format!(
                "`{}` must be https",
                config.address
            )));
        }
        let mut certificates = Vec::new();
        if let Some(path) = &config.ca_file {
            let unreadable =
                |what: String| Error::Configuration(format!("CA file `{}`: {what}", path.display()));
            let pem = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
            certificates =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| unreadable("not PEM".into()))?;
        }
        let http = reqwest::Client::builder()
            .tls_certs_only(certificates)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(2))
            .timeout(ATTEMPT_TIMEOUT)
            .build()
            .map_err(|error| Error::Configuration(format!("HTTP client: {error}")))?;
        Ok(Self {
            inner: Arc::new(Inner {
                http,
                address: config.address.trim_end_matches('/').to_owned(),
                namespace: config.namespace.clone().filter(|name| !name.is_empty()),
                sessions: Sessions::new(config.auth.clone()),
            }),
        })
    }

    /// The service's log-in in the root namespace: certificate, audit keys, and what a national service's role permits.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn root(config: &OpenBaoConfig) -> Result<Self, Error> {
        Self::new(&Config {
            address: config.address.clone(),
            ca_file: config.ca.clone(),
            namespace: None,
            auth: (&config.auth).into(),
        })
    }

    /// A record store's log-in in its group's namespace, role `records`: patients' keys and the group's log.
    ///
    /// # Errors
    /// As [`Client::new`]; [`Error::Configuration`] when no namespace is configured.
    pub fn group(config: &OpenBaoConfig) -> Result<Self, Error> {
        let missing = || Error::Configuration("a record store needs `namespace`".to_owned());
        let namespace = config
            .namespace
            .clone()
            .filter(|name| !name.is_empty())
            .ok_or_else(missing)?;
        let mut auth = Auth::from(&config.auth);
        if let Auth::Kubernetes { role, .. } = &mut auth {
            GROUP_ROLE.clone_into(role);
        }
        let (address, ca_file) = (config.address.clone(), config.ca.clone());
        Self::new(&Config {
            address,
            ca_file,
            namespace: Some(namespace),
            auth,
        })
    }

    /// The namespace of the calls, `None` for root.
    pub fn namespace(&self) -> Option<&str> {
        self.inner.namespace.as_deref()
    }

    /// One call of the API: `path` without `/v1/`. The whole JSON answer, or `Null` when there is none (204).
    ///
    /// Logs in when needed, again after a 403 (a revoked token), and tries again a few times when the server is
    /// busy (429), unavailable (502, 503, 504) or cannot be reached.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        let answer = self.call(method, path, body).await?;
        if answer.bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.bytes).map_err(|_| Error::malformed(path))
    }

    /// As [`Client::request`], in a namespace below the client's own log-in (`None`: root).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn request_in(
        &self,
        namespace: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Error> {
        let answer = self
            .authorised(namespace, method, path, body)
            .await?
            .success(path)?;
        if answer.bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.bytes).map_err(|_| Error::malformed(path))
    }

    /// The `data` of an answer, as a type.
    pub(crate) async fn data<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, Error> {
        #[derive(Deserialize)]
        struct Envelope<T> {
            data: T,
        }
        let answer = self.call(method, path, body).await?;
        let envelope: Envelope<T> =
            serde_json::from_slice(&answer.bytes).map_err(|_| Error::malformed(path))?;
        Ok(envelope.data)
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Error> {
        self.authorised(self.inner.namespace.as_deref(), method, path, body)
            .await?
            .success(path)
    }

    /// With a valid token; once more with a new one when the first is refused.
    pub(crate) async fn authorised(
        &self,
        namespace: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Error> {
        let session = self.inner.sessions.current(self).await?;
        let answer = self
            .attempt(namespace, Some(session.token()), method.clone(), path, body)
            .await?;
        if answer.status != StatusCode::FORBIDDEN {
            return Ok(answer);
        }
        // A revoked or expired token and a missing right look alike; a fresh log-in tells them apart.
        match self.inner.sessions.replace(self, &session).await? {
            None => Ok(answer),
            Some(session) => {
                self.attempt(namespace, Some(session.token()), method, path, body)
                    .await
            }
        }
    }

    /// One call with bounded retries, whatever the status of the answer.
    pub(crate) async fn attempt(
        &self,
        namespace: Option<&str>,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Error> {
        let mut waits = RETRY_WAITS.iter();
        loop {
            let start = Instant::now();
            let outcome = self.send(namespace, token, method.clone(), path, body).await;
            metrics::call(start.elapsed(), outcome.as_ref().map(|answer| answer.status));
            let again = match &outcome {
                Ok(answer) => matches!(answer.status.as_u16(), 429 | 502..=504),
                Err(error) => error.is_unavailable(),
            };
            match waits.next() {
                Some(wait) if again => tokio::time::sleep(*wait).await,
                _ => return outcome,
            }
        }
    }

    async fn send(
        &self,
        namespace: Option<&str>,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Error> {
        let mut request = self
            .inner
            .http
            .request(method, format!("{}/v1/{path}", self.inner.address));
        request = request.header("X-Vault-Request", "true");
        if let Some(namespace) = namespace.filter(|name| !name.is_empty()) {
            request = request.header("X-Vault-Namespace", namespace);
        }
        if let Some(token) = token {
            let mut value = reqwest::header::HeaderValue::from_str(token)
                .map_err(|_| Error::Configuration("token".into()))?;
            value.set_sensitive(true);
            request = request.header("X-Vault-Token", value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(Error::unreachable)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(Error::unreachable)? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                bytes.zeroize();
                return Err(Error::malformed(path));
            }
            bytes.extend_from_slice(&chunk);
            if let Ok(mut chunk) = chunk.try_into_mut() {
                chunk.zeroize();
            }
        }
        Ok(Answer { status, bytes })
    }
}

/// Status and body; the body may hold key material and is cleared when dropped.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) bytes: Vec<u8>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl Answer {
    fn success(self, path: &str) -> Result<Self, Error> {
        if self.status.is_success() {
            Ok(self)
        } else {
            Err(Error::rejected(path, self.status, &self.bytes))
        }
    }
}

#[cfg(test)]
mod tests;
