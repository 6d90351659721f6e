//! Acts: what people and the platform itself do that is about no patient (at the guichet, to the Kubernetes API, in a
//! homologation), for the national log. The words, and the client of `POST /v1/acts` of `audit`.
//!
//! An act names nobody: a person is the hash of their log-in. What it says is hashes, states and names of objects; no text that
//! somebody wrote.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use dmp_core::correlation;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

use crate::audit::Record;

/// The route of `audit`.
pub const ROUTE: &str = "/v1/acts";
/// Longest body of a request, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// Longest word, in bytes.
const MAX_WORD: usize = 300;
/// Facts of an act, and values of a fact.
const MAX_FACTS: usize = 16;
const MAX_VALUES: usize = 128;
/// How long an answer is waited for, each time.
const PATIENCE: Duration = Duration::from_secs(3);
/// A connection may have ended with the pod it went to: the same again is the same entry.
const ATTEMPTS: usize = 2;

/// One act. All words are ASCII without spaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// The caller's own name for it: the same id with the same words is the same entry, with other words it is refused.
    pub id: String,
    /// `person:<hash>`, `user:<hash>`, or what is nobody: `operator`, `conformance-suite`, `system:…`.
    pub who: String,
    /// `guichet/…`, `homologation/…`, `kubernetes/…`.
    pub operation: String,
    /// Kind of the object.
    pub resource: String,
    /// `[<namespace>/]<name>`.
    pub object: String,
    /// `asked` (an intention), `done`, `refused/<code>`.
    pub outcome: String,
    /// What it rests on: hashes, states, scopes, times.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, Vec<String>>,
}

/// Why an act is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAct {
    #[error("`{0}` is not a word of 1 to {MAX_WORD} ASCII characters without spaces")]
    Word(&'static str),
    #[error("more facts, or values of a fact, than an act may have")]
    TooMany,
}

impl Act {
    /// Whether every word is one.
    ///
    /// # Errors
    /// [`InvalidAct`] for the first that is not.
    pub fn check(&self) -> Result<(), InvalidAct> {
        let words = [
            ("id", &self.id),
            ("who", &self.who),
            ("operation", &self.operation),
            ("resource", &self.resource),
            ("object", &self.object),
            ("outcome", &self.outcome),
        ];
        for (name, text) in words {
            if !is_word(text) {
                return Err(InvalidAct::Word(name));
            }
        }
        if self.facts.len() > MAX_FACTS || self.facts.values().any(|values| values.len() > MAX_VALUES) {
            return Err(InvalidAct::TooMany);
        }
        let mut every = self
            .facts
            .iter()
            .flat_map(|(name, values)| values.iter().chain([name]));
        if every.all(|text| is_word(text)) {
            Ok(())
        } else {
            Err(InvalidAct::Word("facts"))
        }
    }
}

pub(crate) fn is_word(text: &str) -> bool {
    (1..=MAX_WORD).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Any text as a word: what may not be in one is `?`, what is too long is cut, nothing is `-`.
pub fn word(text: &str) -> String {
    if text.is_empty() {
        return "-".to_owned();
    }
    let graphic = |character: char| {
        if character.is_ascii_graphic() {
            character
        } else {
            '?'
        }
    };
    text.chars().take(MAX_WORD).map(graphic).collect()
}

/// An act as it is in the log: what the caller said, and what `audit` knows of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ActEntry {
    pub kind: ActKind,
    /// When it was taken, by the clock of `audit`.
    pub at: Timestamp,
    /// Whose word it is: `<namespace>/<ServiceAccount>` of the caller's certificate.
    pub by: String,
    pub act: Act,
    /// Of the request that brought it first.
    pub correlation: String,
}

/// The one kind of an act's leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActKind {
    Act,
}

impl Record for ActEntry {
    fn at(&self) -> Timestamp {
        self.at
    }

