use serde_json::{Value, json};

use super::{code_of, with};
use crate::binary::Binary;
use crate::bundle::{self, ResponseEntry, Transaction};
use crate::consent::{Consent, Kind};
use crate::directory::{Organization, Practitioner, PractitionerRole};
use crate::document::DocumentReference;
use crate::outcome::OperationOutcome;
use crate::patient::{Patient, Script};
use crate::submission::{SubmissionSet, is_submission_set};
use crate::{FhirError, IssueType, structure, systems};

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

fn transaction() -> Value {
    json!({
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            { "fullUrl": "urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e00333300001",
              "resource": { "resourceType": "Binary", "contentType": "text/plain", "data": "SGVsbG8gV29ybGQ=" },
              "request": { "method": "POST", "url": "Binary" } },
            { "fullUrl": "https://a.test/fhir/Patient/p1",
              "resource": { "resourceType": "Patient", "id": "p1" },
              "request": { "method": "PUT", "url": "Patient/p1" } },
        ],
    })
}

#[test]
fn a_transaction_resolves_its_references() {
    use crate::reference::Reference;
    let value = transaction();
    let transaction = Transaction::parse(&value).unwrap();
    let kind = |text: &str| {
        transaction
            .resolve(&Reference::parse_url(text).unwrap())
            .and_then(|entry| entry.kind())
    };
    assert_eq!(
        kind("urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e00333300001"),
        Some("Binary")
    );
    assert_eq!(kind("urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e00333300002"), None);
    assert_eq!(kind("Patient/p1"), Some("Patient"));
    assert_eq!(kind("https://a.test/fhir/Patient/p1"), Some("Patient"));
    assert_eq!(kind("https://b.test/fhir/Patient/p1"), None);
    assert_eq!(kind("Group/p1"), None);
    assert_eq!(kind("#p1"), None);
}

#[test]
fn what_is_no_transaction_is_refused() {
    let cases = [
        ("/resourceType", json!("List"), "not-a-bundle Bundle"),
        ("/type", json!("batch"), "not-a-transaction Bundle.type"),
        ("/type", Value::Null, "not-a-transaction Bundle.type"),
        ("/entry", Value::Null, "bundle-empty Bundle.entry"),
        ("/entry", json!([]), "structure-invalid Bundle.entry"),
        ("/entry/0", json!(1), "structure-invalid Bundle.entry[0]"),
        (
            "/entry/0/request",
            Value::Null,
            "entry-without-request Bundle.entry[0].request",
        ),
        (
            "/entry/0/request/method",
            json!("post"),
            "value-invalid Bundle.entry[0].request.method",
        ),
        (
            "/entry/0/request/url",
            json!("Patient"),
            "entry-url-mismatch Bundle.entry[0].request.url",
        ),
        (
            "/entry/0/request/url",
            json!("Binary/1"),
            "entry-url-mismatch Bundle.entry[0].request.url",
        ),
        (
            "/entry/0/resource",
            Value::Null,
            "entry-without-resource Bundle.entry[0].resource",
        ),
        (
            "/entry/0/resource/resourceType",
            Value::Null,
            "element-missing Bundle.entry[0].resource.resourceType",
        ),
        (
            "/entry/1/resource/id",
            json!("a b"),
            "value-invalid Bundle.entry[1].resource.id",
        ),
        (
            "/entry/1/fullUrl",
            json!("urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e00333300001"),
            "full-url-repeated Bundle.entry[1].fullUrl",
        ),
    ];
    for (pointer, new, expected) in cases {
        assert_eq!(
            code_of(Transaction::parse(&with(transaction(), pointer, new))),
            expected
        );
    }
}

fn document() -> Value {
    json!({
        "resourceType": "DocumentReference",
        "status": "current",
        "masterIdentifier": { "system": systems::URI, "value": "urn:oid:2.25.1" },
        "subject": { "reference": "Patient/p1" },
        "type": { "coding": [{ "system": systems::LOINC, "code": "18842-5" }] },
        "category": [{ "coding": [{ "system": systems::LOINC, "code": "11369-6" }] }],
        "date": "2026-03-17T07:00:00+01:00",
        "relatesTo": [{ "code": "replaces", "target": { "reference": "DocumentReference/d0" } }],
        "content": [{ "attachment": { "contentType": "text/plain", "url": "urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e00333300001",
            "size": 11, "hash": "Ck1VqNd45QIvq3AZd8XYQLvEhtA=" } }],
    })
}

