//! Asks the registry for a patient's pseudonym in the audit domain, and who is behind some for a group that must tell them.

use dmp_client::registry::{IdentifyAnswer, IdentifyRequest, ResolveAnswer, ResolveRequest};
use dmp_core::correlation::{self, Correlation};
use dmp_core::ids::{GroupName, PatientId, Pseudonym};
use http::StatusCode;

#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("the registry does not answer")]
    Http(#[from] reqwest::Error),
    #[error("the registry answers {0}")]
    Status(StatusCode),
    #[error("the registry does not answer for each patient")]
    Incomplete,
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
            url: url.trim_end_matches('/').to_owned(),
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
            .post(format!("{}/v1/resolve", self.url))
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

    /// Their ids, in the order of the request; none for whom the group holds nothing of.
    pub async fn identify(
        &self,
        group: &GroupName,
        patients: Vec<Pseudonym>,
        correlation: Correlation,
    ) -> Result<Vec<Option<PatientId>>, RegistryError> {
        let asked = patients.len();
        if asked == 0 {
            return Ok(Vec::new());
        }
        let answer = self
            .http
            .post(format!("{}/v1/identify", self.url))
            .headers(correlation::outgoing(correlation))
            .json(&IdentifyRequest {
                group: group.clone(),
                patients,
            })
            .send()
            .await?;
        if answer.status() != StatusCode::OK {
            return Err(RegistryError::Status(answer.status()));
        }
        let ids = answer.json::<IdentifyAnswer>().await?.patients;
        if ids.len() == asked {
            Ok(ids)
        } else {
            Err(RegistryError::Incomplete)
        }
    }
}
