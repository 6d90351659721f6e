//! Bundle, DocumentReference, SubmissionSet, Binary; the answers.

use serde_json::{Value, json};

use super::{code_of, with};
use crate::binary::Binary;
use crate::bundle::{self, ResponseEntry, Transaction};
use crate::document::DocumentReference;
use crate::outcome::OperationOutcome;
use crate::submission::{SubmissionSet, is_submission_set};
use crate::{IssueType, systems};

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
