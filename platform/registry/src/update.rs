//! What a feed makes of the Patient that is stored. Pure.
//!
//! A feed replaces the resource and adds to the identifiers: a hospital that knows the patient by its own number must
//! not take away the number of another one.

use dmp_core::ids::PatientId;
use dmp_fhir::patient::Patient;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The new Patient (already checked) with the identifiers of `old` that it does not have.
pub(crate) fn merged(mut new: Value, old: &Value) -> Value {
    let Ok(known) = Patient::parse(&new) else {
        return new;
    };
    let kept: Vec<Value> = old
        .get("identifier")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|identifier| {
            let text = |name: &str| identifier.get(name).and_then(Value::as_str).unwrap_or_default();
            !known.has_identifier(text("system"), text("value"))
        })
        .cloned()
        .collect();
    if let Some(Value::Array(identifiers)) = new.get_mut("identifier") {
        identifiers.extend(kept);
    }
    new
}

/// Whether two versions say the same; id and version of the sender's copy do not count.
pub(crate) fn same(new: &Value, old: &Value) -> bool {
    let content = |value: &Value| {
        let mut value = value.clone();
        if let Value::Object(map) = &mut value {
            map.remove("id");
            map.remove("meta");
        }
        value
    };
    content(new) == content(old)
}

/// The Patient as it is stored and answered: the registry's id and version, nothing of the sender's.
pub(crate) fn stamp(mut patient: Value, id: PatientId, version: i32, at: Timestamp) -> Value {
    patient["id"] = id.as_uuid().to_string().into();
    let mut meta = match patient.get("meta") {
        Some(Value::Object(meta)) => meta.clone(),
        _ => serde_json::Map::new(),
    };
    meta.insert("versionId".to_owned(), version.to_string().into());
    meta.insert("lastUpdated".to_owned(), json!(format!("{at:.3}")));
    patient["meta"] = Value::Object(meta);
    patient
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn patient(identifiers: &[&str], city: &str) -> Value {
        let identifiers: Vec<Value> = identifiers
            .iter()
            .map(|value| json!({ "system": "s", "value": value }))
            .collect();
        json!({ "resourceType": "Patient", "identifier": identifiers, "address": [{ "city": city }] })
    }

    #[test]
    fn identifiers_are_added_and_the_rest_is_replaced() {
        let merged = merged(patient(&["b"], "Fès"), &patient(&["a", "b"], "Salé"));
        assert_eq!(merged, patient(&["b", "a"], "Fès"));
    }

    #[test]
    fn the_senders_id_and_version_make_no_change() {
        let at = Timestamp::from_second(1_795_600_000).unwrap();
        let id = PatientId::random();
        let stored = stamp(patient(&["a"], "Fès"), id, 1, at);
        assert_eq!(stored["id"], id.as_uuid().to_string());
        assert_eq!(stored["meta"]["lastUpdated"], format!("{at:.3}"));
        let mut sent = patient(&["a"], "Fès");
        sent["id"] = "ma-patient".into();
        sent["meta"] = json!({ "versionId": "7" });
        assert!(same(&sent, &stored));
        assert!(!same(&patient(&["a"], "Salé"), &stored));
    }
}
