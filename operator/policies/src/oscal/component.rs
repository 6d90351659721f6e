//! The component definition: what of the software does or proves each control, and what the evaluator looks at.

use serde_json::{Value, json};

use super::metadata::{line, metadata, props};
use super::{Source, ids};
use crate::control::{Control, State};

pub fn document(source: &Source<'_>) -> Value {
    let controls = source.catalogue.controls();
    let does: Vec<_> = controls.iter().map(|one| requirement(source, one)).collect();
    let checks: Vec<_> = controls.iter().filter_map(|one| checks(source, one)).collect();
    let mut components = components(source);
    if let [platform, evaluator] = components.as_mut_slice() {
        let what = "What enforces, checks or proves each control; what is missing of it is said.";
        platform["control-implementations"] = implementation(source, ids::PLATFORM, what, &does);
        let what = "What is looked at on a running platform, every twenty seconds.";
        evaluator["control-implementations"] = implementation(source, ids::EVALUATOR, what, &checks);
    }
    json!({ "component-definition": {
        "uuid": source.document(ids::COMPONENTS),
        "metadata": metadata(source, "Software of the platform", ""),
        "components": components,
    } })
}

/// The software and who evaluates it, without what they implement.
pub fn components(source: &Source<'_>) -> Vec<Value> {
    vec![
        json!({
            "uuid": source.uuid(ids::PLATFORM), "type": "software", "title": "DMP",
            "description": "Operator, services and admission policies of the shared medical record.",
        }),
        json!({
            "uuid": source.uuid(ids::EVALUATOR), "type": "software", "title": "dmp-evaluator",
            "description": "Reads the cluster under an account of its own, judges each control, and reports; changes nothing.",
        }),
    ]
}

/// What OSCAL calls the state of a control, with what that state does not say.
pub fn status(control: &Control) -> Value {
    let it = &control.implementation;
    let (state, means) = match it.state {
        State::Enforced => (
            "implemented",
            "Every clause is enforced, and tests of the release prove it.",
        ),
        State::Checked => (
            "partial",
            "Nothing keeps it from being violated; a violation is found.",
        ),
        State::Evidence => ("partial", "People bring a document, in time, or it fails."),
        State::NotYet => (
            "planned",
            "A part of the platform is missing: it counts as failing.",
        ),
    };
    let said = [Some(means), it.missing.as_deref(), it.limits.as_deref()];
    let said: Vec<_> = said.into_iter().flatten().collect();
    json!({ "state": state, "remarks": line(&said.join(" ")) })
}

/// What enforces, checks or proves a control.
pub fn by(control: &Control) -> String {
    let it = &control.implementation;
    let mut parts: Vec<_> = it.by.iter().map(|by| by.parts()).collect();
    parts.dedup();
    let named: Vec<_> = parts
        .iter()
        .map(|(kind, name)| format!("{kind} {name}"))
        .collect();
    match (&it.form, named.is_empty()) {
        (Some(form), true) => line(&format!("People bring: {form}")),
        (Some(form), false) => line(&format!("People bring: {form}; {}", named.join("; "))),
        (None, true) => "Nothing of it is there yet.".to_owned(),
        (None, false) => named.join("; "),
    }
}

fn implementation(source: &Source<'_>, component: &str, what: &str, requirements: &[Value]) -> Value {
    if requirements.is_empty() {
        return Value::Null;
    }
    json!([{
        "uuid": source.uuid(&format!("implementation/{component}")),
        "source": ids::PROFILE,
        "description": what,
        "implemented-requirements": requirements,
    }])
}

fn requirement(source: &Source<'_>, control: &Control) -> Value {
    let status = status(control);
    let enforcement: Vec<_> = control.enforcement.iter().map(|one| one.as_str()).collect();
    json!({
        "uuid": source.uuid(&format!("requirement/{}", control.id)),
        "control-id": control.id,
        "description": by(control),
        "props": props([
            ("implementation-status", status["state"].as_str().unwrap_or_default()),
            ("state", control.implementation.state.as_str()),
            ("enforcement", &enforcement.join(", ")),
        ]),
        "responsible-roles": [{ "role-id": control.owner() }],
        "remarks": status["remarks"],
    })
}

/// The checks of a control that are answered on a running platform.
fn checks(source: &Source<'_>, control: &Control) -> Option<Value> {
    let observed: Vec<_> = control.checks.iter().filter(|check| check.observed).collect();
    let asked: Vec<_> = observed
        .iter()
        .map(|check| format!("{}: {}", check.name, check.asks))
        .collect();
    (!observed.is_empty()).then(|| {
        json!({
            "uuid": source.uuid(&format!("checks/{}", control.id)),
            "control-id": control.id,
            "description": line(&asked.join(" ")),
            "props": props(observed.iter().map(|check| ("check", check.name.as_str()))),
        })
    })
}
