//! What a control comes to: its checks over what was observed or brought and when, the document that people bring, and the time to live.
//!
//! Nothing passes by default. What is not there yet is `not-yet` whatever its checks say so far, what is older than its time to live is `stale`, what comes from the
//! future (a clock that was moved) or was not observed at all is an error; of several findings the worst counts.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::control::{Check, Control, State};
use crate::evaluate::{Inputs, Outcome, evaluate, offenders};

/// How far the clock of who observed may go ahead.
pub const AHEAD: SignedDuration = SignedDuration::from_secs(60);
/// What a finding is about that is about what people brought, or should have.
pub const DOCUMENT: &str = "document";
/// What a check says of which nothing was collected, and of which nothing was brought.
const UNOBSERVED: &str = "nothing was observed";
const NOT_BROUGHT: &str = "nobody brought what it asks for (`dmpctl compliance attest`)";
/// Offenders that are named; the others are counted.
const SHOWN: usize = 8;

/// From good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Pass,
    /// It is not so, and tolerated until a day ([`crate::exception`]): no pass.
    Excepted,
    /// The evidence is older than it may be.
    Stale,
    /// Nobody knows.
    Error,
    Fail,
    /// The part of the platform that it watches does not exist: counts as failing.
    NotYet,
}

impl Verdict {
    /// From good to bad.
    pub const ALL: [Self; 6] = [
        Self::Pass,
        Self::Excepted,
        Self::Stale,
        Self::Error,
        Self::Fail,
        Self::NotYet,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Excepted => "excepted",
            Self::Stale => "stale",
            Self::Error => "error",
            Self::Fail => "fail",
            Self::NotYet => "not-yet",
        }
    }

    /// The verdict of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == text)
    }

    pub const fn passes(self) -> bool {
        matches!(self, Self::Pass)
    }
}

/// What is known about one control.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub observations: Vec<Observation>,
    /// Checks whose inputs could not be collected, and why.
    pub unseen: BTreeMap<String, String>,
    /// What of it people brought.
    pub documents: Vec<Document>,
}

/// Inputs of a check, and when they were collected.
#[derive(Clone, Debug)]
pub struct Observation {
    pub check: String,
    /// The namespace that it is about; of none: the whole platform.
    pub scope: Option<String>,
    pub at: Timestamp,
    pub inputs: Inputs,
}

/// What people brought.
#[derive(Clone, Debug)]
pub struct Document {
    /// The role as which it was brought.
    pub role: String,
    /// When what it says was seen.
    pub at: Timestamp,
    /// SHA-256 that was stated, hex.
    pub stated: String,
    /// SHA-256 of what is there, hex.
    pub sha256: String,
    /// It is about a release that does not run here.
    pub other_release: bool,
}

/// Why something that was brought counts for nothing, however young it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("`{owner}` brings it, not `{role}`")]
    WrongRole { owner: String, role: String },
    #[error("it is not what its hash was made of")]
    WrongHash,
}

impl Document {
    /// Whether it can count for the control.
    ///
    /// # Errors
    /// Why it never does.
    pub fn usable(&self, control: &Control) -> Result<(), Unusable> {
        if control.owner() != self.role {
            return Err(Unusable::WrongRole {
                owner: control.owner().to_owned(),
                role: self.role.clone(),
            });
        }
        if !is_sha256(&self.stated) || self.stated != self.sha256 {
            return Err(Unusable::WrongHash);
        }
        Ok(())
    }
}

/// What a control comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judgement {
    pub verdict: Verdict,
    pub findings: Vec<Finding>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Name of the check; `document`, `implementation` where it is about these.
    pub about: String,
    /// The namespace that it is about.
    pub scope: Option<String>,
    pub verdict: Verdict,
    /// For people; empty when it passes.
    pub because: String,
    /// Of what is tolerated: the last day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// What the control comes to at this moment.
pub fn judge(control: &Control, evidence: &Evidence, now: Timestamp) -> Judgement {
    let mut findings = Vec::new();
    match control.implementation.state {
        State::NotYet => {
            let missing = control.implementation.missing.clone();
            findings.push(finding(
                "implementation",
                Verdict::NotYet,
                missing.unwrap_or_default(),
            ));
            findings.extend(checks(control, evidence, now).into_iter().filter(is_seen));
        }
        State::Evidence | State::Enforced | State::Checked => findings.extend(checks(control, evidence, now)),
    }
    findings.extend(documents(control, evidence, now));
    let worst = findings.iter().map(|finding| finding.verdict).max();
    Judgement {
        // A control of which nothing was found out is none that passes.
        verdict: worst.unwrap_or(Verdict::Error),
        findings,
    }
}

