//! Whether the platform, or a group, may be open to real people: an audit before, the authority's decision with an end, more time
//! in an emergency by two bodies (law 05-20, art. 4 and 19). Pure.
//!
//! All `SystemHomologation`s of one subject come to one [`Standing`], and with the platform's and the site's to one [`Gate`]. What
//! cannot be read, verified or attributed opens nothing; the authority's last word closes whatever else was said.

use dmp_api::body::{Organisation, Role};
use dmp_api::{SystemHomologation, SystemWord};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use kube::ResourceExt;

use crate::dossier::arrived;
use crate::quorum::{self, NotCounted};
use crate::signed::{Read, Refused, Signer};
pub use crate::statement::AtEnd;
use crate::statement::{Says, System};

/// How long before a decision its audit may have ended, days.
pub const AUDIT_AGE: i64 = 365;
/// The longest extension, days from its signature.
pub const EXTENSION: i64 = 30;
/// How long after the end of a decision extensions reach, all together, days.
pub const EXTENDED: i64 = 90;
/// Days before the end at which it is said.
pub const WARNINGS: [i64; 3] = [90, 30, 7];

/// Whether what is real may pass. In the order of severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    Open,
    /// Nothing new is written.
    ReadOnly,
    Closed,
}

impl From<AtEnd> for Gate {
    fn from(at_end: AtEnd) -> Self {
        match at_end {
            AtEnd::ReadOnly => Self::ReadOnly,
            AtEnd::Closed => Self::Closed,
        }
    }
}

/// Where one subject stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has decided.
    Undecided,
    /// Decided on an audit that does not count, or is none.
    AuditMissing,
    /// The authority's last word is no.
    Refused,
    Active,
    /// Ninety days or fewer are left.
    Expiring,
    /// After its end, open by the word of two bodies.
    Extended,
    Ended,
}

impl State {
    /// Reason of a condition.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Undecided => "Undecided",
            Self::AuditMissing => "AuditMissing",
            Self::Refused => "Refused",
            Self::Active => "Active",
            Self::Expiring => "Expiring",
            Self::Extended => "Extended",
            Self::Ended => "Ended",
        }
    }
}

/// What is known of one subject on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub state: State,
    /// Last day on which it is open, extensions included; of one that has ended, the day it did.
    pub until: Option<Date>,
    /// What the decision wants after its end.
    pub at_end: AtEnd,
    /// When the audit ended that the decision rests on.
    pub audited_at: Option<Date>,
    /// By name, in the order of arrival: who signed it, or why it does not count.
    pub words: Vec<(String, Result<Signer, Refused>)>,
}

impl Standing {
    pub fn gate(&self) -> Gate {
        match self.state {
            State::Active | State::Expiring | State::Extended => Gate::Open,
            State::Ended => self.at_end.into(),
            State::Undecided | State::AuditMissing | State::Refused => Gate::Closed,
        }
    }

    /// The gate on a site whose qualification holds or not: without it nothing is better than after the end.
    pub fn gate_at(&self, qualified: bool) -> Gate {
        let own = self.gate();
        if qualified {
            own
        } else {
            own.max(self.at_end.into())
        }
    }

    /// Days that are left; negative after the end.
    pub fn days_left(&self, today: Date) -> Option<i64> {
        self.until.map(|until| days(today, until))
    }
}

/// Whom the words are about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// `Platform.spec.domain`.
    pub domain: &'a str,
    /// Name of the `HealthGroup`; `None`: the platform.
    pub health_group: Option<&'a str>,
    /// Whose auditor would audit their own: who decides, the controller of the group.
    pub parties: &'a [Organisation],
    /// When the group came into being: what was said before was said of another one of that name.
    pub since: Option<Timestamp>,
}

