//! Patient, Consent and the directory; the JSON rules; errors.

use serde_json::{Value, json};

use super::{code_of, with};
use crate::bundle::Transaction;
use crate::consent::{Consent, Kind};
use crate::directory::{Organization, Practitioner, PractitionerRole};
use crate::patient::{Patient, Script};
use crate::{FhirError, structure, systems};

fn patient() -> Value {
    json!({
        "resourceType": "Patient",
        "identifier": [{ "system": systems::CNIE, "value": "XT30001" }],
        "name": [{ "family": "EL AMRANI", "given": ["Khadija"] }, { "text": "خديجة العمراني" }],
        "gender": "female",
        "birthDate": "1979-06-14",
    })
}

#[test]
fn a_patient_is_read_and_a_wrong_one_says_where() {
    let value = patient();
    let read = Patient::parse(&value).unwrap();
    assert!(read.has_identifier(systems::CNIE, "XT30001") && read.active);
    assert_eq!(
        read.names.iter().map(|name| name.script()).collect::<Vec<_>>(),
        [Script::Latin, Script::Arabic]
    );
    let cases = [
        (
            "/resourceType",
            json!("Group"),
            "structure-invalid Patient.resourceType",
        ),
        (
            "/identifier",
            Value::Null,
            "patient-without-identifier Patient.identifier",
        ),
        ("/identifier", json!([]), "structure-invalid Patient.identifier"),
        ("/identifier", json!("x"), "structure-invalid Patient.identifier"),
        (
            "/identifier/0/system",
            Value::Null,
            "patient-without-identifier Patient.identifier",
        ),
        (
            "/identifier/0/value",
            json!(" XT30001"),
            "value-invalid Patient.identifier[0].value",
        ),
        (
            "/identifier/0/value",
            json!("XT\u{0}1"),
            "value-invalid Patient.identifier[0].value",
        ),
        (
            "/identifier/0/value",
            json!("x".repeat(257)),
            "value-invalid Patient.identifier[0].value",
        ),
        (
            "/identifier/0/use",
            json!("mine"),
            "value-invalid Patient.identifier[0].use",
        ),
        ("/gender", json!("f"), "value-invalid Patient.gender"),
        (
            "/birthDate",
            json!("14/06/1979"),
            "value-invalid Patient.birthDate",
        ),
        ("/birthDate", json!(1979), "structure-invalid Patient.birthDate"),
        ("/active", json!("yes"), "structure-invalid Patient.active"),
        (
            "/name/0/given",
            json!("Khadija"),
            "structure-invalid Patient.name[0].given",
        ),
        ("/name/0", json!({}), "structure-invalid Patient.name.0"),
        (
            "/link",
            json!([{ "type": "refer" }]),
            "link-not-supported Patient.link",
        ),
        ("/id", json!("a b"), "value-invalid Patient.id"),
    ];
    for (pointer, new, expected) in cases {
        assert_eq!(
            code_of(Patient::parse(&with(patient(), pointer, new))),
            expected,
            "{pointer}"
        );
    }
    assert_eq!(code_of(Patient::parse(&json!([]))), "structure-invalid Patient");
}

#[test]
fn errors_never_repeat_the_input() {
    let secret = "SECRET-42";
    let mut values = vec![
        with(patient(), "/gender", json!(secret)),
        with(patient(), "/birthDate", json!(secret)),
        with(patient(), "/resourceType", json!(secret)),
        with(patient(), "/identifier/0/use", json!(secret)),
    ];
    values.push(json!({ "resourceType": "Patient", secret: "" }));
    for value in values {
        let error: FhirError = Patient::parse(&value).err().unwrap();
        assert!(!format!("{error} {error:?}").contains(secret));
    }
}

#[test]
fn json_rules() {
    for (bad, path) in [
        (json!({ "resourceType": "Basic", "a": [] }), "Basic.a"),
        (json!({ "resourceType": "Basic", "a": { "b": "" } }), "Basic.a.b"),
        (json!({ "resourceType": "Basic", "a": [{}] }), "Basic.a.0"),
        (json!({ "resourceType": "Basic", "a": null }), "Basic.a"),
    ] {
        assert_eq!(
            code_of(structure::check(&bad)),
            format!("structure-invalid {path}")
        );
    }
    let extension = json!({ "resourceType": "Basic", "given": [null, "B"], "_given": [{ "extension": [{ "url": "x" }] }, null] });
    assert_eq!(code_of(structure::check(&extension)), "ok");
    let deep = (0..1000).fold(json!(1), |inner, _| json!({ "a": inner }));
    assert!(structure::check(&deep).is_err());
}

fn relation() -> Value {
    json!({
        "resourceType": "Consent", "status": "active",
        "scope": { "coding": [{ "system": systems::CONSENT_SCOPE, "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": systems::LOINC, "code": "59284-0" }] }],
        "patient": { "reference": "Patient/p1" },
        "provision": {
            "type": "permit",
            "period": { "start": "2026-01-01", "end": "2026-01-31" },
            "actor": [{ "role": { "text": "x" }, "reference": { "identifier": { "system": systems::INPE, "value": "100000001" } } }],
            "purpose": [{ "system": systems::ACT_REASON, "code": "TREAT" }],
        },
    })
}

