//! Bodies as people read them: cut to a few lines, documents named by their size.

use serde_json::Value;

use crate::exchange::Body;

/// Longest text inside a body, in characters.
const MAX_TEXT: usize = 200;
/// Longest text that looks like base64 and is shown, in characters: hashes are 28 and 44.
const MAX_BASE64: usize = 64;
/// Longest body, in characters.
const MAX_BODY: usize = 6000;

/// A body in lines; `None` when it is empty.
pub(super) fn body(body: &Body) -> Option<String> {
    if body.size == 0 {
        return None;
    }
    let text = match (&body.json, &body.form) {
        (Some(json), _) => serde_json::to_string_pretty(&shortened(json)).unwrap_or_default(),
        (None, Some(form)) => form
            .iter()
            .flat_map(|(name, values)| {
                values
                    .iter()
                    .map(move |value| format!("{name} = {}", text(value)))
            })
            .collect::<Vec<_>>()
            .join("\n"),
        (None, None) => format!("{} octets, SHA-256 {}", body.size, body.sha256),
    };
    Some(cut(&text, MAX_BODY))
}

fn shortened(value: &Value) -> Value {
    match value {
        Value::String(value) => Value::String(text(value)),
        Value::Array(items) => items.iter().map(shortened).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| match (name.as_str(), value) {
                ("data", Value::String(data)) => (name.clone(), Value::String(document(data))),
                _ => (name.clone(), shortened(value)),
            })
            .collect(),
        other => other.clone(),
    }
}

/// A text of an exchange, short enough to be read and without a document in it.
pub(super) fn text(value: &str) -> String {
    let base64 = |c: char| c.is_ascii_alphanumeric() || "+/=-_\r\n".contains(c);
    if value.len() > MAX_BASE64 && value.chars().all(base64) {
        return document(value);
    }
    cut(value, MAX_TEXT)
}

fn document(data: &str) -> String {
    let start: String = data.chars().take(12).collect();
    format!("{start}… ({} caractères de base64)", data.len())
}

fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((at, _)) => format!("{}… (coupé, {} octets en tout)", &text[..at], text.len()),
        None => text.to_owned(),
    }
}
