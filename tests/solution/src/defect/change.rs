//! Defects in what is sent: a request that was right, changed. Each touches the one operation it is meant for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::call::{Body, Call, Operation};
use crate::digest::sha1_base64;
use crate::document_feeder::unique_id;
use crate::retry::Trouble;
use crate::task::first_identifier;

const ATTACHMENT: &str = "/content/0/attachment";

/// The resource of the Bundle's entry of this type, in a submission.
fn sent<'a>(call: &'a mut Call, kind: &str) -> Option<&'a mut Value> {
    let Body::Resource(bundle) = &mut call.body else {
        return None;
    };
    let entries = bundle.get_mut("entry")?.as_array_mut()?;
    entries
        .iter_mut()
        .filter_map(|entry| entry.get_mut("resource"))
        .find(|resource| resource["resourceType"] == kind)
}

pub(super) fn name_what_is_not_sent(call: &mut Call) {
    if let Some(Value::Array(items)) = sent(call, "List").and_then(|list| list.get_mut("entry")) {
        items.push(json!({ "item": { "reference": Uuid::new_v4().urn().to_string() } }));
    }
}

pub(super) fn hash_other_bytes(call: &mut Call) {
    let data = sent(call, "Binary").map(|binary| binary["data"].clone());
    let hash = sha1_base64(
        data.as_ref()
            .and_then(Value::as_str)
            .unwrap_or_default()
            .as_bytes(),
    );
    let reference = sent(call, "DocumentReference");
    if let Some(attachment) = reference.and_then(|reference| reference.pointer_mut(ATTACHMENT)) {
        attachment["hash"] = hash.into();
    }
}

pub(super) fn write_unique_id_without_urn(call: &mut Call) {
    let list = sent(call, "List");
    if let Some(Value::String(id)) = list.and_then(|list| list.pointer_mut("/identifier/0/value")) {
        *id = id.trim_start_matches("urn:oid:").to_owned();
    }
}

pub(super) fn leave_out_subject_of_set(call: &mut Call) {
    if let Some(Value::Object(list)) = sent(call, "List") {
        list.shift_remove("subject");
    }
}

pub(super) fn write_type_as_text(call: &mut Call) {
    if let Some(reference) = sent(call, "DocumentReference") {
        let display = reference["type"]["coding"][0]["display"].take();
        reference["type"] = json!({ "text": display.as_str().unwrap_or("document") });
    }
}

pub(super) fn rewrite_document(call: &mut Call) {
    let Some(data) = sent(call, "Binary").and_then(|binary| binary.get_mut("data")) else {
        return;
    };
    let mut bytes = STANDARD
        .decode(data.as_str().unwrap_or_default())
        .unwrap_or_default();
    bytes.push(b'\n');
    *data = STANDARD.encode(&bytes).into();
    let reference = sent(call, "DocumentReference");
    if let Some(attachment) = reference.and_then(|reference| reference.pointer_mut(ATTACHMENT)) {
        attachment["size"] = bytes.len().into();
        attachment["hash"] = sha1_base64(&bytes).into();
    }
}

pub(super) fn write_local_time_as_utc(call: &mut Call) {
    for (kind, pointer) in [
        ("List", "/date"),
        ("DocumentReference", "/date"),
        ("DocumentReference", "/content/0/attachment/creation"),
    ] {
        let Some(Value::String(date)) = sent(call, kind).and_then(|resource| resource.pointer_mut(pointer))
        else {
            continue;
        };
        if let Ok(instant) = date.parse::<Timestamp>() {
            *date = format!(
                "{:.3}",
                instant
                    .saturating_add(SignedDuration::from_hours(1))
                    .unwrap_or(instant)
            );
        }
    }
}

pub(super) fn submit_anew(call: &mut Call, trouble: Trouble) {
    if !matches!(trouble, Trouble::Lost | Trouble::Unavailable) {
        return;
    }
    let list = sent(call, "List");
    if let Some(id) = list.and_then(|list| list.pointer_mut("/identifier/0/value")) {
        *id = unique_id().into();
    }
}

/// The Patient of a feed.
fn fed(call: &mut Call) -> Option<&mut Value> {
    match (&call.operation, &mut call.body) {
        (Operation::Feed | Operation::Update, Body::Resource(patient)) => Some(patient),
        _ => None,
    }
}

pub(super) fn pad_number(call: &mut Call) {
    if fed(call).is_some() {
        for (_, identifier) in &mut call.query {
            identifier.push(' ');
        }
    }
}

pub(super) fn forget_gender(call: &mut Call) {
    if let Some(patient) = fed(call) {
        patient["gender"] = "unknown".into();
    }
}

pub(super) fn feed_one_identifier(call: &mut Call) {
    if let Some(Value::Array(identifiers)) = fed(call).and_then(|patient| patient.get_mut("identifier")) {
        identifiers.truncate(1);
    }
}

pub(super) fn update_under_other_identifier(call: &mut Call) {
    if call.operation != Operation::Update {
        return;
    }
    let mut patient = fed(call).cloned().unwrap_or_default();
    if let Some(Value::Array(identifiers)) = patient.get_mut("identifier") {
        identifiers.reverse();
    }
    if let Some(other) = first_identifier(&patient) {
        call.query = vec![("identifier".to_owned(), other.to_string())];
    }
}

/// The form of a search.
fn asked(call: &mut Call, operation: Operation) -> Option<&mut Vec<(String, String)>> {
    match &mut call.body {
        Body::Form(form) if call.operation == operation => Some(form),
        _ => None,
    }
}

pub(super) fn pad_system(call: &mut Call) {
    for (_, identifier) in asked(call, Operation::Find).into_iter().flatten() {
        *identifier = identifier.replace('|', " |");
    }
}

pub(super) fn pad_number_of_list(call: &mut Call) {
    for (name, value) in asked(call, Operation::List).into_iter().flatten() {
        if name == "patient.identifier" {
            value.push(' ');
        }
    }
}

pub(super) fn search_patient_in_url(call: &mut Call) {
    into_url(call, Operation::Find);
}

pub(super) fn list_in_url(call: &mut Call) {
    into_url(call, Operation::List);
}

fn into_url(call: &mut Call, operation: Operation) {
    let Some(form) = asked(call, operation) else {
        return;
    };
    call.query = std::mem::take(form);
    call.body = Body::Nothing;
    call.method = Method::GET;
    call.path = call.path.trim_end_matches("/_search").to_owned();
}
