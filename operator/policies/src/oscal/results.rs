//! The assessment results: an observation of each check, document or lack, and a finding of each control. Only what passes is
//! `satisfied`; what is stale, not known or not there yet is not, and says which.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::metadata::{line, metadata, props};
use super::plan::reviewed;
use super::{Source, component, ids};
use crate::control::Control;
use crate::judge::{DOCUMENT, Verdict};
use crate::posture::{Said, Standing};

pub fn document(source: &Source<'_>) -> Value {
    let observations = source.standings.iter().flat_map(|one| observations(source, one));
    let findings = source.standings.iter().map(|one| finding(source, one));
    // What people brought is older than the pass that counted it.
    let begin = source.standings.iter().filter_map(|one| one.evidence_at).min();
    json!({ "assessment-results": {
        "uuid": source.document(ids::RESULTS),
        "metadata": metadata(source, "Assessment results", ""),
        "import-ap": { "href": ids::PLAN },
        "results": [{
            "uuid": source.uuid(&format!("result/{}", source.at)),
            "title": "How every control stands",
            "description": "The worst of what is said of a control counts; nothing passes by default, on no evidence or on evidence that ended.",
            "start": begin.map_or(source.at, |begin| begin.min(source.at)).to_string(),
            "end": source.at.to_string(),
            "reviewed-controls": reviewed(),
            "observations": observations.collect::<Vec<_>>(),
            "findings": findings.collect::<Vec<_>>(),
        }],
    } })
}

/// What was seen of a control.
pub fn observations(source: &Source<'_>, standing: &Standing<'_>) -> Vec<Value> {
    let said = standing.said.iter();
    said.map(|said| observation(source, standing.control, said))
        .collect()
}

/// What the control comes to.
pub fn finding(source: &Source<'_>, standing: &Standing<'_>) -> Value {
    let control = standing.control;
    let (state, reason) = match standing.verdict {
        Verdict::Pass => ("satisfied", "pass"),
        Verdict::Fail | Verdict::Excepted => ("not-satisfied", "fail"),
        Verdict::Stale | Verdict::Error | Verdict::NotYet => ("not-satisfied", "other"),
    };
    json!({
        "uuid": finding_uuid(source, standing),
        "title": line(&format!("{}: {}", control.id, control.title.en)),
        "description": because(standing),
        "props": verdict_props(control, standing.verdict, standing.since),
        "target": {
            "type": "statement-id",
            "target-id": ids::statement(control),
            "status": { "state": state, "reason": reason },
            "implementation-status": component::status(control),
        },
        "related-observations": related(source, standing),
    })
}

/// The same finding until the verdict is another.
pub fn finding_uuid(source: &Source<'_>, standing: &Standing<'_>) -> String {
    let since = moment(standing.since);
    let (id, verdict) = (&standing.control.id, standing.verdict.as_str());
    source.uuid(&format!("finding/{id}/{verdict}/{since}"))
}

/// References to [`observations`].
pub fn related(source: &Source<'_>, standing: &Standing<'_>) -> Vec<Value> {
    let said = standing.said.iter();
    said.map(|said| json!({ "observation-uuid": observation_uuid(source, standing.control, said) }))
        .collect()
}

/// What makes the verdict; of a pass, that it is one.
pub fn because(standing: &Standing<'_>) -> String {
    let bad = standing.said.iter().filter(|said| !said.verdict.passes());
    let bad: Vec<_> = bad
        .map(|said| format!("{}: {}", said.about, words(said)))
        .collect();
    if bad.is_empty() {
        "Every check was answered with yes, on evidence that is alive.".to_owned()
    } else {
        line(&bad.join("; "))
    }
}

/// Verdict in the platform's own words, since when, severity and who answers for it.
pub fn verdict_props(control: &Control, verdict: Verdict, since: Option<Timestamp>) -> Vec<Value> {
    props([
        ("verdict", verdict.as_str()),
        ("since", moment(since).as_str()),
        ("severity", control.severity.as_str()),
        ("owner", control.owner()),
    ])
}

fn observation(source: &Source<'_>, control: &Control, said: &Said) -> Value {
    let check = control.checks.iter().find(|check| check.name == said.about);
    let method = match check {
        Some(check) if check.observed => "TEST",
        Some(_) => "EXAMINE",
        None if said.about == DOCUMENT => "EXAMINE",
        None => "UNKNOWN",
    };
    let objective = check.map(|check| ids::objective(control, &check.name));
    let kept = said.evidence.as_ref();
    let evidence = kept.map(|kept| {
        json!([{
            "description": line(&format!("ConfigMap {} in namespace dmp-evidence: what it was judged on, word for word", kept.name)),
            "props": props([("config-map", kept.name.as_str()), ("sha256", &kept.sha256)]),
        }])
    });
    let collected = kept.map(|kept| kept.collected_at).or(said.since);
    json!({
        "uuid": observation_uuid(source, control, said),
        "title": format!("{} {}", control.id, line(&said.about)),
        "description": words(said),
        "props": props([
            ("control", control.id.as_str()),
            ("about", &said.about),
            ("verdict", said.verdict.as_str()),
            ("objective", objective.as_deref().unwrap_or_default()),
        ]),
        "methods": [method],
        "types": [if check.is_some() { "control-objective" } else { "finding" }],
        "origins": [{ "actors": [{ "type": "tool", "actor-uuid": source.uuid(ids::EVALUATOR) }] }],
        "subjects": [{ "subject-uuid": source.uuid(ids::SYSTEM), "type": "component" }],
        "relevant-evidence": evidence,
        "collected": collected.unwrap_or(source.at).to_string(),
        "expires": kept.map(|kept| kept.expires_at.to_string()),
    })
}

fn words(said: &Said) -> String {
    match (said.because.trim(), said.verdict) {
        ("", Verdict::Pass) => "Answered with yes.".to_owned(),
        ("", verdict) => format!("No reason was given; the verdict is {}.", verdict.as_str()),
        (because, _) => line(because),
    }
}

/// The same observation as long as it is of the same evidence and says the same.
fn observation_uuid(source: &Source<'_>, control: &Control, said: &Said) -> String {
    let collected = said.evidence.as_ref().map(|kept| kept.collected_at);
    let (id, about, verdict) = (&control.id, &said.about, said.verdict.as_str());
    let (collected, since) = (moment(collected), moment(said.since));
    source.uuid(&format!("observation/{id}/{about}/{verdict}/{collected}/{since}"))
}

fn moment(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| at.to_string())
}
