//! The public keys of the issuers people log in at: fetched over HTTPS, cached, followed when they rotate.
//!
//! A key set is renewed when it is older than [`REFRESH_AFTER`] and refused when older than [`MAX_AGE`]; an unknown
//! `kid` asks again at once, but not more often than every [`RETRY_AFTER`] per issuer, so that a flood of invented
//! key ids does not become a flood of requests to the issuer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use dmp_client::facts::Issuer;
use jsonwebtoken::jwk::{Jwk, JwkSet};

/// Age at which a key set is fetched again.
pub const REFRESH_AFTER: Duration = Duration::from_secs(300);
/// Age at which a key set that could not be renewed is no longer believed.
pub const MAX_AGE: Duration = Duration::from_secs(3600);
/// The shortest time between two fetches from one issuer.
pub const RETRY_AFTER: Duration = Duration::from_secs(5);

const MAX_BYTES: usize = 256 * 1024;
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    #[error("issuer `{0}` and its keys must be https URLs")]
    NotHttps(String),
    #[error("the CA given for issuer `{issuer}` is not usable")]
    Ca {
        issuer: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("cannot fetch the keys of issuer `{issuer}`")]
    Fetch {
        issuer: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("issuer `{issuer}` answered {status} instead of its keys")]
    Status { issuer: String, status: u16 },
    #[error("the answer of issuer `{issuer}` is not what it should be: {what}")]
    Content { issuer: String, what: &'static str },
    #[error("the keys of issuer `{0}` could not be fetched lately; the next attempt waits")]
    Waiting(String),
    #[error("issuer `{0}` has no such key")]
    UnknownKey(String),
}

/// Cached key sets by issuer URL.
#[derive(Default)]
pub struct Jwks {
    issuers: Mutex<HashMap<String, Arc<Keys>>>,
}

struct Keys {
    /// The issuer as the facts described it: another description, other keys.
    issuer: Issuer,
    held: ArcSwapOption<Held>,
    /// When a fetch was last tried; the lock lets one request fetch and the others wait for it.
    tried: tokio::sync::Mutex<Option<Instant>>,
}

struct Held {
    keys: JwkSet,
    fetched: Instant,
}

impl Jwks {
    /// The key `kid` of `issuer`.
    ///
    /// # Errors
    /// [`JwksError`]; no key is ever taken from the token itself.
    pub async fn key(&self, issuer: &Issuer, kid: &str) -> Result<Jwk, JwksError> {
        self.of(issuer).key(kid).await
    }

    fn of(&self, issuer: &Issuer) -> Arc<Keys> {
        let mut issuers = self.issuers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = issuers.get(&issuer.url).filter(|keys| keys.issuer == *issuer) {
            return Arc::clone(keys);
        }
        let keys = Arc::new(Keys {
            issuer: issuer.clone(),
            held: ArcSwapOption::empty(),
            tried: tokio::sync::Mutex::new(None),
        });
        issuers.insert(issuer.url.clone(), Arc::clone(&keys));
        keys
    }
}

impl Keys {
    async fn key(&self, kid: &str) -> Result<Jwk, JwksError> {
        if let Some(key) = self.find(kid, REFRESH_AFTER) {
            return Ok(key);
        }
        let mut tried = self.tried.lock().await;
        if let Some(key) = self.find(kid, REFRESH_AFTER) {
            return Ok(key);
        }
        if tried.is_none_or(|tried| tried.elapsed() >= RETRY_AFTER) {
            *tried = Some(Instant::now());
            match fetch(&self.issuer).await {
                Ok(keys) => self.held.store(Some(Arc::new(Held {
                    keys,
                    fetched: Instant::now(),
                }))),
                Err(error) => {
                    tracing::warn!(issuer = self.issuer.url, error = %chain(&error), "issuer keys not fetched");
                    return self.find(kid, MAX_AGE).ok_or(error);
                }
            }
        }
        let url = || self.issuer.url.clone();
        match (self.find(kid, MAX_AGE), self.held.load().is_some()) {
            (Some(key), _) => Ok(key),
            (None, true) => Err(JwksError::UnknownKey(url())),
            (None, false) => Err(JwksError::Waiting(url())),
        }
    }

    fn find(&self, kid: &str, max_age: Duration) -> Option<Jwk> {
        let held = self.held.load();
        let held = held.as_deref().filter(|held| held.fetched.elapsed() < max_age)?;
        held.keys
            .keys
            .iter()
            .find(|key| key.common.key_id.as_deref() == Some(kid))
            .cloned()
    }
}

async fn fetch(issuer: &Issuer) -> Result<JwkSet, JwksError> {
    let client = client(issuer)?;
    let url = match &issuer.jwks {
        Some(url) => url.clone(),
        None => discover(&client, issuer).await?,
    };
    let bytes = get(&client, issuer, &url).await?;
    parse(issuer, &bytes)
}

/// Keeps the keys this crate knows how to use; a set may hold others (a new algorithm must not close the door).
fn parse(issuer: &Issuer, bytes: &[u8]) -> Result<JwkSet, JwksError> {
    #[derive(serde::Deserialize)]
    struct Loose {
        keys: Vec<serde_json::Value>,
    }
    let loose: Loose = serde_json::from_slice(bytes).map_err(|_| content(issuer, "not a JWK set"))?;
    let keys = loose
        .keys
        .into_iter()
        .filter_map(|key| serde_json::from_value::<Jwk>(key).ok())
        .collect();
    Ok(JwkSet { keys })
}

/// OpenID Connect Discovery 1.0: the document must speak of this very issuer.
async fn discover(client: &reqwest::Client, issuer: &Issuer) -> Result<String, JwksError> {
    #[derive(serde::Deserialize)]
    struct Discovery {
        issuer: String,
        jwks_uri: String,
    }
    let url = format!(
        "{}/.well-known/openid-configuration",
        issuer.url.trim_end_matches('/')
    );
    let bytes = get(client, issuer, &url).await?;
    let found: Discovery =
        serde_json::from_slice(&bytes).map_err(|_| content(issuer, "not a discovery document"))?;
    if found.issuer != issuer.url {
        return Err(content(issuer, "a discovery document of another issuer"));
    }
    Ok(found.jwks_uri)
}

fn client(issuer: &Issuer) -> Result<reqwest::Client, JwksError> {
    let ca = |source| JwksError::Ca {
        issuer: issuer.url.clone(),
        source,
    };
    let mut builder = reqwest::Client::builder()
        .https_only(true)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(FETCH_TIMEOUT);
    if let Some(pem) = &issuer.ca {
        let roots = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(ca)?;
        builder = builder.tls_certs_only(roots);
    }
    builder.build().map_err(ca)
}

async fn get(client: &reqwest::Client, issuer: &Issuer, url: &str) -> Result<Vec<u8>, JwksError> {
    if !url.starts_with("https://") {
        return Err(JwksError::NotHttps(issuer.url.clone()));
    }
    let failed = |source| JwksError::Fetch {
        issuer: issuer.url.clone(),
        source,
    };
    let mut response = client.get(url).send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(JwksError::Status {
            issuer: issuer.url.clone(),
            status: response.status().as_u16(),
        });
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_BYTES {
            return Err(content(issuer, "longer than 256 KiB"));
        }
    }
    Ok(bytes)
}

fn content(issuer: &Issuer, what: &'static str) -> JwksError {
    JwksError::Content {
        issuer: issuer.url.clone(),
        what,
    }
}

/// The error and its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
