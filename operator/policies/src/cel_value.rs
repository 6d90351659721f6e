//! JSON as CEL sees it, within limits.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value as Cel;
use cel::objects::{Key, Map};
use serde_json::Value;

/// Most items of a list and members of an object; the budget of an expression is over this.
pub(crate) const MOST_ITEMS: usize = 1_000;

/// Most values of all inputs together.
const MOST_VALUES: usize = 20_000;

/// Longest text, in bytes.
const LONGEST: usize = 4_096;

/// Whether the value is small enough to be judged; counts what it has in `values`.
pub(crate) fn fits(value: &Value, values: &mut usize) -> bool {
    *values += 1;
    *values <= MOST_VALUES
        && match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => true,
            Value::String(text) => text.len() <= LONGEST,
            Value::Array(items) => items.len() <= MOST_ITEMS && items.iter().all(|item| fits(item, values)),
            Value::Object(members) => {
                members.len() <= MOST_ITEMS
                    && members
                        .iter()
                        .all(|(name, member)| name.len() <= LONGEST && fits(member, values))
            }
        }
}

/// The value; a number that is no whole one becomes a float.
pub(crate) fn of(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        Value::Number(number) => number
            .as_i64()
            .map(Cel::Int)
            .or_else(|| number.as_f64().map(Cel::Float))
            .unwrap_or(Cel::Null),
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(of).collect())),
        Value::Object(members) => object(members.iter().map(|(name, value)| (name.as_str(), value))),
    }
}

pub(crate) fn object<'v>(members: impl Iterator<Item = (&'v str, &'v Value)>) -> Cel {
    let members: HashMap<Key, Cel> = members
        .map(|(name, value)| (Key::from(name), of(value)))
        .collect();
    Cel::Map(Map {
        map: Arc::new(members),
    })
}
