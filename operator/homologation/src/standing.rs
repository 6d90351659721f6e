//! Where a version stands: one function from facts and a time. Nothing stores a state that could disagree with it.

use std::collections::{BTreeMap, BTreeSet};

use dmp_api::body::{Organisation, Role};
use dmp_api::evidence_item::EvidenceKind;
use dmp_api::homologation_review::ReviewVerdict;
use dmp_api::solution_homologation::HomologationState as State;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::quorum::{self, DECIDING, Decision};
use crate::signed::Signed;
use crate::statement::Review;

/// Days before an end at which it is announced.
pub const WARNING_DAYS: [i64; 3] = [90, 30, 7];
/// A homologation with so many days left is `Expiring`.
const EXPIRING_DAYS: i64 = 30;
/// Days of a deciding body that the programme gives none.
const DEFAULT_DAYS: i64 = 5;

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
    /// Production credentials.
    pub credentials: usize,
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
    fn last_day(&self, rule: &EvidenceRule) -> Date {
        let oldest = self
            .issued
            .saturating_add(SignedDuration::from_hours(24 * rule.max_age_days));
        self.valid_until.map_or(oldest, |until| until.min(oldest))
    }
}

/// Where it stands, why, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub state: State,
    /// What it opens in production; empty unless the state is open.
    pub scopes: BTreeSet<String>,
    /// When the second body granted it; with [`Standing::until`] while it is open.
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// What stands in the way; for people.
    pub missing: Vec<String>,
    /// What will end it; for people.
    pub warnings: Vec<String>,
    /// By when each domain reviews; empty once decided.
    pub deadlines: Vec<(Role, Timestamp)>,
}

impl Standing {
    const fn closed(state: State, missing: Vec<String>) -> Self {
        Self {
            state,
            scopes: BTreeSet::new(),
            since: None,
            until: None,
            missing,
            warnings: Vec::new(),
            deadlines: Vec::new(),
        }
    }
}

/// The one function.
pub fn standing(facts: &Facts, now: Timestamp) -> Standing {
    if !facts.revoked.is_empty() {
        let by = facts
            .revoked
            .iter()
            .map(|name| format!("revoked by SolutionRevocation `{name}`"));
        return Standing::closed(State::Revoked, by.collect());
    }
    if facts.withdrawn {
        return Standing::closed(State::Withdrawn, Vec::new());
    }
    if facts.superseded {
        return Standing::closed(State::Superseded, Vec::new());
    }
    if !facts.incomplete.is_empty() {
        return Standing::closed(State::Incomplete, facts.incomplete.clone());
    }
    let sifted = quorum::sift(&facts.reviews, &facts.subject);
    let counted: Vec<_> = facts
        .reviews
        .iter()
        .zip(sifted)
        .filter_map(|(review, counts)| counts.is_ok().then_some(review))
        .collect();
    let course = Course::of(facts, &counted);
    match quorum::decision(&counted) {
        Decision::Refused {
            by,
            comment,
            reversed,
        } => {
            let state = if reversed {
                State::Suspended
            } else {
                State::Rejected
            };
            Standing::closed(
                state,
                vec![format!("refused by the {} entity: {comment}", by.as_str())],
            )
        }
        Decision::Granted { scopes, until, at } if course.is_reviewed() => {
            granted(facts, &course, scopes, until, at, now)
        }
        Decision::Granted { .. } => course.standing(&[]),
        Decision::Open(missing) => course.standing(&missing),
    }
}

/// Both bodies grant it, and every domain is favourable.
fn granted(
    facts: &Facts,
    course: &Course,
    restricted: Option<BTreeSet<String>>,
    until: Option<Timestamp>,
    at: Timestamp,
    now: Timestamp,
) -> Standing {
    let longest = at + SignedDuration::from_hours(24 * facts.rules.max_days);
    let end = until.map_or(longest, |until| until.min(longest));
    if now >= end {
        return Standing::closed(
            State::Expired,
            vec![format!("it ended at {end}: submit it again")],
        );
    }
    if !facts.suspended.is_empty() {
        return Standing::closed(State::Suspended, facts.suspended.clone());
    }
    let asked: BTreeSet<String> = facts
        .profiles
        .iter()
        .map(|profile| profile.scope.clone())
        .collect();
    let mut scopes = restricted.map_or_else(|| asked.clone(), |restricted| &asked & &restricted);
    let (mut missing, mut warnings) = (Vec::new(), Vec::new());
    for profile in &facts.profiles {
        let tested = profile.rehearsal == Some(true) && profile.supervised == Some(true);
        if !tested && scopes.remove(&profile.scope) {
            missing.push(course.untested(profile));
        }
    }
    let today = now.to_zoned(TimeZone::UTC).date();
    for rule in &facts.rules.evidence {
        let last = facts.last_day(rule);
        if last.is_none_or(|last| last < today) {
            let ended = scopes
                .iter()
                .filter(|scope| rule.scopes.is_empty() || rule.scopes.contains(*scope));
            let ended: BTreeSet<String> = ended.cloned().collect();
            scopes = &scopes - &ended;
            missing.push(format!("{} has ended: bring a new one", rule.kind.as_str()));
        } else if let Some(warning) = last.and_then(|last| announced(rule.kind.as_str(), today, last)) {
            warnings.push(warning);
        }
    }
    let last = end.to_zoned(TimeZone::UTC).date();
    warnings.extend(announced("the homologation", today, last));
    if scopes.is_empty() {
        missing.insert(0, "no scope is left".to_owned());
        return Standing {
            warnings,
            ..Standing::closed(State::Suspended, missing)
        };
    }
    let state = if end.duration_since(now) <= SignedDuration::from_hours(24 * EXPIRING_DAYS) {
        State::Expiring
    } else if facts.credentials > 0 {
        State::Active
    } else if scopes != asked || until.is_some_and(|until| until < longest) {
        State::Conditional
    } else {
        State::Homologated
    };
    Standing {
        state,
        scopes,
        since: Some(at),
        until: Some(end),
        missing,
        warnings,
        deadlines: Vec::new(),
    }
}

