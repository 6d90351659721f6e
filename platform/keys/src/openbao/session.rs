//! The client's token: log-in, renewal before its end, a new one after it was refused.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dmp_core::config::OpenBaoAuth;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::error::error_text;
use super::{Client, Error};
use crate::secret::Secret;

/// A refused call leads to a new log-in at most this often, so that a missing right does not flood the server.
const RELOGIN_INTERVAL: Duration = Duration::from_secs(1);

/// Mount of the auth method.
const KUBERNETES: &str = "kubernetes";

/// How the process proves who it is.
#[derive(Clone, Debug)]
pub enum Auth {
    /// The projected ServiceAccount token of the pod, read anew at each log-in.
    Kubernetes {
        role: String,
        token_file: PathBuf,
        /// Namespace of the auth method; the client's own when absent, root when empty.
        namespace: Option<String>,
    },
    /// An OpenBao token in a file (installer, tests), read anew at each log-in.
    TokenFile { path: PathBuf },
}

impl From<&OpenBaoAuth> for Auth {
    fn from(auth: &OpenBaoAuth) -> Self {
        match auth.clone() {
            OpenBaoAuth::Kubernetes { role, token_path } => Self::Kubernetes {
                role,
                token_file: token_path,
                namespace: None,
            },
            OpenBaoAuth::TokenFile { path } => Self::TokenFile { path },
        }
    }
}

/// A token and how long it lives.
pub(crate) struct Session {
    token: Secret,
    since: Instant,
    /// `None`: without end (a root or orphan token from a file).
    lease: Option<Duration>,
    renewable: bool,
}

impl Session {
    pub(crate) fn token(&self) -> &str {
        self.token.expose()
    }

    /// Two thirds of the lease are over.
    fn is_old(&self) -> bool {
        self.lease
            .is_some_and(|lease| self.since.elapsed() >= lease.mul_f64(2.0 / 3.0))
    }

    fn is_over(&self) -> bool {
        self.lease.is_some_and(|lease| self.since.elapsed() >= lease)
    }
}

/// The one current session of a client.
pub(crate) struct Sessions {
    auth: Auth,
    current: Mutex<Option<Arc<Session>>>,
}

#[derive(Deserialize)]
struct LogInAnswer {
    auth: LogIn,
}

#[derive(Deserialize)]
struct LogIn {
    client_token: Secret,
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
}

impl From<LogIn> for Session {
    fn from(log_in: LogIn) -> Self {
        Self {
            token: log_in.client_token,
            since: Instant::now(),
            lease: (log_in.lease_duration > 0).then(|| Duration::from_secs(log_in.lease_duration)),
            renewable: log_in.renewable,
        }
    }
}

impl Sessions {
    pub(crate) fn new(auth: Auth) -> Self {
        Self {
            auth,
            current: Mutex::new(None),
        }
    }

    /// A token that is valid as far as known here; renewed, or taken anew, when it gets old.
    pub(crate) async fn current(&self, client: &Client) -> Result<Arc<Session>, Error> {
        let mut current = self.current.lock().await;
        if let Some(session) = current.as_ref() {
            if !session.is_old() {
                return Ok(Arc::clone(session));
            }
            match self.renew(client, session).await {
                Ok(renewed) => return Ok(Arc::clone(current.insert(renewed))),
                // The old one still works for a third of its life: better than an error.
                Err(error) if error.is_unavailable() && !session.is_over() => return Ok(Arc::clone(session)),
                Err(_) => {}
            }
        }
        let session = Arc::new(self.log_in(client).await?);
        Ok(Arc::clone(current.insert(session)))
    }

    /// A new session in place of a refused one; `None` when the refused one is so young that its token is not
    /// the reason, or when another caller's new one was refused just as well.
    pub(crate) async fn replace(
        &self,
        client: &Client,
        refused: &Arc<Session>,
    ) -> Result<Option<Arc<Session>>, Error> {
        let mut current = self.current.lock().await;
        if let Some(session) = current.as_ref().filter(|session| !Arc::ptr_eq(session, refused)) {
            return Ok(Some(Arc::clone(session)));
        }
        if refused.since.elapsed() < RELOGIN_INTERVAL {
            return Ok(None);
        }
        let session = Arc::new(self.log_in(client).await?);
        Ok(Some(Arc::clone(current.insert(session))))
    }