    fn kind(&self) -> &'static str {
        match self.kind {
            ActKind::Act => "act",
        }
    }
}

/// The entry is durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The leaf, word for word: who holds it can have its place in the log proven.
    pub leaf: String,
    /// Whether the entry was there already.
    pub repeated: bool,
}

/// Why an act is not in the log, as far as the caller knows.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("audit does not answer")]
    Transport(#[source] reqwest::Error),
    #[error("audit has other words under this id")]
    Conflict,
    #[error("audit answers {0}")]
    Status(StatusCode),
}

/// Writes acts into the national log. A clone is the same.
#[derive(Clone, Debug)]
pub struct Recorder {
    http: reqwest::Client,
    url: String,
}

impl Recorder {
    /// `http`: of the service's own identity; `base`: `https://audit.dmp-national.svc:8443`.
    pub fn new(http: reqwest::Client, base: &str) -> Self {
        Self {
            http,
            url: format!("{}{ROUTE}", base.trim_end_matches('/')),
        }
    }

    /// When this answers, the entry is durable.
    ///
    /// # Errors
    /// [`RecordError`]; it may be in the log all the same (the answer was lost): ask again with the same words.
    pub async fn record(
        &self,
        act: &Act,
        correlation: impl fmt::Display + Send,
    ) -> Result<Receipt, RecordError> {
        let headers = correlation::outgoing(correlation);
        let mut attempt = 1;
        loop {
            match self.once(act, headers.clone()).await {
                Err(RecordError::Transport(_)) if attempt < ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    async fn once(&self, act: &Act, headers: reqwest::header::HeaderMap) -> Result<Receipt, RecordError> {
        let transport = |error: reqwest::Error| RecordError::Transport(error.without_url());
        let request = self.http.post(&self.url).headers(headers).timeout(PATIENCE);
        let response = request.json(act).send().await.map_err(transport)?;
        match response.status() {
            StatusCode::OK => response.json().await.map_err(transport),
            StatusCode::CONFLICT => Err(RecordError::Conflict),
            status => Err(RecordError::Status(status)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act() -> Act {
        Act {
            id: "1/asked".to_owned(),
            who: "person:00".to_owned(),
            operation: "guichet/submission".to_owned(),
            resource: "SolutionHomologation".to_owned(),
            object: "vendor-atlas/sih-1".to_owned(),
            outcome: "asked".to_owned(),
            facts: [("spec".to_owned(), vec!["ab".to_owned()])].into(),
        }
    }

    #[test]
    fn an_act_is_made_of_words() {
        assert_eq!(act().check(), Ok(()));
        let long = "x".repeat(MAX_WORD + 1);
        for bad in ["", " ", "two words", "é", "a\nb", &long] {
            let mut other = act();
            other.who = bad.to_owned();
            assert_eq!(other.check(), Err(InvalidAct::Word("who")), "{bad:?}");
            let mut other = act();
            other.facts = [("spec".to_owned(), vec![bad.to_owned()])].into();
            assert_eq!(other.check(), Err(InvalidAct::Word("facts")), "{bad:?}");
            other.who = word(bad);
            other.facts.clear();
            assert_eq!(other.check(), Ok(()), "{bad:?}");
        }
        let mut many = act();
        many.facts = [("spec".to_owned(), vec!["a".to_owned(); MAX_VALUES + 1])].into();
        assert_eq!(many.check(), Err(InvalidAct::TooMany));
    }

    #[test]
    fn an_entry_says_what_its_leaf_says() {
        let entry = ActEntry {
            kind: ActKind::Act,
            at: Timestamp::UNIX_EPOCH,
            by: "dmp-national/portal".to_owned(),
            act: act(),
            correlation: "c".to_owned(),
        };
        let json = serde_json::to_value(&entry).unwrap_or_default();
        assert_eq!(json["kind"], Record::kind(&entry));
        assert!(json.get("patient").is_none());
    }
}
