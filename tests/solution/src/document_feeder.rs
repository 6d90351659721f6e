//! Document Source (MHD): a document of the hospital, published for its patient (ITI-65).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::call::{Call, Operation};
use crate::digest::sha1_base64;
use crate::error::Result;
use crate::report::Report;
use crate::session::Session;
use crate::task::{Document, Given, Identifier};

/// `system` of identifiers that are URIs.
const URI: &str = "urn:ietf:rfc:3986";
/// The hospital system as the source of submissions (example arc).
const SOURCE: &str = "urn:oid:2.999.212.5.2";
const MHD: &str = "https://profiles.ihe.net/ITI/MHD";

/// The Bundle is made once: its ids, and with them every repetition, are those of one submission.
///
/// # Errors
/// As [`Session::ask`].
pub async fn publish(session: &mut Session, given: &Given) -> Result<Report> {
    let bundle = provide_bundle(&given.identifier()?, given.document()?, Timestamp::now())?;
    session
        .ask(Call::resource(Operation::Submit, Method::POST, "/fhir", bundle))
        .await?;
    Ok(Report::done("Document publié."))
}

/// A transaction of three: the SubmissionSet names the DocumentReference, which names the Binary.
fn provide_bundle(patient: &Identifier, document: &Document, now: Timestamp) -> Result<Value> {
    let bytes = document.bytes()?;
    // A logical reference: the platform knows the patient by this number, no search is needed.
    let subject = json!({
        "type": "Patient",
        "identifier": { "system": patient.system, "value": patient.value },
    });
    let date = format!("{now:.3}");
    let (set, reference, binary) = (urn(), urn(), urn());
    let submission_set = submission_set(&subject, &reference, &date);
    let document_reference = document_reference(document, &bytes, &subject, &binary, &date);
    let content = json!({
        "resourceType": "Binary",
        "contentType": document.content_type,
        "data": STANDARD.encode(&bytes),
    });
    Ok(json!({
        "resourceType": "Bundle",
        "meta": { "profile": [format!("{MHD}/StructureDefinition/IHE.MHD.Minimal.ProvideBundle")] },
        "type": "transaction",
        "entry": [
            entry(&set, "List", submission_set),
            entry(&reference, "DocumentReference", document_reference),
            entry(&binary, "Binary", content),
        ],
    }))
}

fn entry(full_url: &str, kind: &str, resource: Value) -> Value {
    json!({
        "fullUrl": full_url,
        "resource": resource,
        "request": { "method": "POST", "url": kind },
    })
}

/// Who sends what, under a unique id by which the platform knows a repetition.
fn submission_set(subject: &Value, reference: &str, date: &str) -> Value {
    json!({
        "resourceType": "List",
        "extension": [{
            "url": format!("{MHD}/StructureDefinition/ihe-sourceId"),
            "valueIdentifier": { "value": SOURCE },
        }],
        "identifier": [{
            "use": "usual",
            "type": coding(&format!("{MHD}/CodeSystem/IHE.MHD.MHDIdentifierType"), "uniqueId"),
            "system": URI,
            "value": unique_id(),
        }],
        "status": "current",
        "mode": "working",
        "code": coding(&format!("{MHD}/CodeSystem/MHDlistTypes"), "submissionset"),
        "subject": subject,
        "date": date,
        "entry": [{ "item": { "reference": reference } }],
    })
}

/// What the document is; size and hash are of the very bytes in the Binary.
fn document_reference(document: &Document, bytes: &[u8], subject: &Value, binary: &str, date: &str) -> Value {
    let kind = json!({ "coding": [document.kind] });
    json!({
        "resourceType": "DocumentReference",
        "masterIdentifier": { "system": URI, "value": document.unique_id },
        "status": "current",
        "type": kind,
        "category": [kind],
        "subject": subject,
        "date": date,
        "securityLabel": [coding("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "N")],
        "content": [{
            "attachment": {
                "contentType": document.content_type,
                "language": "fr-MA",
                "url": binary,
                "size": bytes.len(),
                "hash": sha1_base64(bytes),
                "title": document.title,
                "creation": date,
            },
            "format": {
                "system": "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode",
                "code": document.format,
            },
        }],
    })
}

fn coding(system: &str, code: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code }] })
}

/// An OID that is nobody else's (ITU-T X.667).
pub(crate) fn unique_id() -> String {
    format!("urn:oid:2.25.{}", Uuid::new_v4().as_u128())
}

fn urn() -> String {
    Uuid::new_v4().urn().to_string()
}