    async fn renew(&self, client: &Client, session: &Session) -> Result<Arc<Session>, Error> {
        if !session.renewable {
            return Err(Error::malformed("auth/token/renew-self"));
        }
        let path = "auth/token/renew-self";
        let answer = client
            .attempt(
                client.login_namespace(&self.auth),
                Some(session.token()),
                Method::POST,
                path,
                Some(&json!({})),
            )
            .await?
            .success(path)?;
        let answer: LogInAnswer =
            serde_json::from_slice(&answer.bytes).map_err(|_| Error::malformed(path))?;
        let renewed = Session::from(answer.auth);
        // At its maximum age a token is "renewed" for a shorter and shorter time: log in anew then.
        match (renewed.lease, session.lease) {
            (Some(new), Some(old)) if new < old / 2 => Err(Error::malformed(path)),
            _ => Ok(Arc::new(renewed)),
        }
    }

    async fn log_in(&self, client: &Client) -> Result<Session, Error> {
        match &self.auth {
            Auth::TokenFile { path } => {
                let token = read_token(path).await?;
                let path = "auth/token/lookup-self";
                let answer = client
                    .attempt(client.namespace(), Some(token.expose()), Method::GET, path, None)
                    .await?;
                let unlimited = Session {
                    token,
                    since: Instant::now(),
                    lease: None,
                    renewable: false,
                };
                // A token without the right to look at itself is used as it is.
                if !answer.status.is_success() {
                    return Ok(unlimited);
                }
                let look: TokenLookup =
                    serde_json::from_slice(&answer.bytes).map_err(|_| Error::malformed(path))?;
                let lease = (look.data.ttl > 0).then(|| Duration::from_secs(look.data.ttl));
                Ok(Session {
                    lease,
                    renewable: look.data.renewable,
                    ..unlimited
                })
            }
            Auth::Kubernetes { role, token_file, .. } => {
                let jwt = read_token(token_file).await?;
                let path = format!("auth/{KUBERNETES}/login");
                let mut body = json!({ "role": role, "jwt": jwt.expose() });
                let answer = client
                    .attempt(
                        client.login_namespace(&self.auth),
                        None,
                        Method::POST,
                        &path,
                        Some(&body),
                    )
                    .await;
                if let Some(serde_json::Value::String(jwt)) = body.get_mut("jwt") {
                    zeroize::Zeroize::zeroize(jwt);
                }
                let answer = answer?;
                if matches!(answer.status.as_u16(), 400 | 401 | 403 | 404) {
                    return Err(Error::LogIn {
                        role: role.clone(),
                        text: error_text(&answer.bytes),
                    });
                }
                let answer = answer.success(&path)?;
                let answer: LogInAnswer =
                    serde_json::from_slice(&answer.bytes).map_err(|_| Error::malformed(&path))?;
                Ok(answer.auth.into())
            }
        }
    }
}

impl Client {
    /// The namespace in which the log-in happens (and its token is renewed).
    fn login_namespace<'a>(&'a self, auth: &'a Auth) -> Option<&'a str> {
        match auth {
            Auth::Kubernetes {
                namespace: Some(namespace),
                ..
            } => Some(namespace),
            _ => self.namespace(),
        }
    }
}

#[derive(Deserialize)]
struct TokenLookup {
    data: TokenData,
}

#[derive(Deserialize)]
struct TokenData {
    #[serde(default)]
    ttl: u64,
    #[serde(default)]
    renewable: bool,
}

async fn read_token(path: &std::path::Path) -> Result<Secret, Error> {
    let text = tokio::fs::read_to_string(path)
        .await
        .map(Secret::new)
        .map_err(|source| Error::TokenFile {
            path: path.display().to_string(),
            source,
        })?;
    Ok(Secret::new(text.expose().trim().to_owned()))
}
