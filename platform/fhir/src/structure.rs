//! The JSON rules of FHIR R4 that hold for every resource (json.html): no empty object, list or text, `null` only in
//! lists (beside a list of extensions).

use serde_json::Value;

use crate::error::FhirError;

/// Deepest nesting of a resource that is looked at; the reader of JSON text allows less.
const MAX_DEPTH: usize = 128;

/// Checks the rules in the whole resource.
///
/// # Errors
/// `structure-invalid` with the first place that breaks one.
pub fn check(resource: &Value) -> Result<(), FhirError> {
    let kind = resource
        .get("resourceType")
        .and_then(Value::as_str)
        .unwrap_or("Resource");
    // The path is part of an answer: only a plain type name of the input may stand in it.
    let kind = if kind.bytes().all(|b| b.is_ascii_alphabetic()) {
        kind
    } else {
        "Resource"
    };
    walk(resource, &mut vec![kind.to_owned()])
}

fn walk(value: &Value, path: &mut Vec<String>) -> Result<(), FhirError> {
    let wrong = |problem| Err(FhirError::structure(path.join("."), problem));
    if path.len() > MAX_DEPTH {
        return wrong("the resource is nested too deep");
    }
    match value {
        Value::Null => wrong("null is not allowed here"),
        Value::String(text) if text.is_empty() => wrong("a text must not be empty"),
        Value::Array(items) if items.is_empty() => wrong("a list must not be empty"),
        Value::Object(map) if map.is_empty() => wrong("an object must not be empty"),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate().filter(|(_, item)| !item.is_null()) {
                path.push(i.to_string());
                walk(item, path)?;
                path.pop();
            }
            Ok(())
        }
        Value::Object(map) => {
            for (name, item) in map {
                // A name out of the input may be anything; an element's name is short and alphanumeric.
                let plain = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                path.push(if plain { name.clone() } else { "?".to_owned() });
                walk(item, path)?;
                path.pop();
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
