//! The cases: an object (and what it was before, for rules about change), and what the API server must say of it.

use serde_json::{Value, json};

/// One case of one rule.
pub struct Case {
    pub name: &'static str,
    pub kind: &'static str,
    pub old: Option<Value>,
    pub new: Value,
    /// Message of the rule that refuses; `None`: accepted.
    pub refused: Option<&'static str>,
}

/// Namespace of the namespaced kinds.
pub const NAMESPACE: &str = "vendor-parity";

/// The kinds in a vendor's namespace.
pub const VENDORS: [&str; 9] = [
    "Solution",
    "SolutionVersion",
    "SolutionCredential",
    "SolutionHomologation",
    "EvidenceItem",
    "ConformanceRun",
    "HomologationReview",
    "NonConformity",
    "NonConformityAnswer",
];

pub const CSR: &str = "-----BEGIN CERTIFICATE REQUEST-----\nMIGd\n-----END CERTIFICATE REQUEST-----\n";

pub fn object(kind: &str, name: &str, spec: Value) -> Value {
    let mut object = json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec,
    });
    if VENDORS.contains(&kind) {
        object["metadata"]["namespace"] = json!(NAMESPACE);
    }
    object
}

/// `value` with the fields of `patch` (a `null` removes one), recursively.
pub fn with(value: &Value, patch: &Value) -> Value {
    let mut merged = value.clone();
    for (key, change) in patch.as_object().into_iter().flatten() {
        match change {
            Value::Null => {
                merged.as_object_mut().unwrap().remove(key);
            }
            Value::Object(_) if merged.get(key).is_some_and(Value::is_object) => {
                merged[key] = with(&merged[key], change);
            }
            other => merged[key] = other.clone(),
        }
    }
    merged
}

fn group() -> Value {
    // Its site does not exist: an operator that runs refuses it and makes nothing.
    object(
        "HealthGroup",
        "parity",
        json!({
            "kind": "gst", "region": "MA-01", "site": "parity-none", "deletionProtection": false,
            "controller": { "name": "Parity" },
        }),
    )
}

pub fn platform() -> Value {
    object(
        "Platform",
        "national",
        json!({
            "release": "0", "images": { "dmp": "a", "postgres": "b" }, "domain": "parity.test", "site": "parity-none",
            "gateway": { "publicNames": ["gateway.parity.test"] },
        }),
    )
}

fn issuer(url: &str, demonstration: bool) -> Value {
    json!([{ "url": url, "audience": "dmp", "demonstration": demonstration }])
}

fn site() -> Value {
    object("Site", "parity", json!({ "territory": "MA", "region": "MA-06" }))
}

pub fn solution() -> Value {
    object(
        "Solution",
        "parity",
        json!({ "vendor": "parity", "product": "P", "kind": "hospital" }),
    )
}

fn version() -> Value {
    object(
        "SolutionVersion",
        "parity",
        json!({ "solution": "parity", "version": "1.0" }),
    )
}

fn credential() -> Value {
    object(
        "SolutionCredential",
        "parity",
        json!({
            "solution": "parity", "version": "1.0", "csr": CSR,
            "establishment": { "inpe": "123456789" }, "healthGroup": "parity",
        }),
    )
}

