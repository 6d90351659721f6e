//! Asks the registry for a patient's pseudonym in the audit domain.

use dmp_client::registry::{ResolveAnswer, ResolveRequest};
use dmp_core::correlation::{self, Correlation};
use dmp_core::ids::{PatientId, Pseudonym};
use http::StatusCode;

#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("the registry does not answer")]
    Http(#[from] reqwest::Error),
    #[error("the registry answers {0}")]
    Status(StatusCode),
}

#[derive(Clone)]
pub struct Registry {
    http: reqwest::Client,
    url: String,
}

impl Registry {
    pub fn new(http: reqwest::Client, url: &str) -> Self {
        Self {
            http,
            url: format!("{}/v1/resolve", url.trim_end_matches('/')),
        }
    }

    /// The pseudonym; none when the registry knows no such patient in the caller's realm.
    pub async fn resolve(
        &self,
        patient: PatientId,
        realm: Option<&str>,
        correlation: Correlation,
    ) -> Result<Option<Pseudonym>, RegistryError> {
        let answer = self
            .http
            .post(&self.url)
            .headers(correlation::outgoing(correlation))
            .json(&ResolveRequest {
                patient,
                realm: realm.map(str::to_owned),
            })
            .send()
            .await?;
        match answer.status() {
            StatusCode::OK => Ok(Some(answer.json::<ResolveAnswer>().await?.own)),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(RegistryError::Status(status)),
        }
    }
}
