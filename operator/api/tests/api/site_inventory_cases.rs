//! The cases of what is signed about the machines of a site.

use serde_json::{Value, json};

use crate::cases::{Case, kind_of, object, with};

fn inventory() -> Value {
    let spec = json!({ "site": "agadir-1", "statement": "a.b.c" });
    object("SiteInventory", "api-parity", spec)
}

pub fn all() -> Vec<Case> {
    let case = |name, old: Option<Value>, patch: Value, refused| {
        let new = with(&inventory(), &patch);
        Case {
            name,
            kind: kind_of(&new),
            old,
            new,
            refused,
        }
    };
    let never = "a signed inventory never changes: sign another one";
    vec![
        case("an inventory of a site", None, json!({}), None),
        case("an inventory stays as it is", Some(inventory()), json!({}), None),
        case(
            "an inventory becomes another site's",
            Some(inventory()),
            json!({ "spec": { "site": "rabat-1" } }),
            Some(never),
        ),
        case(
            "an inventory changes",
            Some(inventory()),
            json!({ "spec": { "statement": "d.e.f" } }),
            Some(never),
        ),
    ]
}