#[test]
fn a_document_reference_and_its_attachment() {
    let value = document();
    let read = DocumentReference::parse(&value).unwrap();
    assert_eq!(
        read.codes().map(|(_, code)| code).collect::<Vec<_>>(),
        ["18842-5", "11369-6"]
    );
    assert_eq!(read.relates_to[0].0, "replaces");
    assert_eq!(code_of(read.content[0].check(b"Hello World")), "ok");
    assert!(code_of(read.content[0].check(b"Hello World!")).starts_with("attachment-size-mismatch"));
    assert!(code_of(read.content[0].check(b"Hello world")).starts_with("attachment-hash-mismatch"));
    let cases = [
        ("/status", json!("new"), "value-invalid DocumentReference.status"),
        ("/status", Value::Null, "element-missing DocumentReference.status"),
        (
            "/content",
            Value::Null,
            "element-missing DocumentReference.content",
        ),
        (
            "/content/0/attachment",
            Value::Null,
            "element-missing DocumentReference.content[0].attachment",
        ),
        (
            "/content/0/attachment/size",
            json!(-1),
            "value-invalid DocumentReference.content[0].attachment.size",
        ),
        (
            "/content/0/attachment/size",
            json!("11"),
            "value-invalid DocumentReference.content[0].attachment.size",
        ),
        (
            "/content/0/attachment/creation",
            json!("x"),
            "value-invalid DocumentReference.content[0].attachment.creation",
        ),
        (
            "/date",
            json!("yesterday"),
            "value-invalid DocumentReference.date",
        ),
        (
            "/subject/reference",
            json!("p1"),
            "reference-invalid DocumentReference.subject.reference",
        ),
        (
            "/relatesTo/0/code",
            json!("eats"),
            "value-invalid DocumentReference.relatesTo[0].code",
        ),
        (
            "/relatesTo/0/target",
            Value::Null,
            "element-missing DocumentReference.relatesTo[0].target",
        ),
    ];
    for (pointer, new, expected) in cases {
        assert_eq!(
            code_of(DocumentReference::parse(&with(document(), pointer, new))),
            expected
        );
    }
}

#[test]
fn a_submission_set_has_a_unique_id() {
    let set = json!({
        "resourceType": "List", "status": "current", "mode": "working", "date": "2026-03-17",
        "code": { "coding": [{ "code": "submissionset" }] },
        "identifier": [
            { "use": "official", "system": systems::URI, "value": "urn:uuid:1" },
            { "use": "usual", "system": systems::URI, "value": "urn:oid:2.25.7" },
        ],
        "entry": [{ "item": { "reference": "DocumentReference/d" } }],
    });
    assert_eq!(
        SubmissionSet::parse(&set).unwrap().unique_id.value,
        "urn:oid:2.25.7"
    );
    let typed = with(
        set.clone(),
        "/identifier/0/type",
        json!({ "coding": [{ "code": "uniqueId" }] }),
    );
    assert_eq!(
        SubmissionSet::parse(&typed).unwrap().unique_id.value,
        "urn:uuid:1"
    );
    let only = with(set.clone(), "/identifier", json!([{ "value": "urn:oid:2.25.8" }]));
    assert_eq!(
        SubmissionSet::parse(&only).unwrap().unique_id.value,
        "urn:oid:2.25.8"
    );
    for (pointer, new, expected) in [
        (
            "/identifier",
            Value::Null,
            "submission-set-without-unique-id List.identifier",
        ),
        (
            "/identifier/1/use",
            json!("old"),
            "submission-set-without-unique-id List.identifier",
        ),
        (
            "/code/coding/0/code",
            json!("folder"),
            "not-a-submission-set List.code",
        ),
        ("/date", Value::Null, "element-missing List.date"),
        ("/entry/0/item", Value::Null, "element-missing List.entry[0].item"),
    ] {
        assert_eq!(
            code_of(SubmissionSet::parse(&with(set.clone(), pointer, new))),
            expected
        );
    }
    assert!(!is_submission_set(&document()));
}

#[test]
fn binaries() {
    let binary = |content_type: &str, data: &str| json!({ "resourceType": "Binary", "contentType": content_type, "data": data });
    let parse = |value: Value| Binary::parse(&value).map(|binary| binary.data);
    assert_eq!(
        parse(binary("text/xml; charset=utf-8", "SGVs\n bG8=")).unwrap(),
        b"Hello"
    );
    assert_eq!(
        code_of(parse(binary("text/plain", "SGVsbG8"))),
        "value-invalid Binary.data"
    );
    assert_eq!(
        code_of(parse(binary("text/plain", "é"))),
        "value-invalid Binary.data"
    );
    for bad in ["text", "text/", "/plain", "text/plain\r\nx: y", "te xt/plain"] {
        assert_eq!(
            code_of(parse(binary(bad, "SGVsbG8="))),
            "value-invalid Binary.contentType"
        );
    }
    assert_eq!(
        code_of(parse(
            json!({ "resourceType": "Binary", "contentType": "text/plain" })
        )),
        "element-missing Binary.data"
    );
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

#[test]
fn answers() {
    let response = bundle::transaction_response(vec![ResponseEntry {
        status: "201 Created".to_owned(),
        location: Some("Binary/1".to_owned()),
        ..ResponseEntry::default()
    }]);
    assert_eq!(
        response["entry"][0]["response"],
        json!({ "status": "201 Created", "location": "Binary/1" })
    );
    let found = bundle::searchset(
        vec![json!({ "resourceType": "Patient", "id": "p" })],
        Some("https://a.test/fhir"),
    );
    assert_eq!(
        (&found["total"], &found["entry"][0]["fullUrl"]),
        (&json!(1), &json!("https://a.test/fhir/Patient/p"))
    );
    assert!(bundle::searchset(Vec::new(), None).get("entry").is_none());
    let outcome = OperationOutcome::error(IssueType::Required, "a-code", "text")
        .expression("Patient.x")
        .correlation("c")
        .build();
    assert_eq!(outcome["issue"][0]["details"]["coding"][0]["code"], "a-code");
    assert_eq!(
        (&outcome["id"], &outcome["issue"][0]["expression"][0]),
        (&json!("c"), &json!("Patient.x"))
    );
}
