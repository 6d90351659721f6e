//! The Bundle of Provide Document Bundle (MHD ITI-65): SubmissionSet, DocumentReferences, Binaries.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::fixtures::Document;

/// `System` of identifiers that are URIs.
const URI: &str = "urn:ietf:rfc:3986";

/// A transaction that publishes documents of one patient. `source` identifies the sending system (an OID URN).
pub fn provide_bundle(
    patient: &str,
    unique_id: &str,
    source: &str,
    date: &str,
    documents: &[&Document],
) -> Value {
    let subject = json!({ "reference": format!("Patient/{patient}") });
    let urns: Vec<(String, String)> = documents.iter().map(|_| (urn(), urn())).collect();
    let items: Vec<Value> = urns
        .iter()
        .map(|(reference, _)| json!({ "item": { "reference": reference } }))
        .collect();
    let mut entries = vec![json!({
        "fullUrl": urn(),
        "resource": {
            "resourceType": "List",
            "extension": [{
                "url": "https://profiles.ihe.net/ITI/MHD/StructureDefinition/ihe-sourceId",
                "valueIdentifier": { "value": source },
            }],
            "identifier": [{
                "use": "usual",
                "type": unique_id_type(),
                "system": URI,
                "value": unique_id,
            }],
            "status": "current",
            "mode": "working",
            "code": { "coding": [{
                "system": "https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes", "code": "submissionset",
            }] },
            "subject": subject,
            "date": date,
            "entry": items,
        },
        "request": { "method": "POST", "url": "List" },
    })];
    for (document, (reference, binary)) in documents.iter().zip(&urns) {
        entries.push(json!({
            "fullUrl": reference,
            "resource": document_reference(document, &subject, binary, date),
            "request": { "method": "POST", "url": "DocumentReference" },
        }));
        entries.push(json!({
            "fullUrl": binary,
            "resource": {
                "resourceType": "Binary",
                "contentType": document.content_type,
                "data": STANDARD.encode(&document.bytes),
            },
            "request": { "method": "POST", "url": "Binary" },
        }));
    }
    json!({
        "resourceType": "Bundle",
        "meta": { "profile": ["https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.Minimal.ProvideBundle"] },
        "type": "transaction",
        "entry": entries,
    })
}

fn document_reference(document: &Document, subject: &Value, binary: &str, date: &str) -> Value {
    let (code, display) = document.kind;
    let kind = json!({ "coding": [{ "system": "http://loinc.org", "code": code, "display": display }] });
    json!({
        "resourceType": "DocumentReference",
        "masterIdentifier": { "system": URI, "value": document.unique_id },
        "status": "current",
        "type": kind,
        "category": [kind],
        "subject": subject,
        "date": date,
        "securityLabel": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N",
        }] }],
        "content": [{
            "attachment": {
                "contentType": document.content_type,
                "language": "fr-MA",
                "url": binary,
                "size": document.bytes.len(),
                "hash": sha1_base64(&document.bytes),
                "title": document.title,
                "creation": date,
            },
            "format": {
                "system": "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode", "code": document.format,
            },
        }],
    })
}

fn unique_id_type() -> Value {
    json!({ "coding": [{
        "system": "https://profiles.ihe.net/ITI/MHD/CodeSystem/IHE.MHD.MHDIdentifierType", "code": "uniqueId",
    }] })
}

fn urn() -> String {
    Uuid::new_v4().urn().to_string()
}

/// `Attachment.hash` of FHIR R4 is SHA-1.
fn sha1_base64(bytes: &[u8]) -> String {
    STANDARD.encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
        bytes,
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn references_lead_to_entries_and_hashes_are_of_the_bytes() {
        let document = Document {
            title: "t",
            content_type: "text/plain",
            kind: ("34105-7", "d"),
            unique_id: "urn:oid:2.25.1".into(),
            format: "f",
            bytes: b"Hello World".to_vec(),
        };
        let bundle = provide_bundle(
            "p",
            "urn:oid:2.25.2",
            "urn:oid:2.999.1",
            "2026-11-12T16:40:00+01:00",
            &[&document],
        );
        let entries = bundle["entry"].as_array().unwrap();
        assert_eq!(entries.len(), 3);
        assert_eq!(
            entries[0]["resource"]["entry"][0]["item"]["reference"],
            entries[1]["fullUrl"]
        );
        let attachment = &entries[1]["resource"]["content"][0]["attachment"];
        assert_eq!(attachment["url"], entries[2]["fullUrl"]);
        assert_eq!(attachment["hash"], "Ck1VqNd45QIvq3AZd8XYQLvEhtA=");
    }
}
