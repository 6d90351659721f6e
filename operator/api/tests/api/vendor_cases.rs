//! The cases of vendors, and of what a platform says about them.

use serde_json::{Value, json};

use crate::cases::{Case, kind_of, object, with};

fn vendor() -> Value {
    object(
        "Vendor",
        "parity",
        json!({
            "organisation": { "name": "Parity", "ice": "001234567000062" },
            "members": [{ "issuer": "https://issuer.test", "subject": "a" }],
            "population": 2,
        }),
    )
}

pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut create = |name, patch: Value, refused| {
        let new = with(&vendor(), &patch);
        cases.push(Case {
            name,
            kind: kind_of(&new),
            old: None,
            new,
            refused,
        });
    };
    let label = "the name is a DNS label of at most 50 characters: its namespace is vendor-<name>";
    create("a vendor", json!({}), None);
    create(
        "a vendor with a name of 50",
        json!({ "metadata": { "name": "x".repeat(50) } }),
        None,
    );
    create(
        "a vendor with a name of 51",
        json!({ "metadata": { "name": "x".repeat(51) } }),
        Some(label),
    );
    create(
        "a vendor with a dot",
        json!({ "metadata": { "name": "a.b" } }),
        Some(label),
    );
    let mut change = |name, patch: Value, refused| {
        let new = with(&vendor(), &patch);
        cases.push(Case {
            name,
            kind: kind_of(&new),
            old: Some(vendor()),
            new,
            refused,
        });
    };
    let other = json!({ "organisation": { "name": "Other", "ice": "001561191000066" } });
    change(
        "a vendor becomes another organisation",
        json!({ "spec": other }),
        Some("the organisation never changes: another one signs up itself"),
    );
    let members = json!({ "members": [{ "issuer": "https://issuer.test", "subject": "b" }] });
    change("a vendor's members change", json!({ "spec": members }), None);
    change(
        "a vendor's next population",
        json!({ "spec": { "population": 3 } }),
        None,
    );
    change(
        "a vendor's population before",
        json!({ "spec": { "population": 1 } }),
        Some("a population that was given up does not come back"),
    );
    cases
}
