//! References between entries become references to what is stored (FHIR transaction processing, `urn:uuid` → id).

use std::collections::HashMap;

use serde_json::Value;

/// fullUrl → `Type/id`.
pub(crate) type Links = HashMap<String, String>;

/// Replaces every `reference` and `url` in the resource that is a key of `links`. Nothing else changes.
pub(crate) fn rewrite(value: &mut Value, links: &Links) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, links)),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match member {
                    Value::String(text) if name == "reference" || name == "url" => {
                        if let Some(link) = links.get(text.as_str()) {
                            text.clone_from(link);
                        }
                    }
                    other => rewrite(other, links),
                }
            }
        }
        _ => {}
    }
}

/// The resource as stored: with its public id, its version, without the patient, who is added at each answer.
///
/// The patient's id outside does not belong into a group's store, not even encrypted with the rest: a merge changes it.
pub(crate) fn stored(mut resource: Value, id: &str, now: &str, links: &Links) -> Value {
    rewrite(&mut resource, links);
    if let Value::Object(members) = &mut resource {
        members.remove("subject");
        members.insert("id".to_owned(), id.into());
        set_version(members, 1, now);
    }
    resource
}

/// `meta.versionId` and `meta.lastUpdated`; profiles, labels and tags of the sender stay.
pub(crate) fn set_version(members: &mut serde_json::Map<String, Value>, version: u32, now: &str) {
    let meta = members
        .entry("meta")
        .or_insert_with(|| Value::Object(serde_json::Map::new()));
    if let Value::Object(meta) = meta {
        meta.insert("versionId".to_owned(), version.to_string().into());
        meta.insert("lastUpdated".to_owned(), now.into());
    }
}
