//! What the operator does in OpenBao: a group's key space out of pinned texts, public keys, signatures of certificates.
//!
//! Every call is idempotent and most are reads: a second reconcile changes nothing. The operator's own policy allows
//! exactly these bodies (`dmp_api::openbao`), so that a changed operator could not give itself another right.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dmp_api::openbao as pinned;
use dmp_client::sandbox;
use dmp_core::ids::GroupName;
use dmp_core::token::PublicKey;
use dmp_keys::openbao::{CertificateRequest, Client, Error, SignedCertificate};
use http::Method;
use serde_json::{Value, json};

use crate::label_key;
use crate::plane::trust::{Trust, public_key};

/// A group's key space that was found complete is not looked at again for so long.
const RECHECK: Duration = Duration::from_secs(300);
/// CAs and public keys of the platform are asked for again after so long: every pass of every group wants them.
const FRESH: Duration = Duration::from_secs(10);

/// OpenBao, as the operator uses it. A clone is the same.
#[derive(Clone)]
pub struct OpenBao {
    client: Client,
    /// PEM of OpenBao's own CA.
    ca: Arc<str>,
    complete: Arc<Mutex<HashMap<String, Instant>>>,
    trust: Cache<Trust>,
    logs: Cache<PublicKey>,
    label: Cache<Vec<PublicKey>>,
}

/// Answers by what was asked, with the time. A clone is the same.
type Cache<T> = Arc<Mutex<HashMap<String, (Instant, T)>>>;

fn cached<T: Clone>(cache: &Cache<T>, key: &str, age: Duration) -> Option<T> {
    let cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    let (at, value) = cache.get(key)?;
    (at.elapsed() < age).then(|| value.clone())
}

fn remember<T>(cache: &Cache<T>, key: &str, value: T) {
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    cache.insert(key.to_owned(), (Instant::now(), value));
}

impl OpenBao {
    pub fn new(client: Client, ca: &str) -> Self {
        Self {
            client,
            ca: ca.into(),
            complete: Arc::default(),
            trust: Cache::default(),
            logs: Cache::default(),
            label: Cache::default(),
        }
    }

    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// PEM of the CA of OpenBao's listener.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// CAs and public keys of the national plane; logs by `origins` (transit key, log origin).
    ///
    /// # Errors
    /// When OpenBao cannot be reached, or a key is missing (the installation has not finished).
    pub async fn trust(&self, origins: &[(&str, String)]) -> Result<Trust, Error> {
        let asked: Vec<&str> = origins.iter().map(|(_, origin)| origin.as_str()).collect();
        let asked = asked.join(" ");
        if let Some(trust) = cached(&self.trust, &asked, FRESH) {
            return Ok(trust);
        }
        let mut trust = Trust {
            ca: last_certificate(&self.certificate("pki-services/cert/ca_chain").await?).to_owned(),
            solutions_ca: self.certificate("pki-solutions/cert/ca").await?,
            openbao_ca: self.ca.to_string(),
            token: self.keys("token").await?,
            facts: self.keys("facts").await?,
            label: self.label_keys().await?,
            sandbox: self.younger_keys(sandbox::KEY).await?,
            ..Trust::default()
        };
        for (key, origin) in origins {
            if let Some(newest) = self.keys(key).await?.pop() {
                trust.logs.insert(origin.clone(), newest);
            }
        }
        remember(&self.trust, &asked, trust.clone());
        Ok(trust)
    }

    /// Public halves of the key `label`, oldest first; none on an installation that is older than the key.
    ///
    /// # Errors
    /// When OpenBao cannot be reached.
    pub async fn label_keys(&self) -> Result<Vec<PublicKey>, Error> {
        if let Some(keys) = cached(&self.label, label_key::NAME, FRESH) {
            return Ok(keys);
        }
        let keys = self.younger_keys(label_key::NAME).await?;
        remember(&self.label, label_key::NAME, keys.clone());
        Ok(keys)
    }

    /// Public halves of a key that an older installation does not have: then none.
    async fn younger_keys(&self, name: &str) -> Result<Vec<PublicKey>, Error> {
        match self.keys(name).await {
            Err(error) if is_absent(&error) || matches!(error, Error::Forbidden { .. }) => Ok(Vec::new()),
            keys => keys,
        }
    }

    async fn keys(&self, name: &str) -> Result<Vec<PublicKey>, Error> {
        let keys = self.client.public_keys(name).await?;
        Ok(keys.iter().map(|key| public_key(name, key)).collect())
    }

