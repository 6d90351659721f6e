//! The cases of what people bring for a control.

use serde_json::{Value, json};

use crate::cases::{Case, kind_of, object, with};

fn evidence() -> Value {
    object(
        "ControlEvidence",
        "api-parity",
        json!({
            "control": "DMP-IAM-06", "role": "dmp-security", "by": "amina", "collectedAt": "2026-11-30T10:00:00Z",
            "inputs": "{}", "sha256": "a".repeat(64),
            "documents": [{ "name": "review.pdf", "sha256": "b".repeat(64), "bytes": 1_073_741_824 }],
        }),
    )
}

pub fn all() -> Vec<Case> {
    let case = |name, old: Option<Value>, patch: Value, refused| {
        let new = with(&evidence(), &patch);
        Case {
            name,
            kind: kind_of(&new),
            old,
            new,
            refused,
        }
    };
    vec![
        case("evidence of a control", None, json!({}), None),
        case(
            "evidence of a control stays as it is",
            Some(evidence()),
            json!({}),
            None,
        ),
        case(
            "evidence of a control changes",
            Some(evidence()),
            json!({ "spec": { "sha256": "c".repeat(64) } }),
            Some("evidence never changes: bring newer evidence"),
        ),
    ]
}
