//! Records: a group's documents (MHD ITI-65, 67, 68), each call with the person's token.

use dmp_core::ids::PatientId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `POST /v1/submissions`: the transaction Bundle of ITI-65, as sent.
#[derive(Serialize, Deserialize)]
pub struct SubmissionRequest {
    /// The patient the DocumentReferences speak of, resolved by the gateway from `subject`.
    pub patient: PatientId,
    /// FHIR R4 Bundle of type transaction.
    pub bundle: Value,
}

#[derive(Serialize, Deserialize)]
pub struct SubmissionAnswer {
    /// FHIR R4 Bundle of type transaction-response: one entry per request entry, in order.
    pub bundle: Value,
    /// The same SubmissionSet had been stored before: nothing was written.
    pub repeated: bool,
}

/// `POST /v1/documents/search` (ITI-67).
#[derive(Serialize, Deserialize)]
pub struct DocumentSearchRequest {
    pub patient: PatientId,
    /// FHIR search parameters beside `patient`, in order (`status`, `type`, `category`, `date`, `identifier`).
    pub parameters: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
pub struct DocumentSearchAnswer {
    /// FHIR R4 DocumentReference resources; `attachment.url` is `Binary/<public id>`, relative to the gateway's FHIR base.
    pub documents: Vec<Value>,
}

/// `POST /v1/documents/retrieve` (ITI-68). The answer is the document itself: bytes and content type.
#[derive(Serialize, Deserialize)]
pub struct RetrieveRequest {
    /// Public id: `<tag>-<uuid>`.
    pub binary: String,
}
