//! The plan of action and milestones: an item for each control that does not pass, with what to type. No dates: who answers for
//! a control sets them.

use serde_json::{Value, json};

use super::metadata::{line, metadata};
use super::{Source, ids, results, ssp};
use crate::posture::Standing;

/// Of nothing when every control passes.
pub fn document(source: &Source<'_>) -> Option<Value> {
    let open: Vec<_> = source
        .standings
        .iter()
        .filter(|one| !one.verdict.passes())
        .collect();
    if open.is_empty() {
        return None;
    }
    let observations = open.iter().flat_map(|one| results::observations(source, one));
    let findings = open.iter().map(|one| results::finding(source, one));
    let items = open.iter().map(|one| item(source, one));
    Some(json!({ "plan-of-action-and-milestones": {
        "uuid": source.document(ids::POAM),
        "metadata": metadata(source, "Plan of action and milestones", "Everything that does not pass."),
        "import-ssp": { "href": ids::SSP },
        "system-id": ssp::system_id(source),
        "observations": observations.collect::<Vec<_>>(),
        "findings": findings.collect::<Vec<_>>(),
        "poam-items": items.collect::<Vec<_>>(),
    } }))
}

fn item(source: &Source<'_>, standing: &Standing<'_>) -> Value {
    let control = standing.control;
    json!({
        // The same item until the control passes.
        "uuid": source.uuid(&format!("poam-item/{}", control.id)),
        "title": line(&format!("{}: {}", control.id, control.title.en)),
        "description": results::because(standing),
        "props": results::verdict_props(control, standing.verdict, standing.since),
        "related-findings": [{ "finding-uuid": results::finding_uuid(source, standing) }],
        "related-observations": results::related(source, standing),
        "remarks": format!("What to type:\n\n```\n{}\n```", control.remediation.trim()),
    })
}
