//! Where a version stands: one function from facts and a time. Nothing stores a state that could disagree with it.

use std::collections::{BTreeMap, BTreeSet};

use dmp_api::body::Role;
use dmp_api::homologation_review::ReviewVerdict;
use dmp_api::solution_homologation::HomologationState as State;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub use crate::facts::{Evidence, EvidenceRule, Facts, Grant, Profile, Rules};
use crate::quorum::{self, DECIDING, Decision};
use crate::signed::Signed;
use crate::statement::Review;

/// Days before an end at which it is announced.
pub const WARNING_DAYS: [i64; 3] = [90, 30, 7];
/// A homologation with so many days left is `Expiring`.
const EXPIRING_DAYS: i64 = 30;
/// Days of a deciding body that the programme gives none.
const DEFAULT_DAYS: i64 = 5;

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
    let mut standing = reached(facts, now);
    let over = matches!(
        standing.state,
        State::Revoked | State::Withdrawn | State::Superseded
    );
    if !over {
        standing.warnings.extend(facts.warnings.iter().cloned());
    }
    standing
}

fn reached(facts: &Facts, now: Timestamp) -> Standing {
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
    let counted = counted(facts);
    let course = Course::of(facts, &counted);
    match decision(facts, &counted) {
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
        // A patch that has not been run yet.
        Decision::Granted { .. } if facts.carried.is_some() && facts.is_not_run() => course.standing(&[]),
        Decision::Granted { scopes, until, at } if course.is_reviewed() => {
            granted(facts, &course, scopes, until, at, now)
        }
        Decision::Granted { .. } => course.standing(&[]),
        Decision::Open(missing) => course.standing(&missing),
    }
}

fn counted(facts: &Facts) -> Vec<&Signed<Review>> {
    let sifted = quorum::sift(&facts.reviews, &facts.subject);
    let reviews = facts.reviews.iter().zip(sifted);
    reviews
        .filter_map(|(review, counts)| counts.is_ok().then_some(review))
        .collect()
}

/// What the bodies say about it; while they have not both spoken, what they granted to the version before it if that counts.
fn decision(facts: &Facts, counted: &[&Signed<Review>]) -> Decision {
    match (quorum::decision(counted), &facts.carried) {
        (Decision::Open(_), Some(carried)) => {
            let mut carried = carried.clone();
            // The one that has spoken may have granted less.
            for role in DECIDING {
                let own = quorum::word_of(role, counted);
                if let Some(scopes) = own.and_then(|own| own.scopes.as_ref()) {
                    carried.scopes.retain(|scope| scopes.contains(scope));
                }
                let until = own.and_then(|own| own.until);
                carried.until = until.map_or(carried.until, |until| until.min(carried.until));
            }
            Decision::Granted {
                scopes: Some(carried.scopes),
                until: Some(carried.until),
                at: carried.at,
            }
        }
        // It had been open by that.
        (Decision::Refused { by, comment, .. }, Some(_)) => Decision::Refused {
            by,
            comment,
            reversed: true,
        },
        (decision, _) => decision,
    }
}

/// What both bodies have granted while every domain is favourable, whatever became of it since.
pub(crate) fn grant(facts: &Facts) -> Option<Grant> {
    let counted = counted(facts);
    match decision(facts, &counted) {
        Decision::Granted { scopes, until, at } if Course::of(facts, &counted).is_reviewed() => Some(Grant {
            scopes: scopes.map_or_else(|| facts.asked(), |scopes| &scopes & &facts.asked()),
            until: facts.end(until, at),
            at,
        }),
        _ => None,
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
    let longest = facts.longest(at);
    let end = facts.end(until, at);
    if now >= end {
        return Standing::closed(
            State::Expired,
            vec![format!("it ended at {end}: submit it again")],
        );
    }
    if !facts.suspended.is_empty() {
        return Standing::closed(State::Suspended, facts.suspended.clone());
    }
    let asked = facts.asked();
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
        let depends = |scope: &&String| rule.scopes.is_empty() || rule.scopes.contains(*scope);
        let depending: BTreeSet<String> = scopes.iter().filter(depends).cloned().collect();
        let closes = depending
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let kind = rule.kind.as_str();
        match last {
            Some(last) if today <= last => {
                let warning = announced(kind, today, last);
                warnings.extend(warning.map(|warning| match closes.as_str() {
                    "" => warning,
                    closes => format!("{warning}; {closes} then closes"),
                }));
            }
            _ => {
                scopes = &scopes - &depending;
                missing.push(match closes.as_str() {
                    "" => format!("{kind} has ended: bring a new one"),
                    closes => {
                        format!("{kind} has ended: bring a new one; {closes} is closed until it counts")
                    }
                });
            }
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
        since: Some(at.max(facts.submitted_at)),
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