fn finding(about: &str, verdict: Verdict, because: impl Into<String>) -> Finding {
    Finding {
        about: about.to_owned(),
        scope: None,
        verdict,
        because: because.into(),
        until: None,
    }
}

/// Of a control that is not there yet, what nobody collects is no news.
fn is_seen(finding: &Finding) -> bool {
    finding.because != UNOBSERVED && finding.because != NOT_BROUGHT
}

fn checks(control: &Control, evidence: &Evidence, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    for check in &control.checks {
        if let Some(why) = evidence.unseen.get(&check.name) {
            findings.push(finding(&check.name, Verdict::Error, why));
        }
        let mut observed = evidence
            .observations
            .iter()
            .filter(|observation| observation.check == check.name)
            .peekable();
        if observed.peek().is_none() && !evidence.unseen.contains_key(&check.name) {
            let nothing = if check.observed { UNOBSERVED } else { NOT_BROUGHT };
            findings.push(finding(&check.name, Verdict::Error, nothing));
        }
        for observation in observed {
            let mut found = one(control, check, observation, now);
            found.scope.clone_from(&observation.scope);
            findings.push(found);
        }
    }
    findings
}

fn one(control: &Control, check: &Check, observation: &Observation, now: Timestamp) -> Finding {
    // What fails fails however old it is.
    match evaluate(control, check, &observation.inputs, now) {
        Outcome::Fail => {
            // A scope is named by itself.
            let offenders = match observation.scope {
                Some(_) => Vec::new(),
                None => offenders(control, check, &observation.inputs, now),
            };
            finding(&check.name, Verdict::Fail, untrue(&check.asks, &offenders))
        }
        Outcome::Error(error) => finding(&check.name, Verdict::Error, error.to_string()),
        Outcome::Pass => match age(control, observation.at, now) {
            Some((verdict, because)) => finding(&check.name, verdict, because),
            None => finding(&check.name, Verdict::Pass, ""),
        },
    }
}

/// What is not true, and the first of what makes it so.
fn untrue(asks: &str, offenders: &[String]) -> String {
    let mut text = format!("not true: {asks}");
    if !offenders.is_empty() {
        let shown: Vec<_> = offenders.iter().take(SHOWN).map(String::as_str).collect();
        text.push_str(" (");
        text.push_str(&shown.join(", "));
        if offenders.len() > SHOWN {
            text.push_str(&format!(" and {} more", offenders.len() - SHOWN));
        }
        text.push(')');
    }
    text
}

/// Of each that was brought, and of none where there should be one.
fn documents(control: &Control, evidence: &Evidence, now: Timestamp) -> Vec<Finding> {
    let brought = evidence.documents.iter();
    let mut findings: Vec<_> = brought.map(|one| document(control, one, now)).collect();
    if let Some(why) = evidence.unseen.get(DOCUMENT) {
        findings.push(finding(DOCUMENT, Verdict::Error, why));
    } else if findings.is_empty() && control.implementation.state == State::Evidence {
        let form = control.implementation.form.as_deref().unwrap_or_default();
        findings.push(finding(DOCUMENT, Verdict::Fail, format!("there is none: {form}")));
    }
    findings
}

fn document(control: &Control, document: &Document, now: Timestamp) -> Finding {
    let (verdict, because) = match document.usable(control) {
        Err(unusable) => (Verdict::Fail, unusable.to_string()),
        Ok(()) if document.other_release => (
            Verdict::Stale,
            "it is about a release that does not run here".to_owned(),
        ),
        Ok(()) => age(control, document.at, now).unwrap_or((Verdict::Pass, String::new())),
    };
    finding(DOCUMENT, verdict, because)
}

/// What its age makes of evidence; nothing when it counts.
fn age(control: &Control, at: Timestamp, now: Timestamp) -> Option<(Verdict, String)> {
    let age = now.duration_since(at);
    if age < -AHEAD {
        return Some((
            Verdict::Error,
            "it is of the future: a clock was moved".to_owned(),
        ));
    }
    (age > control.time_to_live()).then(|| {
        let days = control.evidence.ttl_days;
        (Verdict::Stale, format!("it is older than {days} days"))
    })
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
