//! The cases of a platform's own, stricter parameters.

use serde_json::{Value, json};

use crate::cases::{Case, kind_of, object};

fn chosen(parameter: &str, value: Value, since: &str) -> Value {
    json!({
        "control": "DMP-GOV-03", "parameter": parameter, "value": value, "since": since,
        "reason": "the board asked for it",
    })
}

fn profile(name: &str, parameters: Vec<Value>) -> Value {
    object("PolicyProfile", name, json!({ "parameters": parameters }))
}

pub fn all() -> Vec<Case> {
    let case = |name, new: Value, refused| Case {
        name,
        kind: kind_of(&new),
        old: None,
        new,
        refused,
    };
    let first = || chosen("longestDays", json!(30), "2026-12-01");
    vec![
        case(
            "a profile of a number, a text and a list",
            profile(
                "national",
                vec![
                    first(),
                    chosen("longestDays", json!("20"), "2027-01-01"),
                    chosen("names", json!(["a", "b"]), "2026-12-01"),
                ],
            ),
            None,
        ),
        case(
            "a profile that asks for nothing",
            profile("national", Vec::new()),
            None,
        ),
        case(
            "a second profile",
            profile("other", vec![first()]),
            Some("there is one profile, `national`"),
        ),
        case(
            "two values for one day",
            profile(
                "national",
                vec![first(), chosen("longestDays", json!(20), "2026-12-01")],
            ),
            Some("a parameter has one value for a day"),
        ),
    ]
}
