//! What is done at the guichet, in the platform's log: that it is about to be done before it is done, how it ended before it is
//! answered. What the log does not take is not done.
//!
//! [`crate::cluster`] writes for a [`Deed`] only, so that nothing is written unrecorded. An intention without an end is left when this
//! process ends in between, or the caller leaves: the object says whether it was written.

use std::borrow::Cow;

use dmp_client::acts::{Act, RecordError, Recorder, word};
use dmp_core::correlation::Correlation;
use dmp_core::problem::Problem;
use dmp_core::tls::{Identity, TlsError};
use uuid::Uuid;

/// Who acts when the platform itself writes a rehearsal's result down.
const SUITE: &str = "conformance-suite";

/// The way to the log; none where it is not configured, and then nothing can be done.
#[derive(Clone)]
pub(crate) enum ActLog {
    None,
    Audit(Recorder),
    #[cfg(test)]
    Memory(memory::Held),
}

#[derive(Debug, thiserror::Error)]
enum NotRecorded {
    #[error("no log is configured")]
    NotConfigured,
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl ActLog {
    /// The log of `audit`, over mTLS with the identity of the moment.
    pub(crate) fn new(identity: &Identity, url: Option<&str>) -> Result<Self, TlsError> {
        Ok(match url {
            Some(url) => Self::Audit(Recorder::new(identity.http_client()?, url)),
            None => Self::None,
        })
    }

    async fn record(&self, act: &Act, correlation: Correlation) -> Result<(), NotRecorded> {
        match self {
            Self::None => Err(NotRecorded::NotConfigured),
            Self::Audit(recorder) => Ok(recorder.record(act, correlation).await.map(drop)?),
            #[cfg(test)]
            Self::Memory(held) => held.record(act),
        }
    }
}

/// What an act is done to.
pub(crate) struct On {
    kind: Cow<'static, str>,
    object: String,
    fact: Option<(&'static str, String)>,
}

impl On {
    /// `object` is `[<namespace>/]<name>`.
    pub(crate) fn new(kind: impl Into<Cow<'static, str>>, object: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            object: object.into(),
            fact: None,
        }
    }

    /// With what was written, or given out: a hash, a name.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fact = Some((name, value.into()));
        self
    }
}

/// Something that somebody does for a vendor.
pub(crate) struct Deed<'a> {
    pub(crate) log: &'a ActLog,
    /// The person's hash; none for the suite.
    pub(crate) person: Option<String>,
    pub(crate) what: &'static str,
    pub(crate) vendor: &'a str,
    pub(crate) correlation: Correlation,
}

impl<'a> Deed<'a> {
    /// The platform's own, `vendor` being whose product was tested.
    pub(crate) fn of_suite(log: &'a ActLog, vendor: &'a str) -> Self {
        Self {
            log,
            person: None,
            what: "rehearsal",
            vendor,
            correlation: Correlation(Uuid::new_v4()),
        }
    }

    /// For the annotation of what is written.
    pub(crate) fn mark(&self) -> &str {
        self.person.as_deref().unwrap_or(SUITE)
    }

    /// Records the intention, does it, records how it ended.
    ///
    /// # Errors
    /// 503 `act-not-recorded`: `write` has not been begun, or (the detail says so) has ended unrecorded; those of `write`.
    pub(crate) async fn carry_out<T>(
        &self,
        on: On,
        write: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let id = Uuid::new_v4();
        let facts = on.fact.map(|(name, value)| (name.to_owned(), vec![word(&value)]));
        let mut act = Act {
            id: format!("{id}/asked"),
            who: match &self.person {
                Some(person) => format!("person:{person}"),
                None => SUITE.to_owned(),
            },
            operation: format!("guichet/{}", self.what),
            resource: on.kind.into_owned(),
            object: word(&on.object),
            outcome: "asked".to_owned(),
            facts: facts.into_iter().collect(),
        };
        self.record(&act, "nothing was done: ask again").await?;
        let done = write.await;
        act.id = format!("{id}/ended");
        act.outcome = match &done {
            Ok(_) => "done".to_owned(),
            Err(problem) if problem.status.is_server_error() => format!("failed/{}", problem.code),
            Err(problem) => format!("refused/{}", problem.code),
        };
        let ended = "how it ended is not recorded, and it may have been done: look, then ask again";
        self.record(&act, ended).await?;
        if done.is_ok() {
            tracing::info!(
                target: "guichet",
                person = self.mark(),
                vendor = self.vendor,
                what = self.what,
                object = act.object,
                act = %id,
                "done at the guichet"
            );
        }
        done
    }

    async fn record(&self, act: &Act, consequence: &'static str) -> Result<(), Problem> {
        self.log.record(act, self.correlation).await.map_err(|error| {
            let mut problem = Problem::unavailable("act-not-recorded", &error);
            problem.title = "the platform's log of who did what does not take it".into();
            problem.with_detail(consequence)
        })
    }
}

/// A log that can be shut, for tests.
#[cfg(test)]
pub(crate) mod memory {
    #![allow(clippy::unwrap_used)]
    use std::sync::{Arc, Mutex};

    use super::{Act, NotRecorded};

    #[derive(Clone, Default)]
    pub(crate) struct Held(Arc<Mutex<State>>);

    #[derive(Default)]
    struct State {
        acts: Vec<Act>,
        /// Acts that are still taken; all when none.
        left: Option<usize>,
    }

    impl Held {
        /// Takes so many more, and then none.
        pub(crate) fn takes(&self, left: Option<usize>) {
            self.0.lock().unwrap().left = left;
        }

        /// What was taken since the last time.
        pub(crate) fn take(&self) -> Vec<Act> {
            std::mem::take(&mut self.0.lock().unwrap().acts)
        }

        pub(super) fn record(&self, act: &Act) -> Result<(), NotRecorded> {
            act.check().unwrap();
            let mut state = self.0.lock().unwrap();
            match &mut state.left {
                Some(0) => return Err(NotRecorded::NotConfigured),
                Some(left) => *left -= 1,
                None => {}
            }
            state.acts.push(act.clone());
            Ok(())
        }
    }
}
