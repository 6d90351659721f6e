//! What is asked and what is answered.

use jiff::Timestamp;

use crate::Category;

/// One question: may this person do this, now?
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub action: Action,
    pub person: Person<'a>,
    /// HL7 v3 PurposeOfUse of the token.
    pub purpose: &'a str,
    /// Class of the document; for [`crate::Decider::search`] it has no meaning.
    pub category: Category,
    pub facts: Facts,
    /// Name of the health group that holds (or will hold) the document.
    pub record_group: &'a str,
    pub now: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Read,
    Search,
    Write,
}

impl Action {
    pub const ALL: [Self; 3] = [Self::Read, Self::Search, Self::Write];

    /// The name in the policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Search => "search",
            Self::Write => "write",
        }
    }
}

/// Who asks, from the verified token. A directory token has no business with records: its caller is refused before.
#[derive(Clone, Copy)]
pub enum Person<'a> {
    Professional {
        inpe: &'a str,
        /// Code of the directory; an unknown one has no access.
        profession: &'a str,
        /// INPE of the establishment.
        establishment: Option<&'a str>,
        /// Health group of the establishment.
        group: Option<&'a str>,
    },
    Patient {
        /// Whether the record is this patient's own.
        is_subject: bool,
    },
}

/// Answer of the consent service about patient and professional.
#[derive(Clone, Copy, Default)]
pub struct Facts {
    pub opposed: bool,
    /// End of the care relation; in force while `now` is before it.
    pub care_relation_until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub allowed: bool,
    /// [`Reason::Permitted`] exactly when allowed.
    pub reason: Reason,
}

/// Why. Goes to the log entry and so to the patient; a refused caller never sees it.
///
/// When several rules refuse, the first in this order is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A policy failed to evaluate, or the question does not fit the schema: refused.
    EvaluationError,
    Opposition,
    NotOwnRecord,
    NoCareRelation,
    Purpose,
    NotOwnGroup,
    /// No policy permits this to the profession (or to the patient).
    Profession,
    Permitted,
}

impl Reason {
    /// The stable code, kebab case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EvaluationError => "evaluation-error",
            Self::Opposition => "opposition",
            Self::NotOwnRecord => "not-own-record",
            Self::NoCareRelation => "no-care-relation",
            Self::Purpose => "purpose",
            Self::NotOwnGroup => "not-own-group",
            Self::Profession => "profession",
            Self::Permitted => "permitted",
        }
    }

    /// The reason a forbid policy carries in its `@reason` annotation.
    pub(crate) fn of_annotation(code: &str) -> Option<Self> {
        [
            Self::Opposition,
            Self::NotOwnRecord,
            Self::NoCareRelation,
            Self::Purpose,
            Self::NotOwnGroup,
        ]
        .into_iter()
        .find(|reason| reason.as_str() == code)
    }
}
