//! The cases of what is signed about the platform itself.

use serde_json::{Value, json};

use crate::cases::{Case, kind_of, object, with};

fn word() -> Value {
    let spec = json!({ "healthGroup": "parity", "statement": "a.b.c" });
    object("SystemHomologation", "api-parity", spec)
}

pub fn all() -> Vec<Case> {
    let case = |name, old: Option<Value>, patch: Value, refused| {
        let new = with(&word(), &patch);
        Case {
            name,
            kind: kind_of(&new),
            old,
            new,
            refused,
        }
    };
    let never = "a signed word never changes: sign another one";
    let of_the_platform = json!({ "spec": { "healthGroup": null } });
    vec![
        case("a word on a group", None, json!({}), None),
        case("a word on the platform", None, of_the_platform.clone(), None),
        case("a word stays as it is", Some(word()), json!({}), None),
        case(
            "a word becomes the platform's",
            Some(word()),
            of_the_platform,
            Some(never),
        ),
        case(
            "a word changes",
            Some(word()),
            json!({ "spec": { "statement": "d.e.f" } }),
            Some(never),
        ),
    ]
}
