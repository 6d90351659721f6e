//! The question to audit whose records an incident touched. Whether who asks may, the guichet has decided ([`crate::guichet`]).

use std::time::Duration;

use dmp_client::affected::{Answer, Question, ROUTE};
use dmp_core::correlation::{self, Correlation};
use dmp_core::problem::Problem;
use dmp_core::tls::{Identity, TlsError};
use http::StatusCode;
use serde::Deserialize;

/// Audit waits two seconds for logs, then looks through a month of one.
const PATIENCE: Duration = Duration::from_secs(30);

/// Audit, over mTLS with the identity of the moment; none where it is not configured.
pub(crate) struct Affected {
    http: reqwest::Client,
    url: Option<String>,
}

#[derive(Debug, thiserror::Error)]
enum AffectedError {
    #[error("no audit is configured")]
    NotConfigured,
    #[error("no answer")]
    Transport(#[source] reqwest::Error),
    #[error("the answer has status {0}")]
    Status(StatusCode),
}

/// What is read of a refusal.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
}

impl Affected {
    pub(crate) fn new(identity: &Identity, url: Option<&str>) -> Result<Self, TlsError> {
        Ok(Self {
            http: identity.http_client()?,
            url: url.map(|url| format!("{}{ROUTE}", url.trim_end_matches('/'))),
        })
    }

    /// A page of the answer. Audit has recorded the asking by then.
    ///
    /// # Errors
    /// 404 `unknown-group`, 409 `access-index-not-ready`, 503 `audit-unavailable`.
    pub(crate) async fn ask(&self, question: &Question, correlation: Correlation) -> Result<Answer, Problem> {
        let unavailable = |error: AffectedError| Problem::unavailable("audit-unavailable", &error);
        let transport = |error: reqwest::Error| unavailable(AffectedError::Transport(error.without_url()));
        let url = self
            .url
            .as_ref()
            .ok_or_else(|| unavailable(AffectedError::NotConfigured))?;
        let request = self
            .http
            .post(url)
            .headers(correlation::outgoing(correlation))
            .timeout(PATIENCE)
            .json(question);
        let response = request.send().await.map_err(transport)?;
        let status = response.status();
        if status == StatusCode::OK {
            return response.json().await.map_err(transport);
        }
        let refusal: Refusal = response.json().await.unwrap_or_default();
        Err(match (status, refusal.code.as_str()) {
            (StatusCode::NOT_FOUND, "unknown-group") => {
                Problem::not_found("unknown-group", "the log of this group has never been read")
            }
            (StatusCode::CONFLICT, "access-index-not-ready") => Problem::conflict(
                "access-index-not-ready",
                "the log is not indexed by who did it yet: ask again in some minutes",
            )
            .with_detail(refusal.detail),
            _ => unavailable(AffectedError::Status(status)),
        })
    }
}
