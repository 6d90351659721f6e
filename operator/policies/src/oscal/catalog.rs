//! The catalogue: each control with its statement, guidance, parameters and what is asked of it. The stricter values of a platform
//! are in the profiles.

use serde_json::{Value, json};

use super::metadata::{line, metadata, props};
use super::{Source, ids};
use crate::control::{Control, Parameter};
use crate::framework::FAMILIES;
use crate::profile::text;
use crate::time::day;

pub fn document(source: &Source<'_>) -> Value {
    let groups = FAMILIES.map(|(code, _, name)| {
        let controls = source.catalogue.controls().iter();
        let controls = controls.filter(|control| control.family() == code);
        let controls: Vec<_> = controls.map(|one| control(source, one)).collect();
        // OSCAL has no group without a control.
        (!controls.is_empty())
            .then(|| json!({ "id": code, "class": "family", "title": name, "controls": controls }))
    });
    json!({ "catalog": {
        "uuid": source.document(ids::CATALOG),
        "metadata": metadata(source, "Controls of the Moroccan shared medical record", ""),
        "groups": groups.into_iter().flatten().collect::<Vec<_>>(),
    } })
}

fn control(source: &Source<'_>, control: &Control) -> Value {
    let parameters = control.parameters_on(day(source.at));
    let parameters = parameters.into_iter().map(|one| parameter(control, one));
    let mut parts = vec![
        json!({ "id": ids::statement(control), "name": "statement", "prose": line(&control.statement.en) }),
        json!({
            "id": format!("{}.fr", ids::statement(control)), "name": "statement-fr", "ns": ids::NS,
            "prose": line(&control.statement.fr),
        }),
        json!({ "id": format!("{}_gdn", control.id), "name": "guidance", "prose": line(&control.rationale) }),
    ];
    parts.extend(control.checks.iter().map(|check| {
        json!({
            "id": ids::objective(control, &check.name), "name": "assessment-objective",
            "prose": line(&check.asks),
        })
    }));
    let observed = control.checks.iter().any(|check| check.observed);
    parts.push(json!({
        "id": format!("{}_asm", control.id),
        "name": "assessment-method",
        "props": [{
            "name": "method", "ns": "http://csrc.nist.gov/ns/rmf",
            "value": if observed { "TEST" } else { "EXAMINE" },
        }],
        "prose": line(&control.evidence.how),
    }));
    json!({
        "id": control.id,
        "class": "dmp",
        "title": line(&control.title.en),
        "params": parameters.collect::<Vec<_>>(),
        "props": props([
            ("title-fr", control.title.fr.as_str()),
            ("title-ar", &control.title.ar),
            ("severity", control.severity.as_str()),
            ("territory", "MA"),
            ("owner", control.owner()),
            ("evidence-ttl-days", &control.evidence.ttl_days.to_string()),
        ]),
        "parts": parts,
    })
}

fn parameter(control: &Control, parameter: &Parameter) -> Value {
    let instead_of = parameter.instead_of.as_ref();
    let (value, since) =
        instead_of.map_or((&parameter.value, parameter.since), |own| (&own.value, own.since));
    let until = parameter.until.map(|day| day.to_string());
    json!({
        "id": ids::parameter(control, &parameter.name),
        "label": line(&format!("{} ({})", parameter.name, parameter.unit)),
        "props": props([
            ("since", since.to_string().as_str()),
            ("until", until.as_deref().unwrap_or_default()),
        ]),
        "values": values(value),
    })
}

/// A value as OSCAL has them: texts.
pub fn values(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        value => vec![text(value)],
    }
}
