//! The cases of what is signed about the images of the platform.

use serde_json::{Value, json};

use crate::cases::{Case, kind_of, object, with};

fn release() -> Value {
    let digest = format!("sha256:{}", "a".repeat(64));
    let spec = json!({
        "statement": "a.b.c",
        "papers": [{ "digest": digest, "sbom": "{}", "provenance": "{}" }],
    });
    object("ImageRelease", "api-parity", spec)
}

pub fn all() -> Vec<Case> {
    let case = |name, old: Option<Value>, patch: Value, refused| {
        let new = with(&release(), &patch);
        Case {
            name,
            kind: kind_of(&new),
            old,
            new,
            refused,
        }
    };
    let never = "a signed release never changes: sign another one";
    vec![
        case("a release of images", None, json!({}), None),
        case("a release stays as it is", Some(release()), json!({}), None),
        case(
            "a release gets another statement",
            Some(release()),
            json!({ "spec": { "statement": "d.e.f" } }),
            Some(never),
        ),
        case(
            "a release gets other papers",
            Some(release()),
            json!({ "spec": { "papers": [{ "digest": format!("sha256:{}", "b".repeat(64)), "sbom": "{}", "provenance": "{}" }] } }),
            Some(never),
        ),
    ]
}
