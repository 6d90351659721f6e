//! The way to the platform's log of who did what (`audit`), and to what that service keeps of all logs. It opens when the operator has its
//! certificate.
//!
//! It holds nothing: what the log does not take is kept by who brings it, and brought again with the same words. After a failure
//! it rests for a while, so that a log that does not answer keeps nobody waiting.

use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use dmp_client::acts::{Act, RecordError, Recorder};
use dmp_client::kept::Reader;
use dmp_core::problem::Chain;
use prometheus::{IntCounterVec, Opts};
use reqwest::StatusCode;

/// After a failure nothing is sent for so long.
const REST: Duration = Duration::from_secs(3);

static ACTS: LazyLock<Option<IntCounterVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_operator_acts_total",
        "Entries for the platform's log of who did what: recorded, waiting (one more attempt failed), lost.",
    );
    let counter = dmp_core::metrics::registered(IntCounterVec::new(options, &["outcome"]));
    if let Some(counter) = &counter {
        for outcome in ["recorded", "waiting", "lost"] {
            counter.with_label_values(&[outcome]).reset();
        }
    }
    counter
});

/// Counts.
pub fn count(outcome: &str) {
    if let Some(counter) = &*ACTS {
        counter.with_label_values(&[outcome]).inc();
    }
}

/// Why an act is not in the log yet.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the operator has no certificate yet")]
    Closed,
    #[error("the log did not answer a moment ago")]
    Resting,
    #[error("the log does not take it")]
    Record(#[from] RecordError),
}

impl Error {
    /// Whether the same words will never be taken.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Record(RecordError::Conflict | RecordError::Status(StatusCode::BAD_REQUEST))
        )
    }
}

/// A clone is the same.
#[derive(Clone, Debug)]
pub struct ActLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    url: String,
    recorder: OnceLock<Recorder>,
    kept: OnceLock<Reader>,
    failed: Mutex<Option<Instant>>,
}

impl ActLog {
    /// `url`: `https://audit.dmp-national.svc:8443`.
    pub fn new(url: &str) -> Self {
        LazyLock::force(&ACTS);
        Self(Arc::new(Inner {
            url: url.to_owned(),
            recorder: OnceLock::new(),
            kept: OnceLock::new(),
            failed: Mutex::default(),
        }))
    }

    /// From here on acts can be sent and logs asked for, with this client's certificate.
    pub fn open(&self, http: reqwest::Client) {
        let _opened_before = self.0.kept.set(Reader::new(http.clone(), &self.0.url));
        let _opened_before = self.0.recorder.set(Recorder::new(http, &self.0.url));
    }

    /// Who says how far back the copies of the logs reach.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn kept(&self) -> Result<&Reader, Error> {
        self.0.kept.get().ok_or(Error::Closed)
    }

    /// When this answers, the entry is durable.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn record(&self, act: &Act) -> Result<(), Error> {
        let recorder = self.0.recorder.get().ok_or(Error::Closed)?;
        if self.failed().is_some_and(|at| at.elapsed() < REST) {
            return Err(Error::Resting);
        }
        match recorder.record(act, &act.id).await {
            Ok(_) => {
                count("recorded");
                Ok(())
            }
            Err(error) => {
                let error = Error::from(error);
                if error.is_final() {
                    count("lost");
                    tracing::error!(id = act.id, error = %Chain(&error), "an act will never be in the log");
                } else {
                    count("waiting");
                    *self.failed() = Some(Instant::now());
                    tracing::warn!(id = act.id, error = %Chain(&error), "an act is not in the log yet");
                }
                Err(error)
            }
        }
    }

    fn failed(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.0.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who it was, for the log: what is nobody (`system:…`) by its name, a person by the hash of theirs.
pub fn who(user: &str) -> String {
    if user.starts_with("system:") {
        return dmp_client::acts::word(user);
    }
    let hash: String = crate::plane::digest(&[user]).chars().take(32).collect();
    format!("user:{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_have_no_names_in_the_log() {
        assert_eq!(
            who("system:serviceaccount:dmp-a:records"),
            "system:serviceaccount:dmp-a:records"
        );
        let leila = who("leila@example.ma");
        assert!(leila.starts_with("user:") && leila.len() == 37 && !leila.contains("leila"));
        assert_eq!(leila, who("leila@example.ma"));
        assert_ne!(leila, who("omar@example.ma"));
    }

    #[tokio::test]
    async fn before_it_is_open_it_says_so() {
        let log = ActLog::new("https://audit.invalid");
        let act = Act {
            id: "1".to_owned(),
            who: "operator".to_owned(),
            operation: "o".to_owned(),
            resource: "r".to_owned(),
            object: "o".to_owned(),
            outcome: "o".to_owned(),
            facts: Default::default(),
        };
        assert!(matches!(log.record(&act).await, Err(Error::Closed)));
        assert!(matches!(log.kept(), Err(Error::Closed)));
    }
}
