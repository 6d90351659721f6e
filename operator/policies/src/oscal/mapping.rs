//! The mappings: each control and each identifier of a framework that it serves. They intersect: none of them is the other, in
//! whole or in part, and no auditor has said so.

use serde_json::{Value, json};

use super::metadata::{line, metadata, props};
use super::{Source, ids};
use crate::framework::{Framework, Identifier};

pub fn document(source: &Source<'_>) -> Value {
    let mappings: Vec<_> = source.frameworks().map(|one| mapping(source, one)).collect();
    let resources: Vec<_> = source.frameworks().map(|one| resource(source, one)).collect();
    json!({ "mapping-collection": {
        "uuid": source.document(ids::MAPPINGS),
        "metadata": metadata(source, "Controls and the texts that they serve", ""),
        "provenance": {
            "method": "human",
            "matching-rationale": "semantic",
            "status": "draft",
            "mapping-description": "Made while the controls were written, not reviewed by an auditor. A control helps to meet what an identifier asks for; it never meets all of it. Identifiers are those of the texts, as tokens; the property `identifier` is as the text writes it.",
        },
        "mappings": mappings,
        "back-matter": { "resources": resources },
    } })
}

fn mapping(source: &Source<'_>, framework: &Framework) -> Value {
    let maps = framework.identifiers.iter().flat_map(|identifier| {
        let controls = identifier.controls.iter();
        controls.map(move |control| map(source, framework, identifier, control))
    });
    let served = |id: &String| framework.identifiers.iter().any(|one| one.controls.contains(id));
    let controls = source.catalogue.controls().iter().map(|control| &control.id);
    let without: Vec<_> = controls.filter(|id| !served(id)).collect();
    let gap = (!without.is_empty()).then(|| {
        json!({
            "uuid": source.uuid(&format!("gap/{}", framework.key)),
            "unmapped-controls": [{ "with-ids": without }],
        })
    });
    json!({
        "uuid": source.uuid(&format!("mapping/{}", framework.key)),
        "source-resource": { "type": "catalog", "href": ids::CATALOG },
        "target-resource": { "type": "catalog", "href": format!("#{}", resource_uuid(source, framework)) },
        "maps": maps.collect::<Vec<_>>(),
        "source-gap-summary": gap,
    })
}

fn map(source: &Source<'_>, framework: &Framework, identifier: &Identifier, control: &str) -> Value {
    let name = format!("map/{}/{}/{control}", framework.key, identifier.id);
    json!({
        "uuid": source.uuid(&name),
        "relationship": "intersects-with",
        "sources": [{ "type": "control", "id-ref": control }],
        "targets": [{
            "type": "control",
            "id-ref": ids::token(&identifier.id),
            "props": props([
                ("identifier", identifier.id.as_str()),
                ("about", identifier.title.as_deref().unwrap_or_default()),
            ]),
        }],
    })
}

/// The text itself is nobody's to copy: its name, and what the list is.
fn resource(source: &Source<'_>, framework: &Framework) -> Value {
    json!({
        "uuid": resource_uuid(source, framework),
        "title": line(&framework.name),
        "description": line(&framework.about),
        "citation": { "text": line(&framework.name) },
    })
}

fn resource_uuid(source: &Source<'_>, framework: &Framework) -> String {
    source.uuid(&format!("resource/{}", framework.key))
}