    /// PEM published by a PKI mount.
    async fn certificate(&self, path: &str) -> Result<String, Error> {
        let answer = self.client.request(Method::GET, path, None).await?;
        answer
            .pointer("/data/certificate")
            .and_then(Value::as_str)
            .map(|pem| format!("{}\n", pem.trim()))
            .ok_or_else(|| Error::Malformed {
                path: path.to_owned(),
            })
    }

    /// The public key of a group's log; `None` while the group has no key space. One that was seen is not asked for
    /// again for some minutes.
    ///
    /// # Errors
    /// When OpenBao cannot be reached or refuses.
    pub async fn group_log_key(&self, group: &GroupName) -> Result<Option<PublicKey>, Error> {
        if let Some(key) = cached(&self.logs, group.as_str(), RECHECK) {
            return Ok(Some(key));
        }
        let namespace = group.openbao_namespace();
        let answer = match self
            .client
            .request_in(Some(&namespace), Method::GET, "transit/keys/log", None)
            .await
        {
            Ok(answer) => answer,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let key = newest_key("log", &answer).ok_or_else(|| Error::Malformed {
            path: "transit/keys/log".to_owned(),
        })?;
        remember(&self.logs, group.as_str(), key.clone());
        Ok(Some(key))
    }

    /// Makes a group's key space complete: namespace, transit keys, policy, log-in roles.
    ///
    /// # Errors
    /// When OpenBao cannot be reached or refuses; running it again continues.
    pub async fn ensure_group(&self, group: &GroupName) -> Result<(), Error> {
        let recent = |at: &Instant| at.elapsed() < RECHECK;
        if self.complete().get(group.as_str()).is_some_and(recent) {
            return Ok(());
        }
        let namespace = group.openbao_namespace();
        let kubernetes = group.namespace();
        let inside = Some(namespace.as_str());
        self.ensure(None, &format!("sys/namespaces/{namespace}"), &json!({}), |_| true)
            .await?;
        self.mount(inside, "sys/mounts/transit", &json!({ "type": "transit" }))
            .await?;
        // The wrapping key may be made but not read; making it again changes nothing.
        self.client
            .request_in(inside, Method::POST, "transit/keys/kek", Some(&pinned::kek_key()))
            .await?;
        self.ensure(inside, "transit/keys/log", &pinned::log_key(), |_| true)
            .await?;
        self.mount(inside, "sys/auth/kubernetes", &json!({ "type": "kubernetes" }))
            .await?;
        let config = pinned::kubernetes_config();
        self.ensure(inside, "auth/kubernetes/config", &config, |now| {
            now.get("kubernetes_host") == config.get("kubernetes_host")
        })
        .await?;
        let policy = json!({ "policy": pinned::RECORDS_POLICY });
        let path = format!("sys/policies/acl/{}", pinned::RECORDS_POLICY_NAME);
        self.ensure(inside, &path, &policy, |now| {
            now.get("policy") == policy.get("policy")
        })
        .await?;
        let role = pinned::group_role(&kubernetes);
        self.ensure(inside, "auth/kubernetes/role/records", &role, |now| {
            role_is(now, &role)
        })
        .await?;
        let role = pinned::root_role(&kubernetes);
        let path = format!("auth/kubernetes/role/{}", pinned::root_role_name(&kubernetes));
        self.ensure(None, &path, &role, |now| role_is(now, &role)).await?;
        self.complete().insert(group.as_str().to_owned(), Instant::now());
        Ok(())
    }

    fn complete(&self) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
        self.complete.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes `body` unless what is there satisfies `same`.
    async fn ensure(
        &self,
        namespace: Option<&str>,
        path: &str,
        body: &Value,
        same: impl Fn(&Value) -> bool,
    ) -> Result<(), Error> {
        match self.client.request_in(namespace, Method::GET, path, None).await {
            Ok(answer) if answer.get("data").is_some_and(&same) => return Ok(()),
            Ok(_) => {}
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(error),
        }
        self.client
            .request_in(namespace, Method::POST, path, Some(body))
            .await
            .map(|_| ())
    }

    /// A mount that exists already answers 400 to its creation, and so does a read of one that does not exist.
    async fn mount(&self, namespace: Option<&str>, path: &str, body: &Value) -> Result<(), Error> {
        if self
            .client
            .request_in(namespace, Method::GET, path, None)
            .await
            .is_ok()
        {
            return Ok(());
        }
        match self
            .client
            .request_in(namespace, Method::POST, path, Some(body))
            .await
        {
            Err(Error::Rejected {
                status: 400, text, ..
            }) if text.contains("already in use") => Ok(()),
            outcome => outcome.map(|_| ()),
        }
    }

    /// A certificate for a solution's CSR under `uri`.
    ///
    /// # Errors
    /// `Rejected` when OpenBao does not accept the CSR.
    pub async fn sign_solution(&self, csr: &str, uri: &str, ttl: &str) -> Result<SignedCertificate, Error> {
        let request = CertificateRequest {
            csr: csr.to_owned(),
            uri_sans: vec![uri.to_owned()],
            ttl: ttl.to_owned(),
            serial_number: None,
            ..CertificateRequest::default()
        };
        self.client
            .sign_certificate("pki-solutions", "solution", &request)
            .await
    }
}

impl OpenBao {
    /// Puts a certificate of a solution (PEM) on the revocation list of its CA; one that is there stays.
    ///
    /// # Errors
    /// `Forbidden` when the operator's policy is from before the list; when OpenBao cannot be reached or refuses.
    pub async fn revoke_solution(&self, certificate: &str) -> Result<(), Error> {
        let body = json!({ "certificate": certificate });
        self.client
            .request(Method::POST, "pki-solutions/revoke", Some(&body))
            .await
            .map(|_| ())
    }
}

/// OpenBao answers 404 for an absent object, 400 for an absent mount or key, depending on the path.
pub(crate) fn is_absent(error: &Error) -> bool {
    error.is_not_found() || matches!(error, Error::Rejected { status: 400, .. })
}

/// Whether a role, as OpenBao reads it back (lists, seconds), is the one that was written (texts).
fn role_is(now: &Value, wanted: &Value) -> bool {
    let text = |value: Option<&Value>| match value {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Array(items)) => match items.as_slice() {
            [Value::String(text)] => Some(text.clone()),
            _ => None,
        },
        _ => None,
    };
    [
        "bound_service_account_names",
        "bound_service_account_namespaces",
        "audience",
        "token_policies",
    ]
    .iter()
    .all(|field| text(now.get(field)) == text(wanted.get(field)))
        && now.get("token_ttl").and_then(Value::as_i64) == Some(3600)
        && now.get("token_max_ttl").and_then(Value::as_i64) == Some(86400)
}