/// The day of a moment, UTC.
pub fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn days(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

/// What a statement says, for the columns of `kubectl get`.
pub fn shown(says: &Says) -> (SystemWord, Option<Date>) {
    match says {
        Says::Audit { .. } => (SystemWord::Audit, None),
        Says::Decision { until, .. } => (SystemWord::Decision, Some(*until)),
        Says::Refusal => (SystemWord::Refusal, None),
        Says::Extension { until } => (SystemWord::Extension, Some(*until)),
    }
}

/// A word that was signed by whom it must be.
struct Word {
    says: Says,
    /// When it was signed, and not after it arrived.
    at: Timestamp,
    signer: Signer,
}

/// Where a subject stands at `now`. `words`: all there are, or more than its own.
pub fn standing<'a>(
    subject: Subject<'_>,
    words: impl Iterator<Item = (&'a SystemHomologation, Read<System>)>,
    now: Timestamp,
) -> Standing {
    let mut own: Vec<_> = words
        .filter(|(object, _)| object.spec.health_group.as_deref() == subject.health_group)
        .map(|(object, read)| {
            let at = arrived(&object.metadata);
            (at, object.name_any(), counted(subject, at, read))
        })
        .collect();
    own.sort_by(|(at, name, _), (other_at, other, _)| (at, name).cmp(&(other_at, other)));
    let extending: Vec<Signer> = own.iter().filter_map(|(_, _, read)| extends(read)).collect();
    let mut together = quorum::together(&extending.iter().collect::<Vec<_>>(), &[]).into_iter();
    let (mut good, mut said) = (Vec::new(), Vec::new());
    for (arrived, name, read) in own {
        let read = match &read {
            Ok(word) if matches!(word.statement.says, Says::Extension { .. }) => match together.next() {
                Some(Ok(())) => read,
                Some(Err(refusal)) => Err(refusal.into()),
                None => Err(Refused::new("Unreadable", "it cannot be read")),
            },
            _ => read,
        };
        if let Ok(word) = &read {
            good.push(Word {
                says: word.statement.says.clone(),
                at: word.statement.signed_at.min(arrived),
                signer: word.signer.clone(),
            });
        }
        said.push((name, read.map(|word| word.signer)));
    }
    let mut standing = decided(&good, day(now));
    standing.words = said;
    standing
}

/// The word, if whoever signed it may say it about this subject.
fn counted(subject: Subject<'_>, arrived: Timestamp, read: Read<System>) -> Read<System> {
    let word = read?;
    let System {
        domain,
        health_group,
        says,
        signed_at,
        ..
    } = &word.statement;
    if domain != subject.domain {
        return Err(Refused::other_platform());
    }
    if health_group.as_deref() != subject.health_group {
        let text = "the signed statement is about another group than spec.healthGroup says";
        return Err(Refused::new("OtherSubject", text));
    }
    if subject.since.is_some_and(|since| arrived < since) {
        let text = "it was said of an earlier group of that name: sign again";
        return Err(Refused::new("OtherSubject", text));
    }
    let role = word.signer.role;
    let may = match says {
        Says::Audit { .. } => role == Role::Auditor,
        Says::Decision { .. } | Says::Refusal => role == Role::Authority,
        Says::Extension { .. } => quorum::DECIDING.contains(&role),
    };
    if !may {
        return Err(Refused::wrong_body(role));
    }
    match says {
        Says::Audit { report_sha256, .. } | Says::Decision { report_sha256, .. }
            if !is_sha256(report_sha256) =>
        {
            Err(Refused::new(
                "NotAStatement",
                "the report is named by 64 hexadecimal digits",
            ))
        }
        Says::Audit { .. } if is_own(&word.signer, subject.parties) => Err(Refused::new(
            NotCounted::OwnProduct.reason(),
            "the auditor belongs to who decides or to who is audited",
        )),
        Says::Audit { audited_at, .. } if *audited_at > day(*signed_at) => Err(Refused::new(
            "FutureDate",
            "the audit ends after the day on which it was signed",
        )),
        Says::Extension { until } if days(day(*signed_at), *until) > EXTENSION => Err(Refused::new(
            "TooLong",
            format!("an extension is for {EXTENSION} days at most: sign a shorter one"),
        )),
        _ => Ok(word),
    }
}

fn is_own(signer: &Signer, parties: &[Organisation]) -> bool {
    parties.iter().any(|party| quorum::belongs_to(signer, party))
}

fn extends(read: &Read<System>) -> Option<Signer> {
    let word = read.as_ref().ok()?;
    matches!(word.statement.says, Says::Extension { .. }).then(|| word.signer.clone())
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// From the words that count. A refusal ends what was decided until then (of two words at the same moment it is the later one); of the
/// decisions since, the last one counts that rests on an audit, and for it the extensions that did not come before it.
fn decided(words: &[Word], today: Date) -> Standing {
    let none = |state| Standing {
        state,
        until: None,
        at_end: AtEnd::Closed,
        audited_at: None,
        words: Vec::new(),
    };
    let refusals = words.iter().filter(|word| word.says == Says::Refusal);
    let refused = refusals.map(|word| word.at).max();
    let decisions = words
        .iter()
        .filter(|word| matches!(word.says, Says::Decision { .. }));
    let since = decisions.filter(|word| refused.is_none_or(|refused| word.at > refused));
    let mut since: Vec<&Word> = since.collect();
    since.sort_by_key(|word| word.at);
    if since.is_empty() {
        let state = refused.map_or(State::Undecided, |_| State::Refused);
        return none(state);
    }
    let last = since.into_iter().rev().find_map(|word| match &word.says {
        Says::Decision {
            report_sha256,
            until,
            at_end,
        } => Some((word, *until, *at_end, audit(words, report_sha256, word)?)),
        _ => None,
    });
    let Some((decision, until, at_end, audited_at)) = last else {
        return none(State::AuditMissing);
    };
    let extended = extended(words, decision.at, until);
    let state = if today <= until && days(today, until) > WARNINGS[0] {
        State::Active
    } else if today <= until {
        State::Expiring
    } else if extended.is_some_and(|extended| today <= extended) {
        State::Extended
    } else {
        State::Ended
    };
    Standing {
        state,
        until: Some(extended.map_or(until, |extended| extended.max(until))),
        at_end,
        audited_at: Some(audited_at),
        words: Vec::new(),
    }
}

/// The audit that a decision rests on: favourable in the auditor's last word on this report, not too old then, and by another
/// person, employer and key than the decision.
fn audit(words: &[Word], report: &str, decision: &Word) -> Option<Date> {
    let audits = words.iter().filter_map(|word| match &word.says {
        Says::Audit {
            favourable,
            audited_at,
            report_sha256,
        } if report_sha256.eq_ignore_ascii_case(report) => Some((word, !favourable, *audited_at)),
        _ => None,
    });
    let (word, unfavourable, audited_at) =
        audits.max_by_key(|(word, unfavourable, at)| (word.at, *unfavourable, *at))?;
    let age = days(audited_at, day(decision.at));
    let good = !unfavourable
        && (0..=AUDIT_AGE).contains(&age)
        && quorum::are_distinct(&word.signer, &decision.signer);
    good.then_some(audited_at)
}

/// Until when both bodies extend a decision of that moment which ends at `until`.
fn extended(words: &[Word], decided: Timestamp, until: Date) -> Option<Date> {
    let latest = |role: Role| {
        let of = words.iter().filter_map(|word| match word.says {
            Says::Extension { until } if word.signer.role == role && word.at >= decided => Some(until),
            _ => None,
        });
        of.max()
    };
    let [interop, security] = quorum::DECIDING.map(latest);
    let limit = until
        .checked_add(jiff::Span::new().days(EXTENDED))
        .unwrap_or(until);
    Some(interop?.min(security?).min(limit))
}
