//! Where a log is read from: another service over mTLS, or this service's own log in process.

use async_trait::async_trait;
use dmp_client::audit::LogPage;
use dmp_tlog::Log;

/// A log that does not answer now.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("the log does not answer")]
    Http(#[from] reqwest::Error),
    #[error("the log answers {0}")]
    Status(http::StatusCode),
    #[error("the own log does not answer")]
    Own(#[from] dmp_tlog::LogError),
    #[error("the log is not signed yet")]
    Unsigned,
}

#[async_trait]
pub trait Source: Send + Sync {
    /// The newest signed note.
    async fn checkpoint(&self) -> Result<String, SourceError>;

    /// Entries from index `from` on, as many as the log likes to give at once.
    async fn entries(&self, from: u64) -> Result<LogPage, SourceError>;
}

/// `GET <url>/v1/log/…`.
pub struct HttpSource {
    http: reqwest::Client,
    url: String,
}

impl HttpSource {
    pub fn new(http: reqwest::Client, url: &str) -> Self {
        Self {
            http,
            url: url.trim_end_matches('/').to_owned(),
        }
    }

    async fn get(&self, path: &str) -> Result<reqwest::Response, SourceError> {
        // The URL is configuration, not personal; leaving it out keeps one line per log in the log.
        let answer = self
            .http
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .map_err(|e| e.without_url())?;
        if answer.status() == http::StatusCode::OK {
            Ok(answer)
        } else {
            Err(SourceError::Status(answer.status()))
        }
    }
}

#[async_trait]
impl Source for HttpSource {
    async fn checkpoint(&self) -> Result<String, SourceError> {
        Ok(self.get("/v1/log/checkpoint").await?.text().await?)
    }

    async fn entries(&self, from: u64) -> Result<LogPage, SourceError> {
        Ok(self
            .get(&format!("/v1/log/entries?from={from}&limit=1000"))
            .await?
            .json()
            .await?)
    }
}

/// This service's own log.
pub struct OwnLog(pub Log);

#[async_trait]
impl Source for OwnLog {
    async fn checkpoint(&self) -> Result<String, SourceError> {
        self.0
            .head()
            .await?
            .map(|head| head.note)
            .ok_or(SourceError::Unsigned)
    }

    async fn entries(&self, from: u64) -> Result<LogPage, SourceError> {
        Ok(self.0.entries(from, 1000).await?)
    }
}
