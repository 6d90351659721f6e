//! Calls of the national services: who is this patient (registry), what did the patient say (consent).
//!
//! An answer that does not come is a 503 that names the part; nothing is cached and nothing assumed.

use dmp_client::consent::{FactsAnswer, FactsRequest};
use dmp_client::registry::{LocatorRequest, ResolveAnswer, ResolveRequest};
use dmp_core::correlation::{self, Correlation};
use dmp_core::ids::PatientId;
use dmp_core::problem::Problem;
use dmp_core::tls::{Identity, TlsError};
use http::StatusCode;
use serde::Serialize;

use crate::config::RecordsConfig;

/// Clients of both services, over mTLS with the identity of the moment.
pub(crate) struct Upstream {
    http: reqwest::Client,
    registry: String,
    consent: String,
}

/// A part that did not give a usable answer.
#[derive(Debug, thiserror::Error)]
enum UpstreamError {
    #[error("no answer")]
    Transport(#[source] reqwest::Error),
    #[error("the answer has status {0}")]
    Status(StatusCode),
}

impl Upstream {
    pub(crate) fn new(identity: &Identity, config: &RecordsConfig) -> Result<Self, TlsError> {
        Ok(Self {
            http: identity.http_client()?,
            registry: config.registry_url.trim_end_matches('/').to_owned(),
            consent: config.consent_url.trim_end_matches('/').to_owned(),
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
    ) -> Result<Option<ResolveAnswer>, Problem> {
        let url = format!("{}/v1/resolve", self.registry);
        let outcome = async {
            let realm = realm.map(str::to_owned);
            let response = self
                .post(&url, &ResolveRequest { patient, realm }, correlation)
                .await?;
            match response.status() {
                StatusCode::OK => response.json().await.map(Some).map_err(transport),
                StatusCode::NOT_FOUND => Ok(None),
                status => Err(UpstreamError::Status(status)),
            }
        };
        outcome
            .await
            .map_err(|error| Problem::unavailable("registry-unavailable", &error))
    }

    /// Tells the registry that this group holds something of the patient.
    ///
    /// # Errors
    /// 503 `registry-unavailable`.
    pub(crate) async fn register(
        &self,
        patient: PatientId,
        realm: Option<&str>,
        correlation: Correlation,
    ) -> Result<(), Problem> {
        let url = format!("{}/v1/locator/register", self.registry);
        let outcome = async {
            let realm = realm.map(str::to_owned);
            let response = self
                .post(&url, &LocatorRequest { patient, realm }, correlation)
                .await?;
            if response.status().is_success() {
                Ok(())
            } else {
                Err(UpstreamError::Status(response.status()))
            }
        };
        outcome
            .await
            .map_err(|error| Problem::unavailable("registry-unavailable", &error))
    }

    /// Opposition and care relation, as of now.
    ///
    /// # Errors
    /// 503 `consent-unavailable`.
    pub(crate) async fn facts(
        &self,
        request: &FactsRequest,
        correlation: Correlation,
    ) -> Result<FactsAnswer, Problem> {
        let url = format!("{}/v1/facts", self.consent);
        let outcome = async {
            let response = self.post(&url, request, correlation).await?;
            match response.status() {
                StatusCode::OK => response.json().await.map_err(transport),
                status => Err(UpstreamError::Status(status)),
            }
        };
        outcome
            .await
            .map_err(|error| Problem::unavailable("consent-unavailable", &error))
    }

    async fn post(
        &self,
        url: &str,
        body: &impl Serialize,
        correlation: Correlation,
    ) -> Result<reqwest::Response, UpstreamError> {
        let request = self
            .http
            .post(url)
            .headers(correlation::outgoing(correlation))
            .json(body);
        request.send().await.map_err(transport)
    }
}

fn transport(error: reqwest::Error) -> UpstreamError {
    UpstreamError::Transport(error.without_url())
}
