//! The system security plan: the platform, its parts, and how far each control is implemented. As much as a machine can say of
//! it; who runs it and for whom, people say.

use serde_json::{Value, json};

use super::metadata::metadata;
use super::{Source, component, ids};
use crate::control::Control;

pub fn document(source: &Source<'_>) -> Value {
    let controls = source.catalogue.controls().iter();
    let requirements: Vec<_> = controls.map(|control| requirement(source, control)).collect();
    json!({ "system-security-plan": {
        "uuid": source.document(ids::SSP),
        "metadata": metadata(source, "System security plan", "Made by a program: a beginning for the plan that people answer for."),
        "import-profile": { "href": ids::PROFILE },
        "system-characteristics": characteristics(source),
        "system-implementation": {
            "users": users(source),
            "components": components(source),
        },
        "control-implementation": {
            "description": "How far the release implements each control; what a running platform comes to is in the assessment results.",
            "implemented-requirements": requirements,
        },
    } })
}

/// The platform as a whole, its software, and who evaluates it.
pub fn components(source: &Source<'_>) -> Vec<Value> {
    let mut components = vec![json!({
        "uuid": source.uuid(ids::SYSTEM), "type": "this-system", "title": title(source),
        "description": "The platform as it runs in its cluster.",
        "status": { "state": "operational" },
    })];
    components.extend(component::components(source).into_iter().map(|mut one| {
        one["status"] = json!({ "state": "operational" });
        one
    }));
    components
}

/// Name and identifier of the platform.
pub fn system_id(source: &Source<'_>) -> Value {
    json!({ "identifier-type": "https://ietf.org/rfc/rfc4122", "id": source.system.uid })
}

fn title(source: &Source<'_>) -> String {
    format!("DMP {}", source.system.name)
}

fn characteristics(source: &Source<'_>) -> Value {
    json!({
        "system-ids": [system_id(source)],
        "system-name": title(source),
        "description": "Shared medical record: registry of people, records, consent, audit and the gateway for the software of care.",
        "system-information": { "information-types": [{
            "uuid": source.uuid("information/health"),
            "title": "Health data",
            "description": "Medical records of patients, who may read them, and who has read them.",
        }] },
        "status": {
            "state": "other",
            "remarks": "It runs; whether it is in production is said by those who run it.",
        },
        "authorization-boundary": {
            "description": "The namespaces of the platform in its cluster, and the nodes that they run on.",
        },
    })
}

fn users(source: &Source<'_>) -> Vec<Value> {
    let users = crate::control::OWNERS.iter().map(|owner| {
        json!({
            "uuid": source.uuid(&format!("user/{owner}")),
            "title": format!("Whoever holds {owner}"),
            "role-ids": [owner],
        })
    });
    users.collect()
}

fn requirement(source: &Source<'_>, control: &Control) -> Value {
    json!({
        "uuid": source.uuid(&format!("implemented/{}", control.id)),
        "control-id": control.id,
        "responsible-roles": [{ "role-id": control.owner() }],
        "by-components": [{
            "component-uuid": source.uuid(ids::PLATFORM),
            "uuid": source.uuid(&format!("by-component/{}", control.id)),
            "description": component::by(control),
            "implementation-status": component::status(control),
        }],
    })
}