#[test]
fn the_two_shapes_of_consent_and_nothing_else() {
    let value = relation();
    let read = Consent::parse(&value).unwrap();
    assert!(read.kind == Kind::CareRelation { inpe: "100000001" } && read.is_active());
    assert_eq!(read.end.unwrap().end().to_string(), "2026-02-01T00:00:00Z");
    let opposition = with(relation(), "/provision", json!({ "type": "deny" }));
    assert!(Consent::parse(&opposition).unwrap().kind == Kind::Opposition);

    let actor = "/provision/actor/0/reference/identifier";
    let cases = [
        ("/status", json!("on"), "value-invalid Consent.status"),
        ("/scope", Value::Null, "element-missing Consent.scope"),
        ("/category", Value::Null, "element-missing Consent.category"),
        ("/patient", Value::Null, "element-missing Consent.patient"),
        ("/provision", Value::Null, "element-missing Consent.provision"),
        (
            "/provision/type",
            Value::Null,
            "element-missing Consent.provision.type",
        ),
        (
            "/provision/type",
            json!("deny"),
            "consent-not-supported Consent.provision.actor",
        ),
        (
            "/provision/actor",
            Value::Null,
            "consent-not-supported Consent.provision.actor",
        ),
        (
            "/provision/provision",
            json!([{ "type": "deny" }]),
            "consent-not-supported Consent.provision",
        ),
        (
            "/provision/data",
            json!([{ "meaning": "instance" }]),
            "consent-not-supported Consent.provision",
        ),
        (
            "/provision/purpose/0/code",
            json!("HRESCH"),
            "consent-not-supported Consent.provision.purpose",
        ),
        (
            "/modifierExtension",
            json!([{ "url": "x" }]),
            "consent-not-supported Consent.modifierExtension",
        ),
        (
            "/provision/period/end",
            json!("2025-12-31"),
            "value-invalid Consent.provision.period",
        ),
        (
            "/provision/period/end",
            json!("soon"),
            "value-invalid Consent.provision.period.end",
        ),
        (
            &format!("{actor}/system"),
            json!("other"),
            "value-invalid Consent.provision.actor[0].reference",
        ),
        (
            &format!("{actor}/value"),
            json!("1 OR 1"),
            "value-invalid Consent.provision.actor[0].reference",
        ),
    ];
    for (pointer, new, expected) in cases {
        assert_eq!(
            code_of(Consent::parse(&with(relation(), pointer, new))),
            expected,
            "{pointer}"
        );
    }
    let narrow = with(
        relation(),
        "/provision",
        json!({ "type": "deny", "purpose": [{ "code": "TREAT" }] }),
    );
    assert_eq!(
        code_of(Consent::parse(&narrow)),
        "consent-not-supported Consent.provision.actor"
    );
}

#[test]
fn the_directory_leads_from_role_to_inpe() {
    let put = |kind: &str, n: u8, resource: Value| {
        json!({ "fullUrl": format!("urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e0033330000{n}"), "resource": resource,
            "request": { "method": "POST", "url": kind } })
    };
    let inpe = |value: &str| json!([{ "system": systems::INPE, "value": value }]);
    let value = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        put("Organization", 1, json!({ "resourceType": "Organization", "identifier": inpe("900000001"), "name": "CHU" })),
        put("Practitioner", 2, json!({ "resourceType": "Practitioner", "identifier": inpe("100000001"), "active": false,
            "name": [{ "prefix": ["Dr"], "given": ["Samir"], "family": "BENNANI" }] })),
        put("PractitionerRole", 3, json!({ "resourceType": "PractitionerRole",
            "practitioner": { "reference": "urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e00333300002" },
            "organization": { "identifier": { "system": systems::INPE, "value": "900000001" } },
            "code": [{ "coding": [{ "system": systems::PROFESSION, "code": "physician" }] }] })),
    ] });
    let bundle = Transaction::parse(&value).unwrap();
    let resource = |i: usize| bundle.entries[i].resource.unwrap();
    let organization = Organization::parse(resource(0)).unwrap();
    assert_eq!(
        (organization.inpe, organization.active, organization.name),
        ("900000001", true, Some("CHU"))
    );
    let practitioner = Practitioner::parse(resource(1)).unwrap();
    assert_eq!(
        (practitioner.active, practitioner.display.as_deref()),
        (false, Some("Dr Samir BENNANI"))
    );
    let role = PractitionerRole::parse(resource(2), &bundle).unwrap();
    assert_eq!(
        (role.practitioner, role.organization, role.profession),
        ("100000001", "900000001", "physician")
    );
    for (pointer, new, expected) in [
        (
            "/practitioner/reference",
            json!("urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e00333300009"),
            "reference-dangling PractitionerRole.practitioner",
        ),
        (
            "/practitioner/reference",
            json!("urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e00333300001"),
            "structure-invalid Practitioner.resourceType",
        ),
        (
            "/organization",
            Value::Null,
            "element-missing PractitionerRole.organization",
        ),
        (
            "/code/0/coding/0/system",
            json!("other"),
            "profession-missing PractitionerRole.code",
        ),
    ] {
        let role = with(resource(2).clone(), pointer, new);
        assert_eq!(code_of(PractitionerRole::parse(&role, &bundle)), expected);
    }
    let nameless = with(resource(0).clone(), "/identifier", Value::Null);
    assert_eq!(
        code_of(Organization::parse(&nameless)),
        "inpe-missing Organization.identifier"
    );
}
