//! The cases of incidents.

use serde_json::{Value, json};

use crate::cases::{Case, kind_of, object, with};

fn incident() -> Value {
    object(
        "Incident",
        "api-parity",
        json!({
            "awareAt": "2026-11-30T10:00:00Z", "severity": "major", "summary": "an account was used by somebody else",
            "affects": { "groups": ["oriental"], "platform": false }, "personalData": false,
        }),
    )
}

fn receipt(to: &str, group: Option<&str>) -> Value {
    let mut receipt = json!({ "to": to, "sentAt": "2026-11-30T10:20:00Z", "reference": "2026-771" });
    if let Some(group) = group {
        receipt["group"] = json!(group);
    }
    receipt
}

/// Everybody of [`incident`] was told.
fn told() -> Value {
    let receipts = [receipt("dgssi", None), receipt("customer", Some("oriental"))];
    with(&incident(), &json!({ "spec": { "receipts": receipts } }))
}

fn closing() -> Value {
    json!({ "at": "2026-12-02T10:00:00Z", "word": "the account is closed" })
}

fn closed() -> Value {
    with(&told(), &json!({ "spec": { "closing": closing() } }))
}

fn create(name: &'static str, patch: Value, refused: Option<&'static str>) -> Case {
    let new = with(&told(), &patch);
    Case {
        name,
        kind: kind_of(&new),
        old: None,
        new,
        refused,
    }
}

fn update(name: &'static str, old: Value, patch: Value, refused: Option<&'static str>) -> Case {
    let new = with(&old, &patch);
    Case {
        name,
        kind: kind_of(&new),
        old: Some(old),
        new,
        refused,
    }
}

const CLOSING: &str = "an incident is closed when every notice that was due has its receipt";

fn new() -> Vec<Case> {
    let nobody = json!({ "groups": null, "platform": false });
    let all = json!({ "groups": null, "platform": true });
    let both = json!({ "groups": ["oriental"], "platform": true });
    let everybody = [
        receipt("dgssi", None),
        receipt("customer", Some("oriental")),
        receipt("customer", None),
        receipt("cndp", None),
        receipt("patient", None),
    ];
    let less = |lacking: usize| {
        let mut receipts = everybody.to_vec();
        receipts.remove(lacking);
        json!({ "spec": {
            "affects": both, "personalData": true, "receipts": receipts, "closing": closing(),
        } })
    };
    let full = json!({ "spec": {
        "affects": both, "personalData": true, "receipts": everybody, "closing": closing(),
    } });
    let empty = json!({ "spec": { "affects": nobody, "receipts": null } });
    let group = json!({ "spec": { "receipts": [receipt("dgssi", Some("oriental"))] } });
    let unproven = json!({ "spec": { "receipts": null, "closing": closing() } });
    vec![
        create(
            "an incident without a receipt",
            json!({ "spec": { "receipts": null } }),
            None,
        ),
        create(
            "an incident of the platform",
            json!({ "spec": { "affects": all } }),
            None,
        ),
        create(
            "an incident of nobody",
            empty,
            Some("say whom it affects: groups, or the platform"),
        ),
        create(
            "a receipt of the DGSSI that names a group",
            group,
            Some("only a customer's receipt names a group"),
        ),
        create("an incident that comes closed", full, None),
        create("one that is closed without a receipt", unproven, Some(CLOSING)),
        create("closed without the DGSSI", less(0), Some(CLOSING)),
        create("closed without a group", less(1), Some(CLOSING)),
        create("closed without the platform's customers", less(2), Some(CLOSING)),
        create("closed without the CNDP", less(3), Some(CLOSING)),
        create("closed without the patients", less(4), Some(CLOSING)),
    ]
}

fn changes() -> Vec<Case> {
    let fixed = Some("the moment of awareness and the summary never change");
    let grows = Some("who is affected only grows");
    let appended = Some("receipts are added, never changed or taken away");
    let personal = with(&told(), &json!({ "spec": { "personalData": true } }));
    let platform = with(&told(), &json!({ "spec": { "affects": { "platform": true } } }));
    let minor = with(&told(), &json!({ "spec": { "severity": "minor" } }));
    let spec = |spec: Value| json!({ "spec": spec });
    let more = [
        receipt("dgssi", None),
        receipt("customer", Some("oriental")),
        receipt("dgssi", None),
    ];
    let other = [receipt("dgssi", None), receipt("customer", Some("souss-massa"))];
    vec![
        update("an incident stays as it is", told(), json!({}), None),
        update(
            "one knew later",
            told(),
            spec(json!({ "awareAt": "2026-11-30T11:00:00Z" })),
            fixed,
        ),
        update(
            "another summary",
            told(),
            spec(json!({ "summary": "nothing" })),
            fixed,
        ),
        update(
            "it is worse",
            told(),
            spec(json!({ "severity": "critical" })),
            None,
        ),
        update(
            "it is not minor",
            minor.clone(),
            spec(json!({ "severity": "major" })),
            None,
        ),
        update(
            "it is less",
            told(),
            spec(json!({ "severity": "minor" })),
            Some("severity only rises"),
        ),
        update(
            "one more group",
            told(),
            spec(json!({ "affects": { "groups": ["oriental", "souss-massa"] } })),
            None,
        ),
        update(
            "another group",
            told(),
            spec(json!({ "affects": { "groups": ["souss-massa"] } })),
            grows,
        ),
        update(
            "the platform instead of the group",
            told(),
            spec(json!({ "affects": { "groups": null, "platform": true } })),
            grows,
        ),
        update(
            "the platform no longer",
            platform,
            spec(json!({ "affects": { "platform": false } })),
            grows,
        ),
        update(
            "personal data after all",
            told(),
            spec(json!({ "personalData": true })),
            None,
        ),
        update(
            "no personal data after all",
            personal,
            spec(json!({ "personalData": false })),
            Some("that personal data are affected is not taken back"),
        ),
        update(
            "the first receipts",
            incident(),
            spec(json!({ "receipts": more })),
            None,
        ),
        update(
            "one more receipt",
            told(),
            spec(json!({ "receipts": more })),
            None,
        ),
        update(
            "one receipt is changed",
            told(),
            spec(json!({ "receipts": other })),
            appended,
        ),
        update(
            "the receipts are gone",
            told(),
            spec(json!({ "receipts": null })),
            appended,
        ),
        update(
            "it is closed",
            told(),
            spec(json!({ "closing": closing() })),
            None,
        ),
        update(
            "it is closed untold",
            incident(),
            spec(json!({ "closing": closing() })),
            Some(CLOSING),
        ),
        update(
            "one more receipt after the end",
            closed(),
            spec(json!({ "receipts": more })),
            Some("a closed incident never changes"),
        ),
        update(
            "it is opened again",
            closed(),
            spec(json!({ "closing": null })),
            Some("a closed incident never changes"),
        ),
    ]
}

pub fn all() -> Vec<Case> {
    let mut cases = new();
    cases.extend(changes());
    cases
}
