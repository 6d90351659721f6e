//! What is referred to is there, once.

use std::collections::BTreeSet;

use dmp_policies::Catalogue;
use serde_json::Value;

use super::{SYSTEM, mixed, now, read, written};

#[test]
fn what_is_referred_to_is_there() {
    let documents = written(&mixed(), SYSTEM, now());
    let files: BTreeSet<_> = documents.iter().map(|one| one.file.as_str()).collect();
    let documents = read(&documents);
    let mut known: BTreeSet<String> = BTreeSet::new();
    for (file, document) in &documents {
        let defined = uuids(document);
        let different: BTreeSet<_> = defined.iter().collect();
        assert_eq!(
            different.len(),
            defined.len(),
            "{file} defines an identifier twice"
        );
        known.extend(defined);
    }
    let mut ids = BTreeSet::new();
    collect(&documents["catalog.json"], &mut |name, value| {
        if name == "id" {
            assert!(ids.insert(value.to_owned()), "{value} is twice in the catalogue");
        }
    });
    for (file, document) in &documents {
        collect(document, &mut |name, value| match name {
            "href" | "source" if value.ends_with(".json") => {
                assert!(files.contains(value), "{file}: {value}");
            }
            "href" => assert!(known.contains(value.trim_start_matches('#')), "{file}: {value}"),
            "component-uuid" | "observation-uuid" | "finding-uuid" | "subject-uuid" | "actor-uuid" => {
                assert!(known.contains(value), "{file}: {name} {value}");
            }
            "control-id" | "target-id" => assert!(ids.contains(value), "{file}: {value}"),
            _ => {}
        });
    }
    // The identifiers of a framework stay different as tokens.
    let catalogue = Catalogue::embedded().unwrap();
    let collection = &documents["mapping-collection.json"]["mapping-collection"];
    let mappings = collection["mappings"].as_array().unwrap();
    assert_eq!(mappings.len(), catalogue.frameworks().len());
    for (framework, mapping) in catalogue.frameworks().iter().zip(mappings) {
        let maps = mapping["maps"].as_array().unwrap();
        let tokens: BTreeSet<_> = maps
            .iter()
            .map(|map| map["targets"][0]["id-ref"].as_str().unwrap())
            .collect();
        assert_eq!(tokens.len(), framework.identifiers.len(), "{}", framework.key);
        let pairs: usize = framework.identifiers.iter().map(|one| one.controls.len()).sum();
        assert_eq!(maps.len(), pairs);
        assert!(maps.iter().all(|map| map["relationship"] == "intersects-with"));
    }
    let text = collection.to_string();
    for token in [
        "\"exi-05.c\"",
        "\"acc-sys_app-privil\"",
        "\"art-24-1-f\"",
        "\"_9.1\"",
    ] {
        assert!(text.contains(token), "{token}");
    }
}

/// What is named `uuid` in a document: what it defines.
pub fn uuids(document: &Value) -> Vec<String> {
    match document {
        Value::Object(fields) => {
            let own = fields.get("uuid").and_then(Value::as_str).map(ToOwned::to_owned);
            own.into_iter().chain(fields.values().flat_map(uuids)).collect()
        }
        Value::Array(items) => items.iter().flat_map(uuids).collect(),
        _ => Vec::new(),
    }
}

fn collect(value: &Value, see: &mut impl FnMut(&str, &str)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some(text) = value.as_str() {
                    see(name, text);
                }
                collect(value, see);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, see)),
        _ => {}
    }
}
