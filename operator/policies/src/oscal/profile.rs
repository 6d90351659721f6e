//! Profiles: all controls, and of each framework those that serve it.

use serde_json::{Value, json};

use super::metadata::metadata;
use super::{Source, ids};
use crate::framework::Framework;

/// All controls: what the system security plan is about.
pub fn whole(source: &Source<'_>) -> Value {
    let selection = json!({ "href": ids::CATALOG, "include-all": {} });
    profile(source, ids::PROFILE, "All controls", "", &selection)
}

/// The controls that serve a framework.
pub fn of(source: &Source<'_>, framework: &Framework) -> Value {
    let served = |id: &String| framework.identifiers.iter().any(|one| one.controls.contains(id));
    let controls = source.catalogue.controls().iter().map(|control| &control.id);
    let controls: Vec<_> = controls.filter(|id| served(id)).collect();
    let selection = json!({ "href": ids::CATALOG, "include-controls": [{ "with-ids": controls }] });
    let title = format!("Controls that serve {}", framework.name);
    profile(
        source,
        &ids::profile(framework),
        &title,
        &framework.about,
        &selection,
    )
}

fn profile(source: &Source<'_>, file: &str, title: &str, about: &str, selection: &Value) -> Value {
    json!({ "profile": {
        "uuid": source.document(file),
        "metadata": metadata(source, title, about),
        "imports": [selection],
        "merge": { "as-is": true },
    } })
}
