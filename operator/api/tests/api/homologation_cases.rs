//! The cases of the kinds of the homologation.

use serde_json::{Value, json};

use crate::cases::{Case, kind_of, object, platform, solution, with};

fn programme() -> Value {
    object(
        "HomologationProgramme",
        "parity",
        json!({
            "validFrom": "2026-01-01", "validUntil": "2026-12-31", "maxDays": 365, "signatures": [],
            "domains": [{ "domain": "privacy", "days": 3 }], "evidence": [{ "kind": "pen-test", "maxAgeDays": 365 }],
        }),
    )
}

fn profile() -> Value {
    let requirements = json!([{ "id": "DF-01", "text": "x", "verified": "automatic" }]);
    let spec =
        json!({ "scope": "document-feeder", "version": "1.0", "title": "x", "requirements": requirements });
    object("ConformanceProfile", "parity", spec)
}

fn homologation() -> Value {
    object(
        "SolutionHomologation",
        "parity",
        json!({ "solution": "parity", "version": "1.0", "programme": "parity", "cycle": 1, "profiles": ["parity"] }),
    )
}

fn evidence() -> Value {
    let spec = json!({ "kind": "pen-test", "issuer": "x", "sha256": "a".repeat(64), "issued": "2026-01-01", "validUntil": "2026-12-31" });
    object("EvidenceItem", "parity", spec)
}

fn run() -> Value {
    object("ConformanceRun", "parity", json!({ "statement": "a.b.c" }))
}

fn review() -> Value {
    object(
        "HomologationReview",
        "parity",
        json!({ "homologation": "parity", "statement": "a.b.c" }),
    )
}

fn non_conformity() -> Value {
    let spec =
        json!({ "solution": "parity", "rule": "DF-03", "severity": "major", "deadline": "2026-12-31" });
    object("NonConformity", "parity", spec)
}

fn answer() -> Value {
    object(
        "NonConformityAnswer",
        "parity",
        json!({ "nonConformity": "parity", "text": "mended in 1.0.1" }),
    )
}

fn catalogue() -> Value {
    object("Catalogue", "national", json!({}))
}

fn entry() -> Value {
    let spec = json!({ "namespace": "vendor-parity", "solution": "parity", "version": "1.0" });
    object("CatalogueEntry", "parity", spec)
}

fn body(organisation: &str, certificate: &str) -> Value {
    let organisation = json!({ "name": organisation, "ice": "000000000000001" });
    json!({ "spec": { "bodies": [{ "role": "interop", "organisation": organisation, "anchors": [{ "certificate": certificate }] }] } })
}

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIGd\n-----END CERTIFICATE-----\n";

pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |name, old: Option<Value>, base: &Value, patch: Value, refused| {
        let new = with(base, &patch);
        cases.push(Case {
            name,
            kind: kind_of(&new),
            old,
            new,
            refused,
        });
    };
    for (name, base) in [
        ("a programme", programme()),
        ("a profile", profile()),
        ("a submission", homologation()),
        ("evidence", evidence()),
        ("a run", run()),
        ("a review", review()),
        ("a non-conformity", non_conformity()),
        ("an answer", answer()),
        ("the catalogue", catalogue()),
        ("an entry", entry()),
    ] {
        case(name, None, &base, json!({}), None);
    }
    case(
        "a programme that ends before it begins",
        None,
        &programme(),
        json!({ "spec": { "validUntil": "2025-12-31" } }),
        Some("validFrom is before validUntil"),
    );
    case(
        "a domain that does not review",
        None,
        &programme(),
        json!({ "spec": { "domains": [{ "domain": "suite", "days": 3 }] } }),
        Some("a domain is interop, security, privacy or clinical"),
    );
    const KEY: &str = "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n";
    let keyed = with(&homologation(), &json!({ "spec": { "installationKey": KEY } }));
    case(
        "a submission with the vendor's installation key",
        None,
        &keyed,
        json!({}),
        None,
    );
    case(
        "an installation key that is a certificate",
        None,
        &homologation(),
        json!({ "spec": { "installationKey": CERTIFICATE } }),
        Some("installationKey is a public key (SubjectPublicKeyInfo), PEM"),
    );
    for (old, patch) in [
        (homologation(), json!({ "spec": { "installationKey": KEY } })),
        (
            keyed.clone(),
            json!({ "spec": { "installationKey": format!("{KEY}\n") } }),
        ),
    ] {
        case(
            "an installation key that changes after the submission",
            Some(old),
            &keyed,
            patch,
            Some("the installation key is frozen with the submission: submit another one"),
        );
    }
    case(
        "evidence that ends before its issue",
        None,
        &evidence(),
        json!({ "spec": { "issued": "2027-01-01" } }),
        Some("issued is not after validUntil"),
    );
    case(
        "evidence that renews itself",
        None,
        &evidence(),
        json!({ "spec": { "renews": "parity" } }),
        Some("evidence renews another item"),
    );
    case(
        "evidence that renews another",
        None,
        &evidence(),
        json!({ "spec": { "renews": "earlier" } }),
        None,
    );
    case(
        "a programme with rules for what comes after",
        None,
        &programme(),
        json!({ "spec": {
            "evidence": [{ "kind": "pen-test", "maxAgeDays": 365, "renewedBy": ["security"] }],
            "surveillance": { "suspendAfterDeadline": true },
            "changes": { "patch": { "reviews": [], "supervised": [], "decide": false } },
        } }),
        None,
    );
    case(
        "evidence accepted by a laboratory",
        None,
        &programme(),
        json!({ "spec": { "evidence": [{ "kind": "pen-test", "maxAgeDays": 365, "renewedBy": ["laboratory"] }] } }),
        Some("who accepts evidence is interop, security, privacy or clinical"),
    );
    case(
        "a change that the suite reviews",
        None,
        &programme(),
        json!({ "spec": { "changes": { "minor": { "reviews": ["suite"], "supervised": [], "decide": true } } } }),
        Some("a domain is interop, security, privacy or clinical"),
    );
    case(
        "a non-conformity with nothing",
        None,
        &non_conformity(),
        json!({ "spec": { "rule": null } }),
        Some("name the rule that is not kept, or say what was found"),
    );
    case(
        "a non-conformity with a dot",
        None,
        &non_conformity(),
        json!({ "metadata": { "name": "a.b" } }),
        Some("the name is a DNS label of at most 63 characters"),
    );
    case(
        "an answer with nothing",
        None,
        &answer(),
        json!({ "spec": { "text": null } }),
        Some("an answer has a text or a statement"),
    );
    case(
        "an answer with both",
        None,
        &answer(),
        json!({ "spec": { "statement": "a.b.c" } }),
        Some("an answer has a text or a statement"),
    );
    case(
        "a submission with a dot",
        None,
        &homologation(),
        json!({ "metadata": { "name": "a.b" } }),
        Some("the name is a DNS label of at most 63 characters"),
    );
    case(
        "another catalogue",
        None,
        &catalogue(),
        json!({ "metadata": { "name": "regional" } }),
        Some("there is one catalogue, `national`"),
    );
    case(
        "a body without a certificate",
        None,
        &platform(),
        body("A", "key"),
        Some("an anchor is a PEM certificate"),
    );

    let mut change =
        |name, old: &Value, patch: Value, refused| case(name, Some(old.clone()), old, patch, refused);
    let stated = with(&platform(), &body("A", CERTIFICATE));
    let unchanging = Some("a body, its organisation and its first anchor never change");
    change(
        "a platform gets its bodies",
        &platform(),
        body("A", CERTIFICATE),
        None,
    );
    change(
        "a body changes its organisation",
        &stated,
        body("B", CERTIFICATE),
        unchanging,
    );
    change(
        "a body changes its anchor",
        &stated,
        body("A", &CERTIFICATE.replace("MIGd", "MIGe")),
        unchanging,
    );
    change(
        "a body goes",
        &stated,
        json!({ "spec": { "bodies": [] } }),
        unchanging,
    );
    change(
        "all bodies go",
        &stated,
        json!({ "spec": { "bodies": null } }),
        unchanging,
    );

    let owned =
        |name: &str| json!({ "spec": { "organisation": { "name": name, "ice": "000000000000001" } } });
    let stated = with(&solution(), &owned("A"));
    let unchanging = Some("the organisation never changes: another one's product is another solution");
    change("a solution gets its organisation", &solution(), owned("A"), None);
    change(
        "a solution changes its organisation",
        &stated,
        owned("B"),
        unchanging,
    );
    change(
        "a solution loses its organisation",
        &stated,
        json!({ "spec": { "organisation": null } }),
        unchanging,
    );

    change(
        "a programme changes",
        &programme(),
        json!({ "spec": { "maxDays": 1 } }),
        Some("a programme never changes: create another one"),
    );
    change(
        "a profile changes",
        &profile(),
        json!({ "spec": { "title": "y" } }),
        Some("a profile never changes: create another version of it"),
    );
    change(
        "evidence changes",
        &evidence(),
        json!({ "spec": { "issuer": "y" } }),
        Some("evidence never changes: create another item"),
    );
    change(
        "a run changes",
        &run(),
        json!({ "spec": { "statement": "d" } }),
        Some("a result never changes: run again"),
    );
    change(
        "an entry is of another version",
        &entry(),
        json!({ "spec": { "version": "1.1" } }),
        Some("an entry is of one version for ever"),
    );
    change(
        "a review changes",
        &review(),
        json!({ "spec": { "statement": "d" } }),
        Some("a review never changes: write another one"),
    );
    change(
        "a submission asks for more",
        &homologation(),
        json!({ "spec": { "profiles": ["parity", "other"] } }),
        Some("a submission is frozen: withdraw it and submit another one"),
    );
    change(
        "a submission follows another",
        &homologation(),
        json!({ "spec": { "follows": "other" } }),
        Some("a submission is frozen: withdraw it and submit another one"),
    );
    change(
        "a non-conformity gets more time",
        &non_conformity(),
        json!({ "spec": { "deadline": "2027-12-31" } }),
        Some("a non-conformity never changes: close it and open another one"),
    );
    change(
        "an answer changes",
        &answer(),
        json!({ "spec": { "text": "y" } }),
        Some("an answer never changes: write another one"),
    );
    change(
        "a submission is withdrawn",
        &homologation(),
        json!({ "spec": { "withdrawn": true } }),
        None,
    );
    change(
        "a submission comes back",
        &with(&homologation(), &json!({ "spec": { "withdrawn": true } })),
        json!({ "spec": { "withdrawn": false } }),
        Some("what was withdrawn stays so: submit again"),
    );
    cases
}
