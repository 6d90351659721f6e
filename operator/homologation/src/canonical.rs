//! One text for one value: members sorted, no spaces (RFC 8785 for strings, integers and booleans, which is all there is).

use serde::Serialize;
use serde_json::Value;

/// The canonical text.
pub fn text(value: &impl Serialize) -> String {
    sorted(serde_json::to_value(value).unwrap_or_default()).to_string()
}

/// SHA-256 of the canonical text, hex.
pub fn sha256(value: &impl Serialize) -> String {
    digest(text(value).as_bytes())
}

/// SHA-256, hex.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            let sorted = members.into_iter().map(|(name, value)| (name, sorted(value)));
            Value::Object(sorted.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn order_of_members_is_no_matter_and_order_of_items_is() {
        assert_eq!(
            sha256(&json!({"b": [1, 2], "a": {"d": true, "c": "é"}})),
            digest("{\"a\":{\"c\":\"é\",\"d\":true},\"b\":[1,2]}".as_bytes())
        );
        assert_ne!(sha256(&json!([1, 2])), sha256(&json!([2, 1])));
    }
}
