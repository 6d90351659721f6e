//! What decides about one submission, as the state sees it. How it is found in the objects: `dossier`.

use std::collections::{BTreeMap, BTreeSet};

use dmp_api::body::{Organisation, Role};
use dmp_api::evidence_item::EvidenceKind;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::signed::Signed;
use crate::statement::Review;

/// All that decides about one submission.
#[derive(Clone, Debug)]
pub struct Facts {
    pub submitted_at: Timestamp,
    /// What is named and not there, or not in force; for people.
    pub incomplete: Vec<String>,
    pub withdrawn: bool,
    /// A later submission of the same version is homologated.
    pub superseded: bool,
    /// Names of revocations of the version or the product.
    pub revoked: Vec<String>,
    /// Why it is suspended.
    pub suspended: Vec<String>,
    pub rules: Rules,
    /// What is asked for.
    pub profiles: Vec<Profile>,
    pub evidence: Vec<Evidence>,
    /// Whose product it is.
    pub subject: Organisation,
    /// Verified, over this very submission, in the order of arrival.
    pub reviews: Vec<Signed<Review>>,
    /// What both bodies granted to the version before, where the programme lets that count.
    pub carried: Option<Grant>,
    /// What is to be known beside, for people.
    pub warnings: Vec<String>,
    /// Production credentials.
    pub credentials: usize,
}

/// What both bodies granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub scopes: BTreeSet<String>,
    pub until: Timestamp,
    /// When the second of them arrived at it.
    pub at: Timestamp,
}

/// Of the programme.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Longest life of a homologation, in days.
    pub max_days: i64,
    /// Days that each domain has. Interop and security review even if they are not here.
    pub domains: BTreeMap<Role, i64>,
    pub evidence: Vec<EvidenceRule>,
}

#[derive(Clone, Debug)]
pub struct EvidenceRule {
    pub kind: EvidenceKind,
    pub max_age_days: i64,
    /// Scopes that end with it; all when empty.
    pub scopes: BTreeSet<String>,
}

/// A profile that is asked for.
#[derive(Clone, Debug)]
pub struct Profile {
    pub name: String,
    pub scope: String,
    /// Result of the server's own last run of this submission.
    pub rehearsal: Option<bool>,
    /// Result of the last supervised one.
    pub supervised: Option<bool>,
}

/// A document.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub kind: EvidenceKind,
    pub issued: Date,
    pub valid_until: Option<Date>,
}

impl Evidence {
    /// Last day on which it counts under a rule.
    pub(crate) fn last_day(&self, rule: &EvidenceRule) -> Date {
        let oldest = self
            .issued
            .saturating_add(SignedDuration::from_hours(24 * rule.max_age_days));
        self.valid_until.map_or(oldest, |until| until.min(oldest))
    }
}

impl Facts {
    /// The scopes of the profiles that are asked for.
    pub(crate) fn asked(&self) -> BTreeSet<String> {
        let scopes = self.profiles.iter().map(|profile| profile.scope.clone());
        scopes.collect()
    }

    /// Whether the server has run none of its profiles.
    pub(crate) fn is_not_run(&self) -> bool {
        self.profiles.iter().all(|profile| profile.rehearsal.is_none())
    }

    /// End of what is granted at a time: nobody can grant longer than the programme.
    pub(crate) fn end(&self, until: Option<Timestamp>, at: Timestamp) -> Timestamp {
        let longest = self.longest(at);
        until.map_or(longest, |until| until.min(longest))
    }

    pub(crate) fn longest(&self, at: Timestamp) -> Timestamp {
        at + SignedDuration::from_hours(24 * self.rules.max_days)
    }

    /// Last day on which something of a kind counts.
    pub(crate) fn last_day(&self, rule: &EvidenceRule) -> Option<Date> {
        let of = self.evidence.iter().filter(|evidence| evidence.kind == rule.kind);
        of.map(|evidence| evidence.last_day(rule)).max()
    }
}
