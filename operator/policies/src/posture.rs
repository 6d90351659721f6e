//! How each control stands, to who reads a report: nothing is taken for a pass but what the report says is one, on evidence that
//! is there and alive at the moment of reading. A report that nobody renews becomes stale by itself.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::control::Control;
use crate::judge::{AHEAD, Verdict};
use crate::load::Catalogue;
use crate::openreports::{EXCEPTED_UNTIL, Report, ReportResult};
use crate::time::day;

/// One control at the moment of reading.
#[derive(Clone, Debug)]
pub struct Standing<'c> {
    pub control: &'c Control,
    /// The worst of what is said.
    pub verdict: Verdict,
    /// Since when the worst is so.
    pub since: Option<Timestamp>,
    /// When the oldest evidence was collected; of none: nobody collected any.
    pub evidence_at: Option<Timestamp>,
    pub said: Vec<Said>,
}

/// One check, document or lack.
#[derive(Clone, Debug)]
pub struct Said {
    pub about: String,
    pub verdict: Verdict,
    /// Empty when it passes.
    pub because: String,
    pub since: Option<Timestamp>,
    pub evidence: Option<Kept>,
}

/// Where evidence is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Name of the ConfigMap in `dmp-evidence`.
    pub name: String,
    pub sha256: String,
    pub collected_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Every control of the catalogue, in its order; without a report each is an error.
pub fn posture<'c>(catalogue: &'c Catalogue, report: &Report, now: Timestamp) -> Vec<Standing<'c>> {
    catalogue
        .controls()
        .iter()
        .map(|control| standing(control, report, now))
        .collect()
}

/// The latest moment at which anything of it changed: a verdict, evidence that came, evidence that ended. Whoever reads again
/// before the next one finds the same posture, word for word.
pub fn changed_at(standings: &[Standing<'_>], now: Timestamp) -> Timestamp {
    let said = standings.iter().flat_map(|one| &one.said);
    let moments = said.flat_map(|one| {
        let kept = one.evidence.as_ref();
        let came = kept.map(|kept| kept.collected_at);
        // To its last moment it counts.
        let ended = kept.map(|kept| kept.expires_at).filter(|end| *end < now);
        [one.since, came, ended]
    });
    let past = moments.flatten().filter(|at| *at <= now).max();
    past.unwrap_or(now)
}

fn standing<'c>(control: &'c Control, report: &Report, now: Timestamp) -> Standing<'c> {
    let results = report.results.iter().filter(|result| result.policy == control.id);
    let mut said: Vec<Said> = results.map(|result| self::said(result, now)).collect();
    if said.is_empty() {
        said.push(Said {
            about: "report".to_owned(),
            verdict: Verdict::Error,
            because: "the report says nothing of it".to_owned(),
            since: None,
            evidence: None,
        });
    }
    let verdict = said.iter().map(|one| one.verdict).max().unwrap_or(Verdict::Error);
    let worst = said.iter().filter(|one| one.verdict == verdict);
    Standing {
        control,
        verdict,
        since: worst.filter_map(|one| one.since).min(),
        evidence_at: said
            .iter()
            .filter_map(|one| Some(one.evidence.as_ref()?.collected_at))
            .min(),
        said,
    }
}

/// Whether the last day of the exception is not over: it ends by itself, whoever renews the report.
fn is_tolerated(result: &ReportResult, now: Timestamp) -> bool {
    let until = result.properties.get(EXCEPTED_UNTIL);
    let until = until.and_then(|until| until.parse::<Date>().ok());
    until.is_some_and(|until| day(now) <= until)
}

fn said(result: &ReportResult, now: Timestamp) -> Said {
    let property = |name: &str| result.properties.get(name);
    let moment = |name: &str| property(name)?.parse::<Timestamp>().ok();
    let collected_at = Timestamp::from(result.timestamp);
    let evidence = property("evidence")
        .zip(property("evidenceSha256"))
        .zip(moment("expiresAt"));
    let evidence = evidence.map(|((name, sha256), expires_at)| Kept {
        name: name.clone(),
        sha256: sha256.clone(),
        collected_at,
        expires_at,
    });
    let written = property("verdict").and_then(|text| Verdict::parse(text));
    let (verdict, because) = match (written, &evidence) {
        (None, _) => (
            Verdict::Error,
            "the report gives no verdict that is known".to_owned(),
        ),
        (Some(Verdict::Pass), None) => (Verdict::Error, "the report names no evidence".to_owned()),
        (Some(Verdict::Pass), Some(kept)) if kept.collected_at.duration_since(now) > AHEAD => (
            Verdict::Error,
            "its evidence is of the future: a clock was moved".to_owned(),
        ),
        (Some(Verdict::Pass), Some(kept)) if kept.expires_at < now => (
            Verdict::Stale,
            format!("its evidence ended at {}", kept.expires_at),
        ),
        (Some(Verdict::Excepted), _) if !is_tolerated(result, now) => (
            Verdict::Fail,
            format!("the exception has ended: {}", result.message),
        ),
        (Some(verdict), _) => (verdict, result.message.clone()),
    };
    Said {
        about: result.rule.clone(),
        verdict,
        because,
        since: moment("since"),
        evidence,
    }
}
