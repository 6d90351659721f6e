//! Kubernetes objects as YAML text.
//!
//! `serde_json` has `arbitrary_precision` in this workspace: handed to another serializer, its numbers come out as
//! a private struct. So values are copied into a tree whose numbers are plain before they are written.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// An object that could not be written as YAML.
#[derive(Debug)]
pub struct YamlError(String);

impl std::fmt::Display for YamlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the object cannot be written as YAML: {}", self.0)
    }
}

impl std::error::Error for YamlError {}

/// YAML with sorted keys: the same object gives the same text.
///
/// # Errors
/// [`YamlError`] when the object does not serialize.
pub fn to_string(object: &impl Serialize) -> Result<String, YamlError> {
    let value = serde_json::to_value(object).map_err(|e| YamlError(e.to_string()))?;
    serde_saphyr::to_string(&Tree::from(&value)).map_err(|e| YamlError(e.to_string()))
}

enum Tree<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(&'a str),
    List(Vec<Tree<'a>>),
    Map(BTreeMap<&'a str, Tree<'a>>),
}

impl<'a> From<&'a Value> for Tree<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(*b),
            Value::Number(n) => n
                .as_i64()
                .map_or_else(|| Self::Float(n.as_f64().unwrap_or(f64::NAN)), Self::Integer),
            Value::String(s) => Self::Text(s),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(fields) => {
                Self::Map(fields.iter().map(|(k, v)| (k.as_str(), Self::from(v))).collect())
            }
        }
    }
}

impl Serialize for Tree<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(b) => serializer.serialize_bool(*b),
            Self::Integer(n) => serializer.serialize_i64(*n),
            Self::Float(n) => serializer.serialize_f64(*n),
            Self::Text(s) => serializer.serialize_str(s),
            Self::List(items) => items.serialize(serializer),
            Self::Map(fields) => fields.serialize(serializer),
        }
    }
}
