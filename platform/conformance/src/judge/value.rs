//! Exchanges and what was given, as CEL sees them.
//!
//! CEL copies values at every step. What software decides the size of is therefore hidden behind handles: objects
//! ([`Tree`]), which `at` goes through, and long texts ([`LongText`]).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use cel::Value as Cel;
use cel::objects::{Key, Map, Opaque};
use serde_json::Value;

/// Longest text that rules see into, in bytes.
const LONG: usize = 4096;

/// Members of requests and answers that are hidden.
pub(crate) const HIDDEN: [&str; 3] = ["query", "headers", "body"];

/// A text that is only compared and hashed.
#[derive(PartialEq, Eq)]
pub(super) struct LongText(pub(super) String);

impl fmt::Debug for LongText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text of {} bytes", self.0.len())
    }
}

impl Opaque for LongText {
    fn runtime_type_name(&self) -> &'static str {
        "dmp.LongText"
    }
}

/// An object that only `at` goes into; two are compared whole.
#[derive(PartialEq)]
pub(super) struct Tree(pub(super) Map);

// NaN is no JSON: what is in a tree equals itself.
impl Eq for Tree {}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of {} members", self.0.map.len())
    }
}

impl Opaque for Tree {
    fn runtime_type_name(&self) -> &'static str {
        "dmp.Tree"
    }
}

/// An exchange: its own members are open, [`HIDDEN`] ones are trees.
pub(super) fn exchange(recorded: &Value) -> Cel {
    open(recorded, |name, part| match name {
        "request" | "response" => open(part, |name, value| {
            let value = of(value);
            if HIDDEN.contains(&name) {
                hidden(value)
            } else {
                value
            }
        }),
        _ => of(part),
    })
}

/// A value as rules get it: an object is a tree.
pub(super) fn hidden(value: Cel) -> Cel {
    match value {
        Cel::Map(map) => Cel::Opaque(Arc::new(Tree(map))),
        other => other,
    }
}

pub(super) fn list(items: Vec<Cel>) -> Cel {
    Cel::List(Arc::new(items))
}

fn open(value: &Value, part: impl Fn(&str, &Value) -> Cel) -> Cel {
    match value {
        Value::Object(members) => {
            let members: HashMap<Key, Cel> = members
                .iter()
                .map(|(name, value)| (Key::from(name.as_str()), part(name, value)))
                .collect();
            Cel::Map(Map {
                map: Arc::new(members),
            })
        }
        other => of(other),
    }
}

/// JSON, all of it open: what a tree is made of.
pub(super) fn of(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(*value),
        Value::Number(number) => number
            .as_i64()
            .map(Cel::Int)
            .or_else(|| number.as_f64().map(Cel::Float))
            .unwrap_or(Cel::Null),
        Value::String(text) if text.len() > LONG => Cel::Opaque(Arc::new(LongText(text.clone()))),
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(items) => list(items.iter().map(of).collect()),
        Value::Object(_) => open(value, |_, value| of(value)),
    }
}
