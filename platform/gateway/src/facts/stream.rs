//! The client of the operator's stream: `GET /v2/facts/stream`, one signed line at least every second, and the shards it names.
//!
//! One stream at a time; when it ends, falls silent or says something that is not believed, the next operator URL
//! is asked, with a short growing wait. What was accepted before goes on ageing meanwhile ([`super::store`]).

use std::sync::Arc;
use std::time::{Duration, Instant};

use dmp_client::facts::STREAM;
use dmp_core::problem::Chain;
use dmp_core::trust::TrustBundle;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::credentials::{Assembly, ShardError};
use super::signed::{self, SignedFactsError};
use super::store::{FactsRefused, FactsStore};

/// A line is due every second: silence longer than this is a broken stream.
const SILENCE: Duration = Duration::from_secs(3);
/// One connection is not used longer than this.
const MAX_STREAM: Duration = Duration::from_secs(3600);
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// A shard of a million credentials in all has about 500 KiB.
const MAX_LINE: usize = 8 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("the operator cannot be reached")]
    Http(#[source] reqwest::Error),
    #[error("the operator answered {0}")]
    Status(u16),
    #[error("the stream ended")]
    Ended,
    #[error("no line came for 3 s")]
    Silent,
    #[error("a line is longer than 8 MiB")]
    TooLong,
    #[error("a line is not believed")]
    Signed(#[from] SignedFactsError),
    #[error("the credentials are not believed")]
    Shard(#[from] ShardError),
    #[error("the facts are not taken over")]
    Refused(#[from] FactsRefused),
}

/// Follows the operators until `shutdown`.
pub struct Follower {
    pub client: reqwest::Client,
    /// Base URLs of the operator.
    pub urls: Vec<String>,
    pub trust: TrustBundle,
    pub store: Arc<FactsStore>,
}

impl Follower {
    /// Runs until `shutdown`; never gives up.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut wait = FIRST_WAIT;
        let mut assembly = Assembly::default();
        for url in self.urls.iter().cycle() {
            let started = Instant::now();
            let Some(error) = shutdown
                .run_until_cancelled(self.follow(url, &mut assembly))
                .await
            else {
                return;
            };
            tracing::warn!(url, error = %Chain(&error), "facts stream interrupted");
            wait = if started.elapsed() > SILENCE {
                FIRST_WAIT
            } else {
                (wait * 2).min(LONGEST_WAIT)
            };
            if shutdown
                .run_until_cancelled(tokio::time::sleep(wait))
                .await
                .is_none()
            {
                return;
            }
        }
        tracing::error!("no operator URL is configured: no facts, the door stays closed");
    }

    /// One stream, until something is wrong with it.
    async fn follow(&self, url: &str, assembly: &mut Assembly) -> StreamError {
        match self.read(url, assembly).await {
            Ok(()) => StreamError::Ended,
            Err(error) => error,
        }
    }

    async fn read(&self, url: &str, assembly: &mut Assembly) -> Result<(), StreamError> {
        let http = |error: reqwest::Error| StreamError::Http(error.without_url());
        let request = self
            .client
            .get(format!("{}{STREAM}", url.trim_end_matches('/')))
            .timeout(MAX_STREAM);
        let mut response = tokio::time::timeout(SILENCE, request.send())
            .await
            .map_err(|_| StreamError::Silent)?
            .map_err(http)?;
        if !response.status().is_success() {
            return Err(StreamError::Status(response.status().as_u16()));
        }
        let mut line = Vec::new();
        loop {
            let chunk = tokio::time::timeout(SILENCE, response.chunk())
                .await
                .map_err(|_| StreamError::Silent)?
                .map_err(http)?;
            let Some(chunk) = chunk else { return Ok(()) };
            let mut rest = &chunk[..];
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let (head, tail) = rest.split_at(end);
                line.extend_from_slice(head);
                self.take(&line, assembly)?;
                line.clear();
                rest = tail.get(1..).unwrap_or_default();
            }
            line.extend_from_slice(rest);
            if line.len() > MAX_LINE {
                return Err(StreamError::TooLong);
            }
        }
    }

    fn take(&self, line: &[u8], assembly: &mut Assembly) -> Result<(), StreamError> {
        let complete = match line.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => return Ok(()),
            Some(b'[') => assembly.shard(line)?,
            Some(_) => {
                let (received, now) = (Instant::now(), Timestamp::now());
                let facts = signed::open(line, &self.trust.current().keys.facts, now)?;
                assembly.line(facts, received, now)
            }
        };
        if let Some(complete) = complete {
            self.store.accept(complete)?;
        }
        Ok(())
    }
}
