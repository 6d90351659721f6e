//! Accesses to records that a group's log tells of, as tokens: who, through which software, to whose record.
//!
//! Only logs of groups: what national services log is no access to a record. What was refused is none either.

use dmp_client::affected::Question;
use dmp_core::ids::{GroupName, Pseudonym};
use dmp_keys::BlindIndex;
use jiff::Timestamp;
use serde::Deserialize;

use crate::index::token;
use crate::store::access::{Access, Of, Token};

/// What stands between trust domain and group in a log's origin.
const GROUP: &str = "/log/group/";

/// What the index needs of an event in a group's log.
#[derive(Deserialize)]
struct Told {
    kind: String,
    at: Timestamp,
    patient: Option<Pseudonym>,
    who: String,
    software: String,
    establishment: Option<String>,
    outcome: String,
}

/// Origin of a group's log.
pub fn origin(domain: &str, group: &GroupName) -> String {
    format!("{domain}{GROUP}{group}")
}

pub fn is_group(origin: &str) -> bool {
    origin.contains(GROUP)
}

/// The access that entry `at` of a group's log tells of, if it does.
///
/// # Errors
/// When it is no event.
pub fn of(
    index: &BlindIndex,
    origin: &str,
    at: u64,
    event: &str,
) -> Result<Option<Access>, serde_json::Error> {
    let told: Told = serde_json::from_str(event)?;
    let kind = match told.kind.as_str() {
        "read" => "read",
        "search" => "search",
        "write" => "write",
        _ => return Ok(None),
    };
    // A submission that was sent again is `repeated`: it was let in all the same.
    let let_in = matches!(told.outcome.as_str(), "permitted" | "repeated");
    let Some(patient) = told.patient.filter(|_| let_in) else {
        return Ok(None);
    };
    let (solution, version) = told.software.rsplit_once(' ').unwrap_or((&told.software, ""));
    let words = Words { index, origin };
    Ok(Some(Access {
        index: at,
        at: told.at.as_millisecond(),
        kind,
        patient: token(index, &patient),
        software: words.software(solution),
        version: words.version(solution, version),
        person: words.person(&told.who),
        establishment: told
            .establishment
            .as_deref()
            .map(|inpe| words.establishment(inpe)),
    }))
}

/// Which accesses a question means.
pub fn meant(index: &BlindIndex, origin: &str, question: &Question) -> Of {
    let words = Words { index, origin };
    let software = question.software.as_deref();
    let version = software.zip(question.version.as_deref());
    Of {
        software: software.map(|solution| words.software(solution)),
        version: version.map(|(solution, version)| words.version(solution, version)),
        person: question.person.as_deref().map(|inpe| words.person(inpe)),
        establishment: question
            .establishment
            .as_deref()
            .map(|inpe| words.establishment(inpe)),
        from: question.from.as_millisecond(),
        to: question.to.as_millisecond(),
    }
}

/// Tokens of one log.
struct Words<'a> {
    index: &'a BlindIndex,
    origin: &'a str,
}

impl Words<'_> {
    fn software(&self, solution: &str) -> Token {
        self.token("access-software", &[solution])
    }

    fn version(&self, solution: &str, version: &str) -> Token {
        self.token("access-version", &[solution, version])
    }

    fn person(&self, inpe: &str) -> Token {
        self.token("access-person", &[inpe])
    }

    fn establishment(&self, inpe: &str) -> Token {
        self.token("access-establishment", &[inpe])
    }

    fn token(&self, field: &str, words: &[&str]) -> Token {
        let parts: Vec<&[u8]> = std::iter::once(self.origin)
            .chain(words.iter().copied())
            .map(str::as_bytes)
            .collect();
        self.index.token(field, &parts)
    }
}
