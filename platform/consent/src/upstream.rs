//! The one call this service makes: the patient's pseudonyms, from the registry.

use dmp_client::registry::{ResolveAnswer, ResolveRequest};
use dmp_core::correlation::{self, Correlation};
use dmp_core::ids::{PatientId, Pseudonym};
use dmp_core::problem::Problem;
use dmp_core::tls::{Identity, TlsError};
use http::StatusCode;

/// The registry, over mTLS with the identity of the moment.
pub(crate) struct Registry {
    http: reqwest::Client,
    resolve: String,
}

/// A patient in the two domains this service speaks of.
#[derive(Clone, Copy)]
pub(crate) struct Pseudonyms {
    pub(crate) own: Pseudonym,
    pub(crate) audit: Pseudonym,
}

#[derive(Debug, thiserror::Error)]
enum RegistryError {
    #[error("no answer")]
    Transport(#[source] reqwest::Error),
    #[error("the answer has status {0}")]
    Status(StatusCode),
    #[error("the answer has no pseudonym of the audit domain")]
    NoAudit,
}

impl Registry {
    pub(crate) fn new(identity: &Identity, url: &str) -> Result<Self, TlsError> {
        let resolve = format!("{}/v1/resolve", url.trim_end_matches('/'));
        Ok(Self {
            http: identity.http_client()?,
            resolve,
        })
    }

    /// The patient's pseudonyms; `None` when the registry knows no such patient in the caller's realm.
    ///
    /// # Errors
    /// 503 `registry-unavailable`.
    pub(crate) async fn resolve(
        &self,
        patient: PatientId,
        realm: Option<&str>,
        correlation: Correlation,
    ) -> Result<Option<Pseudonyms>, Problem> {
        let realm = realm.map(str::to_owned);
        self.call(&ResolveRequest { patient, realm }, correlation)
            .await
            .map_err(|error| Problem::unavailable("registry-unavailable", &error))
    }

    async fn call(
        &self,
        request: &ResolveRequest,
        correlation: Correlation,
    ) -> Result<Option<Pseudonyms>, RegistryError> {
        // The URL names no patient, and an error is stripped of it all the same.
        let transport = |error: reqwest::Error| RegistryError::Transport(error.without_url());
        let request = self
            .http
            .post(&self.resolve)
            .headers(correlation::outgoing(correlation))
            .json(request);
        let response = request.send().await.map_err(transport)?;
        match response.status() {
            StatusCode::OK => {
                let answer: ResolveAnswer = response.json().await.map_err(transport)?;
                let audit = answer.audit.ok_or(RegistryError::NoAudit)?;
                Ok(Some(Pseudonyms {
                    own: answer.own,
                    audit,
                }))
            }
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(RegistryError::Status(status)),
        }
    }
}
