//! How far back `audit`'s copy of a log reaches, as it is stored now: a question about one log, and its answer. `POST /v1/kept` of
//! `audit`, and its client.
//!
//! Indexes and one time: nothing of what an entry says.

use std::time::Duration;

use dmp_core::correlation;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The route of `audit`.
pub const ROUTE: &str = "/v1/kept";
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which entries of a log are there from index `from` on? One answer looks through a part of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Origin of the log.
    pub log: String,
    pub from: u64,
}

/// What is stored of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Entries of the newest signed tree that the copy has reached. `None`: what it holds as such the log has not signed.
    pub size: Option<u64>,
    /// The first entry that is there; `None`: there is none.
    pub first: Option<First>,
    /// Runs of entries that are missing after the first one, among those that were looked through. A run over the border of two
    /// answers counts in both.
    pub holes: u64,
    /// Where the next question goes on; `None`: all were looked through.
    pub next: Option<u64>,
}

/// The first entry of a log that is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct First {
    /// 0: it is the log's first.
    pub index: u64,
    /// When it was written, as it says itself. `None`: it is not the one that the log has signed at this place, or cannot be opened.
    pub at: Option<Timestamp>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    #[error("audit does not answer")]
    Transport(#[source] reqwest::Error),
    #[error("audit answers {0}")]
    Status(StatusCode),
}

/// Asks how far back logs reach. A clone is the same.
#[derive(Clone, Debug)]
pub struct Reader {
    http: reqwest::Client,
    url: String,
}

impl Reader {
    /// `http`: of the service's own identity; `base`: `https://audit.dmp-national.svc:8443`.
    pub fn new(http: reqwest::Client, base: &str) -> Self {
        Self {
            http,
            url: format!("{}{ROUTE}", base.trim_end_matches('/')),
        }
    }

    /// `None`: audit copies no such log.
    ///
    /// # Errors
    /// [`KeptError`].
    pub async fn ask(&self, question: &Question) -> Result<Option<Answer>, KeptError> {
        let transport = |error: reqwest::Error| KeptError::Transport(error.without_url());
        let headers = correlation::outgoing(Uuid::new_v4());
        let request = self.http.post(&self.url).headers(headers).timeout(PATIENCE);
        let response = request.json(question).send().await.map_err(transport)?;
        match response.status() {
            StatusCode::OK => response.json().await.map_err(transport),
            status => Err(KeptError::Status(status)),
        }
    }
}