/// The newest version of a transit key's public half, from the answer to its read.
fn newest_key(name: &str, answer: &Value) -> Option<PublicKey> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let (version, key) = answer
        .pointer("/data/keys")?
        .as_object()?
        .iter()
        .filter_map(|(version, key)| Some((version.parse::<u32>().ok()?, key)))
        .max_by_key(|(version, _)| *version)?;
    let public: [u8; 32] = STANDARD
        .decode(key.get("public_key")?.as_str()?)
        .ok()?
        .try_into()
        .ok()?;
    Some(PublicKey {
        kid: format!("{name}-v{version}"),
        x: URL_SAFE_NO_PAD.encode(public),
    })
}

/// The last certificate of a chain: its root.
fn last_certificate(chain: &str) -> &str {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    chain
        .rfind(BEGIN)
        .and_then(|start| chain.get(start..))
        .unwrap_or(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_recognised_in_openbaos_own_form() {
        let wanted = pinned::root_role("dmp-tanger");
        let now = json!({
            "bound_service_account_names": ["records"], "bound_service_account_namespaces": ["dmp-tanger"],
            "audience": "openbao", "token_policies": ["service"], "token_ttl": 3600, "token_max_ttl": 86400,
            "token_type": "default",
        });
        assert!(role_is(&now, &wanted));
        let mut wider = now.clone();
        wider["bound_service_account_namespaces"] = json!(["dmp-tanger", "default"]);
        assert!(!role_is(&wider, &wanted));
        let mut stronger = now;
        stronger["token_policies"] = json!(["operator"]);
        assert!(!role_is(&stronger, &wanted));
    }

    #[test]
    fn the_root_is_the_last_of_the_chain() {
        let chain = "-----BEGIN CERTIFICATE-----\na\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nb\n-----END CERTIFICATE-----\n";
        assert!(last_certificate(chain).contains("\nb\n") && !last_certificate(chain).contains("\na\n"));
    }
}
