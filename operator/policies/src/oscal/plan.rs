//! The assessment plan: what the evaluator does, all the time, with every control.

use serde_json::{Value, json};

use super::metadata::metadata;
use super::{Source, component, ids};

pub fn document(source: &Source<'_>) -> Value {
    let mut evaluator = component::components(source).pop().unwrap_or_default();
    evaluator["status"] = json!({ "state": "operational" });
    json!({ "assessment-plan": {
        "uuid": source.document(ids::PLAN),
        "metadata": metadata(source, "Assessment plan", ""),
        "import-ssp": { "href": ids::SSP },
        "reviewed-controls": reviewed(),
        "assessment-subjects": [{ "type": "component", "include-all": {} }],
        "assessment-assets": {
            "components": [evaluator],
            "assessment-platforms": [{
                "uuid": source.uuid("assessment-platform"),
                "title": "dmp-evaluator in the cluster",
                "uses-components": [{ "component-uuid": source.uuid(ids::EVALUATOR) }],
            }],
        },
        "tasks": [
            {
                "uuid": source.uuid("task/evaluate"), "type": "action", "title": "Read the cluster and judge every control",
                "timing": { "at-frequency": { "period": 20, "unit": "seconds" } },
            },
            {
                "uuid": source.uuid("task/bring"), "type": "action",
                "title": "Bring the documents and facts that only people have, before they end",
                "responsible-roles": crate::control::OWNERS.map(|owner| json!({ "role-id": owner })),
            },
        ],
    } })
}

/// Every control and every check of it.
pub fn reviewed() -> Value {
    json!({
        "control-selections": [{ "include-all": {} }],
        "control-objective-selections": [{ "include-all": {} }],
    })
}
