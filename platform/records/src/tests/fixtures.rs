//! Bundles for tests, and the foreign test documents.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

/// A document to publish.
pub(super) struct Letter<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) content_type: &'a str,
    pub(super) title: &'a str,
    /// LOINC.
    pub(super) type_code: &'a str,
    pub(super) identifier: String,
}

impl<'a> Letter<'a> {
    /// A discharge summary with a fresh identifier.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let identifier = format!("urn:uuid:{}", Uuid::new_v4());
        Self {
            bytes,
            content_type: "text/plain",
            title: "Compte rendu",
            type_code: "34105-7",
            identifier,
        }
    }
}

/// A minimal ITI-65 Bundle: SubmissionSet, DocumentReference, Binary.
pub(super) fn bundle(unique_id: &str, letter: &Letter<'_>) -> Value {
    let [set, document, binary] = [(); 3].map(|()| format!("urn:uuid:{}", Uuid::new_v4()));
    json!({
        "resourceType": "Bundle", "type": "transaction",
        "entry": [
            { "fullUrl": set, "request": { "method": "POST", "url": "List" }, "resource": {
                "resourceType": "List", "status": "current", "mode": "working", "date": "2026-03-17T09:00:00+01:00",
                "code": { "coding": [{ "system": "https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes", "code": "submissionset" }] },
                "identifier": [{ "use": "usual", "system": "urn:ietf:rfc:3986", "value": unique_id }],
                "subject": { "reference": "Patient/p" },
                "entry": [{ "item": { "reference": document } }] } },
            { "fullUrl": document, "request": { "method": "POST", "url": "DocumentReference" }, "resource": {
                "resourceType": "DocumentReference", "status": "current", "date": "2026-03-17T09:00:00+01:00",
                "masterIdentifier": { "system": "urn:ietf:rfc:3986", "value": letter.identifier },
                "type": { "coding": [{ "system": "http://loinc.org", "code": letter.type_code }] },
                "subject": { "reference": "Patient/p" },
                "content": [{ "attachment": {
                    "contentType": letter.content_type, "title": letter.title, "url": binary,
                    "size": letter.bytes.len(), "hash": dmp_fhir::hash::sha1_base64(letter.bytes) } }] } },
            { "fullUrl": binary, "request": { "method": "POST", "url": "Binary" }, "resource": {
                "resourceType": "Binary", "contentType": letter.content_type, "data": STANDARD.encode(letter.bytes) } },
        ],
    })
}

pub(super) fn unique_id() -> String {
    format!("urn:uuid:{}", Uuid::new_v4())
}

/// A folder of the foreign test documents; `None` (said aloud) when they are not on this machine.
pub(super) fn foreign(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("DMP_TESTDATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/testdata")),
        PathBuf::from,
    );
    let path = root.join(folder);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!(
        "SKIPPED: no foreign test documents at {} (set DMP_TESTDATA)",
        path.display()
    );
    None
}

pub(super) fn read_json(path: &std::path::Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
