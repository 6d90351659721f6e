//! The cases of what is tolerated for a while.

use serde_json::{Value, json};

use crate::cases::{Case, kind_of, object, with};

fn exception() -> Value {
    object(
        "PolicyException",
        "api-parity",
        json!({
            "control": "DMP-NET-01", "check": "policies", "namespaces": ["dmp-national"], "role": "dmp-security",
            "by": "amina", "reason": "the old probe goes in January", "until": "2027-01-15",
        }),
    )
}

fn approved() -> Value {
    let approval = json!({ "role": "dmp-host", "by": "brahim" });
    with(&exception(), &json!({ "spec": { "approval": approval } }))
}

pub fn all() -> Vec<Case> {
    let case = |name, old: Option<Value>, base: Value, patch: Value, refused| {
        let new = with(&base, &patch);
        Case {
            name,
            kind: kind_of(&new),
            old,
            new,
            refused,
        }
    };
    let never = "an exception never changes: ask for another one";
    let second = "another person in another role approves";
    vec![
        case("an exception", None, exception(), json!({}), None),
        case("it is approved", Some(exception()), approved(), json!({}), None),
        case(
            "it is approved by who asked",
            Some(exception()),
            approved(),
            json!({ "spec": { "approval": { "by": "amina" } } }),
            Some(second),
        ),
        case(
            "it is approved in the same role",
            Some(exception()),
            approved(),
            json!({ "spec": { "approval": { "role": "dmp-security" } } }),
            Some(second),
        ),
        case(
            "it becomes longer",
            Some(exception()),
            exception(),
            json!({ "spec": { "until": "2027-02-15" } }),
            Some(never),
        ),
        case(
            "it becomes wider",
            Some(approved()),
            approved(),
            json!({ "spec": { "namespaces": ["dmp-national", "dmp-system"] } }),
            Some(never),
        ),
        case(
            "an approval changes",
            Some(approved()),
            approved(),
            json!({ "spec": { "approval": { "by": "chama" } } }),
            Some("an approval never changes: delete the exception to end it"),
        ),
    ]
}
