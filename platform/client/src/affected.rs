//! Whose records an incident touched: a question to the audit log about one group, and its answer. `POST /v1/affected` of `audit`.
//!
//! The question names software, a person, or both, and a window; the answer names patients as that group's own software knows them.

use dmp_core::ids::{GroupName, PatientId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::acts::is_word;

/// The route of `audit`.
pub const ROUTE: &str = "/v1/affected";
/// Longest window.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);
/// Patients of a page, at most and by default.
pub const LARGEST_PAGE: u32 = 500;

/// Whose records, of those that `group` keeps, did this software or this person open, search or write to? No `Debug`: it names
/// somebody. Words are ASCII without spaces.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Name of the `Incident` that it is asked for.
    pub incident: String,
    /// Who asks: `person:<hash>`.
    pub who: String,
    pub group: GroupName,
    /// `<vendor namespace>/<Solution name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
    /// Only this version of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// A professional's INPE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Only what was done for the establishment of this INPE: software at one place is one installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub establishment: Option<String>,
    /// The window begins; that moment is in it.
    pub from: Timestamp,
    /// The window ends; that moment is not in it.
    pub to: Timestamp,
    /// `next` of the page before; without it the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Patients of a page, 1 to [`LARGEST_PAGE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Why a question is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuestion {
    #[error("`{0}` is not a word of 1 to 300 ASCII characters without spaces")]
    Word(&'static str),
    #[error("it names neither software nor a person, or a version without its software")]
    Nobody,
    #[error(
        "the page is of 1 to {LARGEST_PAGE} patients, and `after` is what the page before gave as `next`"
    )]
    Page,
    #[error("the window begins before it ends, is of 31 days at most, and has ended")]
    Window,
}

impl InvalidQuestion {
    /// Stable code of the answer.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Word(_) | Self::Nobody | Self::Page => "question-not-valid",
            Self::Window => "window-not-valid",
        }
    }
}

impl Question {
    /// Whether it can be asked at `now`.
    ///
    /// # Errors
    /// [`InvalidQuestion`] for the first thing that is wrong.
    pub fn check(&self, now: Timestamp) -> Result<(), InvalidQuestion> {
        let words = [
            ("incident", Some(&self.incident)),
            ("who", Some(&self.who)),
            ("software", self.software.as_ref()),
            ("version", self.version.as_ref()),
            ("person", self.person.as_ref()),
            ("establishment", self.establishment.as_ref()),
        ];
        for (name, word) in words {
            if word.is_some_and(|word| !is_word(word)) {
                return Err(InvalidQuestion::Word(name));
            }
        }
        if self.software.is_none() && (self.person.is_none() || self.version.is_some()) {
            return Err(InvalidQuestion::Nobody);
        }
        let token = |text: &String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !(1..=LARGEST_PAGE).contains(&self.limit()) || !self.after.as_ref().is_none_or(token) {
            return Err(InvalidQuestion::Page);
        }
        let length = self.to.duration_since(self.from);
        if length <= SignedDuration::ZERO || length > LONGEST || self.to > now {
            return Err(InvalidQuestion::Window);
        }
        Ok(())
    }

    /// Patients of a page.
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(LARGEST_PAGE)
    }
}

/// A page of the patients, in no order that says anything about them. No `Debug`.
#[derive(Serialize, Deserialize)]
pub struct Answer {
    /// Patients in all, on every page.
    pub count: u64,
    pub patients: Vec<AffectedPatient>,
    /// `after` of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Whether the newest entries of the group's log could not be had: then the answer may lack the last minutes of a window.
    pub behind: bool,
    /// Entries of the group's log, of any time, that cannot be opened: whom they speak of nobody can tell.
    pub unreadable: u64,
}

/// A patient whose record was touched, and how often.
#[derive(Clone, Serialize, Deserialize)]
pub struct AffectedPatient {
    /// The FHIR id under which the group's software knows the patient; absent when the registry does not say that the group holds something
    /// of her.
    pub patient: Option<PatientId>,
    pub first: Timestamp,
    pub last: Timestamp,
    /// Documents opened.
    pub reads: u64,
    /// Lists of documents seen.
    pub searches: u64,
    /// Submissions.
    pub writes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap_or_default()
    }

    fn question() -> Option<Question> {
        Some(Question {
            incident: "incident-x7k2p".to_owned(),
            who: "person:00".to_owned(),
            group: "a".parse().ok()?,
            software: Some("vendor-a/his".to_owned()),
            version: None,
            person: None,
            establishment: None,
            from: at("2026-11-01T00:00:00Z"),
            to: at("2026-11-02T00:00:00Z"),
            after: None,
            limit: None,
        })
    }

    fn checked(change: impl FnOnce(&mut Question)) -> Option<InvalidQuestion> {
        let mut question = question()?;
        change(&mut question);
        question.check(at("2026-11-30T00:00:00Z")).err()
    }

    #[test]
    fn a_question_is_about_somebody_and_made_of_words() {
        assert!(question().is_some());
        assert_eq!(checked(|_| {}), None);
        assert_eq!(checked(|q| q.version = Some("1.0".to_owned())), None);
        let person_alone = |q: &mut Question| {
            q.software = None;
            q.person = Some("123456789".to_owned());
        };
        assert_eq!(checked(person_alone), None);
        assert_eq!(checked(|q| q.software = None), Some(InvalidQuestion::Nobody));
        let version_of_nothing = |q: &mut Question| {
            person_alone(q);
            q.version = Some("1.0".to_owned());
        };
        assert_eq!(checked(version_of_nothing), Some(InvalidQuestion::Nobody));
        let bad = |q: &mut Question| q.incident = "a b".to_owned();
        assert_eq!(checked(bad), Some(InvalidQuestion::Word("incident")));
        let bad = |q: &mut Question| q.person = Some(String::new());
        assert_eq!(checked(bad), Some(InvalidQuestion::Word("person")));
    }

    #[test]
    fn a_window_has_ended_and_is_of_31_days_at_most() {
        let window = |from: &str, to: &str| {
            checked(|question| {
                question.from = at(from);
                question.to = at(to);
            })
        };
        assert_eq!(window("2026-10-30T00:00:00Z", "2026-11-30T00:00:00Z"), None);
        for (from, to) in [
            ("2026-10-29T23:59:59Z", "2026-11-30T00:00:00Z"),
            ("2026-11-29T00:00:00Z", "2026-11-30T00:00:01Z"),
            ("2026-11-02T00:00:00Z", "2026-11-02T00:00:00Z"),
            ("2026-11-03T00:00:00Z", "2026-11-02T00:00:00Z"),
        ] {
            assert_eq!(window(from, to), Some(InvalidQuestion::Window), "{from} {to}");
        }
    }

    #[test]
    fn a_page_is_bounded_and_follows_another() {
        assert_eq!(checked(|q| q.limit = Some(1)), None);
        assert_eq!(checked(|q| q.after = Some("ab".repeat(32))), None);
        for limit in [0, LARGEST_PAGE + 1] {
            assert_eq!(checked(|q| q.limit = Some(limit)), Some(InvalidQuestion::Page));
        }
        for after in ["", "ab", &"zz".repeat(32)] {
            let bad = |q: &mut Question| q.after = Some(after.to_owned());
            assert_eq!(checked(bad), Some(InvalidQuestion::Page), "{after}");
        }
    }
}
