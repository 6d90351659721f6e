//! What every document begins with, and our own properties.

use serde_json::{Value, json};

use super::{Source, VERSION, ids};
use crate::control::{CLAIM, OWNERS};

/// The release whose catalogue it is.
pub const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// `metadata` of a document; `about` is added to what it does not claim.
pub fn metadata(source: &Source<'_>, title: &str, about: &str) -> Value {
    let roles = OWNERS.map(|owner| json!({ "id": owner, "title": format!("Role {owner} of the platform") }));
    json!({
        "title": line(title),
        "last-modified": source.at.to_string(),
        "version": RELEASE,
        "oscal-version": VERSION,
        "props": props([("territory", "MA")]),
        "roles": roles,
        "remarks": line(&format!("{CLAIM} {about}")),
    })
}

/// Properties in our own namespace; what is empty is left out.
pub fn props<'a>(named: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Value> {
    let named = named.into_iter().map(|(name, value)| (name, line(value)));
    named
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| json!({ "name": name, "ns": ids::NS, "value": value }))
        .collect()
}

/// A text on one line.
pub fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
