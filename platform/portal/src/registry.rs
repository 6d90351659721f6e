//! The one call to another service: a vendor's synthetic people are made in the registry.

use dmp_client::registry::{PopulationAnswer, PopulationRequest};
use dmp_core::correlation::{self, Correlation};
use dmp_core::problem::Problem;
use dmp_core::tls::{Identity, TlsError};
use http::StatusCode;

/// The registry, over mTLS with the identity of the moment; none where it is not configured.
pub(crate) struct Registry {
    http: reqwest::Client,
    population: Option<String>,
}

#[derive(Debug, thiserror::Error)]
enum RegistryError {
    #[error("no registry is configured")]
    NotConfigured,
    #[error("no answer")]
    Transport(#[source] reqwest::Error),
    #[error("the answer has status {0}")]
    Status(StatusCode),
}

impl Registry {
    pub(crate) fn new(identity: &Identity, url: Option<&str>) -> Result<Self, TlsError> {
        Ok(Self {
            http: identity.http_client()?,
            population: url.map(|url| format!("{}/v1/sandbox/population", url.trim_end_matches('/'))),
        })
    }

    /// Makes a population, or finds it there.
    ///
    /// # Errors
    /// 503 `registry-unavailable`.
    pub(crate) async fn populate(
        &self,
        request: &PopulationRequest,
        correlation: Correlation,
    ) -> Result<PopulationAnswer, Problem> {
        self.call(request, correlation)
            .await
            .map_err(|error| Problem::unavailable("registry-unavailable", &error))
    }

    async fn call(
        &self,
        request: &PopulationRequest,
        correlation: Correlation,
    ) -> Result<PopulationAnswer, RegistryError> {
        let transport = |error: reqwest::Error| RegistryError::Transport(error.without_url());
        let url = self.population.as_ref().ok_or(RegistryError::NotConfigured)?;
        let request = self
            .http
            .post(url)
            .headers(correlation::outgoing(correlation))
            .json(request);
        let response = request.send().await.map_err(transport)?;
        match response.status() {
            StatusCode::OK => response.json().await.map_err(transport),
            status => Err(RegistryError::Status(status)),
        }
    }
}
