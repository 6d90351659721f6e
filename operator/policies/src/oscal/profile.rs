//! Profiles: all controls, and of each framework those that serve it, with the stricter values that this platform has of its own.

use serde_json::{Value, json};

use super::metadata::{line, metadata, props};
use super::{Source, catalog, ids};
use crate::control::Control;
use crate::framework::Framework;
use crate::time::day;

/// All controls: what the system security plan is about.
pub fn whole(source: &Source<'_>) -> Value {
    let selection = json!({ "href": ids::CATALOG, "include-all": {} });
    let controls = source.catalogue.controls().iter();
    profile(source, ids::PROFILE, "All controls", "", &selection, controls)
}

/// The controls that serve a framework.
pub fn of(source: &Source<'_>, framework: &Framework) -> Value {
    let served = |id: &String| framework.identifiers.iter().any(|one| one.controls.contains(id));
    let controls = source.catalogue.controls().iter();
    let controls: Vec<_> = controls.filter(|control| served(&control.id)).collect();
    let ids: Vec<_> = controls.iter().map(|control| &control.id).collect();
    let selection = json!({ "href": ids::CATALOG, "include-controls": [{ "with-ids": ids }] });
    let title = format!("Controls that serve {}", framework.name);
    profile(
        source,
        &ids::profile(framework),
        &title,
        &framework.about,
        &selection,
        controls.into_iter(),
    )
}

fn profile<'c>(
    source: &Source<'_>,
    file: &str,
    title: &str,
    about: &str,
    selection: &Value,
    controls: impl Iterator<Item = &'c Control>,
) -> Value {
    let chosen: Vec<_> = controls.flat_map(|control| chosen(source, control)).collect();
    // OSCAL has no modification of nothing.
    let modify = (!chosen.is_empty()).then(|| json!({ "set-parameters": chosen }));
    json!({ "profile": {
        "uuid": source.document(file),
        "metadata": metadata(source, title, about),
        "imports": [selection],
        "merge": { "as-is": true },
        "modify": modify,
    } })
}

/// The values of the platform's own.
fn chosen(source: &Source<'_>, control: &Control) -> Vec<Value> {
    let parameters = control.parameters_on(day(source.at));
    let chosen = parameters.into_iter().filter_map(|parameter| {
        let own = parameter.instead_of.as_ref()?;
        Some(json!({
            "param-id": ids::parameter(control, &parameter.name),
            "props": props([("since", parameter.since.to_string().as_str())]),
            "usage": line(&own.reason),
            "values": catalog::values(&parameter.value),
        }))
    });
    chosen.collect()
}
