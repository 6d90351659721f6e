//! The FHIR R4 (4.0.1) resources this platform owns, as a thin typed layer over `serde_json::Value`.
//!
//! Responsible for: reading Bundle, DocumentReference, List (SubmissionSet), Binary, Patient, Consent and the three
//! directory resources into borrowed views that say what is wrong with them; references, ids, dates, attachments;
//! the answers (Bundles, OperationOutcome).
//! Not responsible for: profile validation, storage, JSON text (`dmp_core::json` reads it strictly), any decision.
//! Pure: no I/O and no clock. A resource is never rewritten: what was not understood stays as it came, and numbers
//! keep their digits (`serde_json` with `arbitrary_precision`).
//!
//! Every error names a stable code and a path, never a value: it may be logged.

pub mod binary;
pub mod bundle;
pub mod consent;
pub mod date;
pub mod directory;
pub mod document;
mod element;
mod error;
pub mod hash;
pub mod id;
pub mod identifier;
pub mod outcome;
pub mod patient;
pub mod reference;
pub mod structure;
pub mod submission;
pub mod systems;
#[cfg(test)]
mod tests;

pub use error::{FhirError, IssueType};
pub use identifier::{Coding, Identifier};
