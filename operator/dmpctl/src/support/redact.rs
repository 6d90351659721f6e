//! What is taken out of an object before it goes into a bundle.

use serde_json::{Map, Value};

/// Written in the place of what is taken out.
pub const HIDDEN: &str = "hidden";

/// Keys whose values are credentials, wherever they stand.
const CREDENTIALS: [&str; 7] = [
    "csr",
    "certificate",
    "token",
    "password",
    "key",
    // they carry the certificates of people, and what people wrote
    "statement",
    "endorsement",
];
/// Prefixes of annotations that programs write, not people.
const ANNOTATIONS: [&str; 6] = [
    "dmp.ma/",
    "cnpg.io/",
    "deployment.kubernetes.io/",
    "volume.kubernetes.io/",
    "storageclass.kubernetes.io/",
    "pv.kubernetes.io/",
];
/// Environment variables whose values are shown.
const VARIABLES: [&str; 2] = ["DMP_LOG", "RUST_LOG"];

/// An object of the API without what support does not need.
pub fn object(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|key, _| ANNOTATIONS.iter().any(|prefix| key.starts_with(prefix)));
        }
    }
    // the reason of a revocation and what is said of a non-conformity are written by a person; the reason of a condition is a word
    // of the product
    for written in ["/spec/reason", "/spec/finding", "/spec/measured", "/spec/text"] {
        if let Some(text) = object.pointer_mut(written) {
            *text = HIDDEN.into();
        }
    }
    if let Some(signatures) = object.pointer_mut("/spec/signatures") {
        *signatures = HIDDEN.into();
    }
    // who brought evidence of a control, and what is in it
    if object.get("kind").is_some_and(|kind| kind == "ControlEvidence") {
        for written in ["/spec/by", "/spec/inputs", "/spec/documents"] {
            if let Some(text) = object.pointer_mut(written) {
                *text = HIDDEN.into();
            }
        }
    }
    // what people wrote of an incident, and how others call it
    if object.get("kind").is_some_and(|kind| kind == "Incident") {
        for written in ["/spec/summary", "/spec/closing/word"] {
            if let Some(text) = object.pointer_mut(written) {
                *text = HIDDEN.into();
            }
        }
        for (list, field) in [("/spec/receipts", "reference"), ("/status/clocks", "receipt")] {
            let items = object.pointer_mut(list).and_then(Value::as_array_mut);
            for text in items.into_iter().flatten().filter_map(|item| item.get_mut(field)) {
                *text = HIDDEN.into();
            }
        }
    }
    // what a reviewer wrote is in these
    if object
        .get("kind")
        .is_some_and(|kind| kind == "SolutionHomologation")
    {
        if let Some(missing) = object.pointer_mut("/status/missing") {
            *missing = HIDDEN.into();
        }
        let conditions = object
            .pointer_mut("/status/conditions")
            .and_then(Value::as_array_mut);
        for condition in conditions.into_iter().flatten() {
            if let Some(message) = condition.get_mut("message") {
                *message = HIDDEN.into();
            }
        }
    }
    value(&mut object);
    object
}

fn value(value: &mut Value) {
    match value {
        Value::Object(map) => fields(map),
        Value::Array(values) => values.iter_mut().for_each(self::value),
        _ => {}
    }
}

fn fields(map: &mut Map<String, Value>) {
    let shown = map
        .get("name")
        .and_then(Value::as_str)
        .is_some_and(|name| VARIABLES.contains(&name));
    // `{name, value}` is an environment variable (or looks like one)
    if map.len() == 2
        && map.contains_key("name")
        && !shown
        && let Some(Value::String(value)) = map.get_mut("value")
    {
        HIDDEN.clone_into(value);
    }
    for (key, field) in map.iter_mut() {
        match field {
            Value::String(text) if CREDENTIALS.contains(&key.as_str()) && is_long(text) => {
                HIDDEN.clone_into(text)
            }
            other => value(other),
        }
    }
}

/// A name of a key (`ca.crt`, `zone`) is no key.
fn is_long(text: &str) -> bool {
    text.len() > 64 || text.contains('\n')
}

/// An event: what happened to which object, without the rest.
pub fn event(event: &Value) -> Value {
    let mut short = Map::new();
    for key in [
        "type",
        "reason",
        "message",
        "involvedObject",
        "count",
        "firstTimestamp",
        "lastTimestamp",
        "eventTime",
        "reportingComponent",
    ] {
        match event.get(key) {
            None | Some(Value::Null) => {}
            Some(field) => {
                short.insert(key.to_owned(), field.clone());
            }
        }
    }
    Value::Object(short)
}

/// A `config.toml` line by line: the values of keys that speak of a secret, and URLs that carry one.
pub fn config(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for line in text.lines() {
        let hidden = line.split_once('=').filter(|(key, value)| {
            let key = key.trim();
            let names_one = ["password", "secret"].iter().any(|word| key.contains(word)) || key == "token";
            names_one || (value.contains("://") && value.contains('@'))
        });
        match hidden {
            Some((key, _)) => shown.push_str(&format!("{}= \"{HIDDEN}\"", key)),
            None => shown.push_str(line),
        }
        shown.push('\n');
    }
    shown
}

/// A log of OpenBao without the lines of its audit device, which shares the standard output.
pub fn openbao_log(text: &str) -> String {
    let audited = |line: &str| {
        let json = line.find('{').and_then(|start| line.get(start..));
        let entry: Option<Value> = json.and_then(|json| serde_json::from_str(json).ok());
        entry.is_some_and(|entry| entry.get("request").is_some() || entry.get("auth").is_some())
    };
    let mut shown: String = text
        .lines()
        .filter(|line| !audited(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    shown.shrink_to_fit();
    shown
}