/// `… ends on … (in 30 days or less)`, at the nearest of [`WARNING_DAYS`].
fn announced(what: &str, today: Date, last: Date) -> Option<String> {
    let left = i64::from((last - today).get_days());
    let days = WARNING_DAYS.into_iter().rev().find(|days| left <= *days)?;
    Some(format!("{what} ends on {last}: {days} days or less"))
}

impl Facts {
    /// Last day on which something of a kind counts.
    fn last_day(&self, rule: &EvidenceRule) -> Option<Date> {
        let of = self.evidence.iter().filter(|evidence| evidence.kind == rule.kind);
        of.map(|evidence| evidence.last_day(rule)).max()
    }
}

/// How far the submission has come.
struct Course {
    /// What the server's own test and the documents lack.
    submission: Vec<String>,
    /// What the domains lack.
    domains: Vec<String>,
    /// What the supervised runs lack.
    supervised: Vec<String>,
    sent_back: Vec<String>,
    begun: bool,
    deadlines: Vec<(Role, Timestamp)>,
}

impl Course {
    fn of(facts: &Facts, counted: &[&Signed<Review>]) -> Self {
        let submitted = facts.submitted_at.to_zoned(TimeZone::UTC).date();
        let mut submission = Vec::new();
        for rule in &facts.rules.evidence {
            if facts.last_day(rule).is_none_or(|last| last < submitted) {
                submission.push(format!("no {} that holds: bring one", rule.kind.as_str()));
            }
        }
        let failed = |result: Option<bool>, run: &str, profile: &Profile| match result {
            Some(true) => None,
            Some(false) => Some(format!("{run} of {} failed", profile.name)),
            None => Some(format!("{run} of {} has not been run", profile.name)),
        };
        let of = |profile: &Profile| failed(profile.rehearsal, "rehearsal", profile);
        submission.extend(facts.profiles.iter().filter_map(of));
        let of = |profile: &Profile| failed(profile.supervised, "supervised test", profile);
        let supervised = facts.profiles.iter().filter_map(of).collect();
        let mut required: BTreeMap<Role, i64> = facts.rules.domains.clone();
        for role in DECIDING {
            required.entry(role).or_insert(DEFAULT_DAYS);
        }
        let finding = |role| {
            let of =
                move |review: &&&Signed<Review>| !review.statement.decision && review.signer.role == role;
            quorum::last(counted.iter().filter(of).map(|review| &review.statement))
        };
        let (mut domains, mut sent_back, mut deadlines) = (Vec::new(), Vec::new(), Vec::new());
        for (role, days) in required {
            let name = role.as_str();
            let due = facts.submitted_at + SignedDuration::from_hours(24 * days);
            match finding(role).map(|review| (review.verdict, &review.comment)) {
                Some((ReviewVerdict::Favourable, _)) => {}
                Some((ReviewVerdict::Unfavourable, comment)) => domains.push(format!("{name}: {comment}")),
                Some((ReviewVerdict::SentBack, comment)) => sent_back.push(format!("{name}: {comment}")),
                None => {
                    domains.push(format!(
                        "{name}: no review yet, due {}",
                        due.to_zoned(TimeZone::UTC).date()
                    ));
                    deadlines.push((role, due));
                }
            }
        }
        let begun = counted.iter().any(|review| !review.statement.decision);
        Self {
            submission,
            domains,
            supervised,
            sent_back,
            begun,
            deadlines,
        }
    }

    const fn is_reviewed(&self) -> bool {
        self.domains.is_empty() && self.sent_back.is_empty()
    }

    fn untested(&self, profile: &Profile) -> String {
        let starts = |text: &&String| text.contains(&format!(" of {} ", profile.name));
        let texts = self.submission.iter().chain(&self.supervised);
        texts.filter(starts).cloned().collect::<Vec<_>>().join(", ")
    }

    /// Not decided, or decided before everything was there.
    fn standing(self, undecided: &[Role]) -> Standing {
        let state = if !self.sent_back.is_empty() {
            State::SentBack
        } else if !self.submission.is_empty() {
            State::Submitted
        } else if self.domains.is_empty() && self.supervised.is_empty() {
            State::SupervisedTested
        } else if self.begun {
            State::InReview
        } else {
            State::SelfTested
        };
        let mut missing = [self.sent_back, self.submission, self.domains, self.supervised].concat();
        let decisions = undecided
            .iter()
            .map(|role| format!("decision of the {} entity", role.as_str()));
        missing.extend(decisions);
        Standing {
            deadlines: self.deadlines,
            ..Standing::closed(state, missing)
        }
    }
}
