//! The cases of revocations and of what lifts them.

use serde_json::{Value, json};

use crate::cases::{Case, kind_of, object, with};

fn revocation() -> Value {
    object(
        "SolutionRevocation",
        "api-parity",
        json!({ "solution": "vendor-parity/none", "reason": "a test of the API" }),
    )
}

fn lift() -> Value {
    object(
        "RevocationLift",
        "api-parity",
        json!({ "revocation": "api-parity", "statement": "a.b.c" }),
    )
}

pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut create = |name, base: &Value, patch: Value, refused| {
        let new = with(base, &patch);
        cases.push(Case {
            name,
            kind: kind_of(&new),
            old: None,
            new,
            refused,
        });
    };
    create("a revocation", &revocation(), json!({}), None);
    let vendor = json!({ "solution": null, "vendor": "parity" });
    create(
        "a revocation of a vendor",
        &revocation(),
        json!({ "spec": vendor }),
        None,
    );
    for (name, less) in [
        ("a revocation of a version", json!({ "version": "1" })),
        ("a revocation of a credential", json!({ "credential": "x" })),
        (
            "a revocation of an installation",
            json!({ "establishment": "123456789" }),
        ),
    ] {
        create(name, &revocation(), json!({ "spec": less }), None);
    }
    create(
        "a revocation of a version and a credential",
        &revocation(),
        json!({ "spec": { "version": "1", "credential": "x" } }),
        Some("name at most one of version, credential and establishment"),
    );
    create(
        "a revocation of an installation and a credential",
        &revocation(),
        json!({ "spec": { "establishment": "123456789", "credential": "x" } }),
        Some("name at most one of version, credential and establishment"),
    );
    create(
        "a revocation of nothing",
        &revocation(),
        json!({ "spec": { "solution": null } }),
        Some("name a solution or a vendor, one of them"),
    );
    create(
        "a revocation of a solution and a vendor",
        &revocation(),
        json!({ "spec": { "vendor": "parity" } }),
        Some("name a solution or a vendor, one of them"),
    );
    create(
        "a revocation of one version of a vendor",
        &revocation(),
        json!({ "spec": { "solution": null, "vendor": "parity", "version": "1" } }),
        Some("a vendor is revoked with all that it has: name its solution for less"),
    );
    create("a lift", &lift(), json!({}), None);

    let mut update = |name, old: Value, patch: Value, refused| {
        let new = with(&old, &patch);
        cases.push(Case {
            name,
            kind: kind_of(&new),
            old: Some(old),
            new,
            refused,
        });
    };
    update(
        "a revocation changes",
        revocation(),
        json!({ "spec": { "reason": "another" } }),
        Some("a revocation never changes"),
    );
    update(
        "a revocation is narrowed",
        revocation(),
        json!({ "spec": { "establishment": "123456789" } }),
        Some("a revocation never changes"),
    );
    update(
        "a lift changes",
        lift(),
        json!({ "spec": { "statement": "d.e.f" } }),
        Some("a lift never changes: who takes it back revokes again"),
    );
    update(
        "a revocation gets a label",
        revocation(),
        json!({ "metadata": { "labels": { "a": "b" } } }),
        None,
    );
    cases
}
