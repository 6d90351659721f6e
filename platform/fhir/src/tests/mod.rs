//! Tests of the readers, on hand-written cases and on the shared test data.
#![allow(clippy::unwrap_used)]

mod dates_and_references;
mod documents;
mod people;
mod shared_data;

use serde_json::Value;

/// The error of a parse, with its code and path, as one text.
fn code_of<T>(result: Result<T, crate::FhirError>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("{} {}", error.code(), error.path()),
    }
}

/// The value with the member at this JSON pointer replaced, or removed for `Value::Null`.
fn with(mut value: Value, pointer: &str, new: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match value.pointer_mut(parent).unwrap() {
        Value::Object(map) if new.is_null() => {
            map.remove(name).unwrap();
        }
        Value::Object(map) => {
            map.insert(name.to_owned(), new);
        }
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = new,
        _ => panic!("no such place"),
    }
    value
}