/// All cases.
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut create = |name, base: &Value, patch: Value, refused| {
        let new = with(base, &patch);
        let kind = kind_of(&new);
        cases.push(Case {
            name,
            kind,
            old: None,
            new,
            refused,
        });
    };

    create("a group", &group(), json!({}), None);
    create(
        "a group with a name of 40",
        &group(),
        json!({ "metadata": { "name": "x".repeat(40) } }),
        None,
    );
    create(
        "a group with a name of 41",
        &group(),
        json!({ "metadata": { "name": "x".repeat(41) } }),
        Some("the name has at most 40 characters"),
    );
    create(
        "a group with a dot",
        &group(),
        json!({ "metadata": { "name": "a.b" } }),
        Some("the name is a DNS label: no dots"),
    );
    create(
        "a group called system",
        &group(),
        json!({ "metadata": { "name": "system" } }),
        Some("`system` and `national` are the platform's own names"),
    );
    create(
        "a production group with its receipt",
        &group(),
        json!({ "spec": { "mode": "production", "controller": { "cndpReceipt": "D-1/2026" } } }),
        None,
    );
    create(
        "a production group without receipt",
        &group(),
        json!({ "spec": { "mode": "production" } }),
        Some("a production group names the CNDP receipt of its controller (law 09-08)"),
    );
    create(
        "a group with a quota",
        &group(),
        json!({ "spec": { "quotas": { "storageGib": 10 } } }),
        None,
    );

    create("the platform", &platform(), json!({}), None);
    create(
        "another platform",
        &platform(),
        json!({ "metadata": { "name": "regional" } }),
        Some("there is one platform, `national`"),
    );
    create(
        "a platform that demonstrates",
        &platform(),
        json!({ "spec": { "demonstration": true, "issuers": issuer("https://i.test", true) } }),
        None,
    );
    create(
        "a platform with an issuer",
        &platform(),
        json!({ "spec": { "issuers": issuer("https://i.test", false) } }),
        None,
    );
    create(
        "a demonstration issuer of a platform that does not demonstrate",
        &platform(),
        json!({ "spec": { "issuers": issuer("https://i.test", true) } }),
        Some("a demonstration issuer needs `demonstration: true`"),
    );
    create(
        "an issuer without TLS",
        &platform(),
        json!({ "spec": { "issuers": issuer("http://i.test", false) } }),
        Some("an issuer is an https URL"),
    );
    create(
        "a trace endpoint",
        &platform(),
        json!({ "spec": { "telemetry": { "otlpEndpoint": "http://collector.monitoring.svc:4318/v1/traces" } } }),
        None,
    );
    create(
        "a trace endpoint with a password",
        &platform(),
        json!({ "spec": { "telemetry": { "otlpEndpoint": "https://u:p@collector.test/v1/traces" } } }),
        Some("the endpoint is an http or https URL without credentials"),
    );
    create(
        "a public name that is a URL",
        &platform(),
        json!({ "spec": { "gateway": { "publicNames": ["https://g.test"] } } }),
        Some("a public name is a host name or an IP address, without scheme or path"),
    );
    let quota = |limits: Value| json!({ "spec": { "gateway": { "quotas": [limits] } } });
    let rate = |per_second, burst| json!({ "perSecond": per_second, "burst": burst });
    create(
        "a quota",
        &platform(),
        quota(
            json!({ "kind": "cabinet", "credential": rate(10, 40), "establishment": rate(10, 40), "person": rate(5, 5) }),
        ),
        None,
    );
    create(
        "a quota whose burst is less than a second's requests",
        &platform(),
        quota(json!({ "kind": "cabinet", "credential": rate(10, 9) })),
        Some("burst is at least perSecond: what a second allows may come at once"),
    );
    create(
        "a quota of a patient app's establishment",
        &platform(),
        quota(json!({ "kind": "patient-app", "establishment": rate(1, 1) })),
        Some("software of kind `patient-app` or `directory` has no establishment"),
    );
    create(
        "a quota of a directory source's person",
        &platform(),
        quota(json!({ "kind": "directory", "person": rate(1, 1) })),
        Some("a directory source speaks for no person"),
    );
    create(
        "OpenBao without TLS",
        &platform(),
        json!({ "spec": { "openbao": { "address": "http://o.test" } } }),
        Some("OpenBao is reached over https"),
    );

    create("a site", &site(), json!({}), None);
    create(
        "a site abroad",
        &site(),
        json!({ "spec": { "territory": "FR" } }),
        Some("health data stays on Moroccan soil: the territory is MA"),
    );

    create("a solution", &solution(), json!({}), None);
    create(
        "a solution with a dot",
        &solution(),
        json!({ "metadata": { "name": "a.b" } }),
        Some("the name is a DNS label of at most 63 characters"),
    );
    create("a version", &version(), json!({}), None);
    for number in ["7", "4.2.1", "2026.11", "1.2.3.4", "5.0-rc.1", "0.9"] {
        create(
            "a version's number",
            &version(),
            json!({ "spec": { "version": number } }),
            None,
        );
    }
    for number in [
        "01.2", "1.02", "1.2.0+x", "1.2.0 ", "v1.2", "1..2", "1.2.", "1.2-", "١.٢", "1.2\n",
    ] {
        create(
            "a second name of a version",
            &version(),
            json!({ "spec": { "version": number } }),
            Some(
                "a version is written as numbers without leading zeros, then perhaps a pre-release: 4.2.1, 2026.11, 5.0-rc.1; no build part (+)",
            ),
        );
    }

    create("a credential", &credential(), json!({}), None);
    create(
        "a credential of a patient app",
        &credential(),
        json!({ "spec": { "establishment": null, "healthGroup": null } }),
        None,
    );
    create(
        "a credential with a dot",
        &credential(),
        json!({ "metadata": { "name": "a.b" } }),
        Some("the name is a DNS label of at most 63 characters"),
    );
    create(
        "an establishment without group",
        &credential(),
        json!({ "spec": { "healthGroup": null } }),
        Some("establishment and healthGroup are given together"),
    );
    create(
        "a csr that is none",
        &credential(),
        json!({ "spec": { "csr": "hello" } }),
        Some("csr is a PEM certificate request (PKCS #10)"),
    );

    let mut update = |name, old: Value, patch: Value, refused| {
        let new = with(&old, &patch);
        let kind = kind_of(&new);
        cases.push(Case {
            name,
            kind,
            old: Some(old),
            new,
            refused,
        });
    };
    update(
        "a group changes its site",
        group(),
        json!({ "spec": { "site": "parity-other" } }),
        None,
    );
    update(
        "a group changes its mode",
        group(),
        json!({ "spec": { "mode": "production", "controller": { "cndpReceipt": "D-1/2026" } } }),
        Some("mode never changes: create another group"),
    );
    update(
        "a group changes its custody",
        group(),
        json!({ "spec": { "keys": { "custody": "group" } } }),
        Some("the custody of keys never changes: create another group"),
    );
    update(
        "a platform changes its release",
        platform(),
        json!({ "spec": { "release": "1" } }),
        None,
    );
    update(
        "a platform changes its domain",
        platform(),
        json!({ "spec": { "domain": "other.test" } }),
        Some("the domain never changes: identities and logs carry it"),
    );
    update(
        "a solution changes its name for people",
        solution(),
        json!({ "spec": { "product": "Q" } }),
        Some("the product's name never changes: reviewers signed it"),
    );
    update("a solution stays", solution(), json!({}), None);
    update(
        "a solution changes its vendor",
        solution(),
        json!({ "spec": { "vendor": "other" } }),
        Some("the vendor never changes"),
    );
    update(
        "a solution changes its kind",
        solution(),
        json!({ "spec": { "kind": "pharmacy" } }),
        Some("the kind never changes: another kind is another product"),
    );
    update(
        "a version changes",
        version(),
        json!({ "spec": { "version": "1.1" } }),
        Some("a version is frozen: create another one"),
    );
    update(
        "a version gets a label",
        version(),
        json!({ "metadata": { "labels": { "a": "b" } } }),
        None,
    );
    let other_csr = CSR.replace("MIGd", "MIGe");
    update(
        "a credential is renewed",
        credential(),
        json!({ "spec": { "csr": other_csr } }),
        None,
    );
    update(
        "a credential changes its version",
        credential(),
        json!({ "spec": { "version": "2.0" } }),
        Some("a credential is bound to solution, version and mode: create another one"),
    );
    update(
        "a credential changes its establishment",
        credential(),
        json!({ "spec": { "establishment": { "inpe": "987654321" } } }),
        Some("a credential is bound to its establishment: create another one"),
    );
    update(
        "a credential changes its group",
        credential(),
        json!({ "spec": { "healthGroup": "other" } }),
        Some("a credential is bound to its group: create another one"),
    );
    cases.extend(crate::control_evidence_cases::all());
    cases.extend(crate::homologation_cases::all());
    cases.extend(crate::image_release_cases::all());
    cases.extend(crate::incident_cases::all());
    cases.extend(crate::policy_exception_cases::all());
    cases.extend(crate::policy_profile_cases::all());
    cases.extend(crate::revocation_cases::all());
    cases.extend(crate::site_inventory_cases::all());
    cases.extend(crate::system_homologation_cases::all());
    cases.extend(crate::vendor_cases::all());
    cases.extend(crate::vulnerability_export_cases::all());
    cases
}

pub fn kind_of(object: &Value) -> &'static str {
    let kind = object["kind"].as_str().unwrap();
    let cluster = [
        "Catalogue",
        "CatalogueEntry",
        "ConformanceProfile",
        "ControlEvidence",
        "HealthGroup",
        "HomologationProgramme",
        "ImageRelease",
        "Incident",
        "Platform",
        "PolicyException",
        "PolicyProfile",
        "RevocationLift",
        "Site",
        "SiteInventory",
        "SolutionRevocation",
        "SystemHomologation",
        "Vendor",
        "VulnerabilityExport",
    ];
    let mut all = cluster.into_iter().chain(VENDORS);
    all.find(|known| *known == kind).unwrap()
}
