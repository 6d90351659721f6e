//! Why a Bundle is not accepted: a stable code and a place in it, never a value.

use dmp_core::problem::Problem;
use dmp_fhir::{FhirError, IssueType};
use http::StatusCode;

#[derive(Debug, thiserror::Error)]
pub(crate) enum SubmissionError {
    /// The reader's own code; 400 for structure, 422 for content.
    #[error(transparent)]
    Fhir(#[from] FhirError),
    #[error("the Bundle has no SubmissionSet (a List with code `submissionset`)")]
    NoSubmissionSet,
    #[error("the Bundle has more than one SubmissionSet")]
    SeveralSubmissionSets,
    #[error("the Bundle has no DocumentReference to store")]
    NoDocument,
    #[error("resources of the Bundle speak of different patients")]
    SeveralPatients,
    #[error("entry {entry} is of a kind this transaction does not have")]
    UnexpectedEntry { entry: usize },
    #[error("entry {entry}: a DocumentReference has exactly one content")]
    OneContent { entry: usize },
    #[error("entry {entry}: the attachment's URL is not that of a Binary in the Bundle")]
    BinaryMissing { entry: usize },
    #[error("entry {entry}: no DocumentReference, or more than one, speaks of this Binary")]
    BinaryUnreferenced { entry: usize },
    #[error("entry {entry}: a reference leads to no entry of the Bundle")]
    DanglingReference { entry: usize },
    #[error("entry {entry}: the SubmissionSet does not name this DocumentReference")]
    NotInSubmissionSet { entry: usize },
    #[error("entry {entry}: a new document has the status `current`")]
    NotCurrent { entry: usize },
    #[error("entry {entry}: the document is larger than {} MiB", super::plan::MAX_DOCUMENT >> 20)]
    DocumentTooLarge { entry: usize },
    #[error("entry {entry}: only the change of a DocumentReference's status to `superseded` is understood")]
    PatchNotUnderstood { entry: usize },
    #[error("entry {entry}: a document is superseded only by one that says `replaces`")]
    SupersededByNothing { entry: usize },
    #[error("a document to be replaced is not in this record, or not current")]
    ReplacedUnknown,
    #[error("the same SubmissionSet was sent before with other content")]
    SubmissionConflict,
    #[error("a document with this identifier and other content is in the record")]
    DocumentConflict,
}

impl SubmissionError {
    fn code(&self) -> &'static str {
        match self {
            Self::Fhir(error) => error.code(),
            Self::NoSubmissionSet => "submission-set-missing",
            Self::SeveralSubmissionSets => "submission-set-repeated",
            Self::NoDocument => "document-missing",
            Self::SeveralPatients => "several-patients",
            Self::UnexpectedEntry { .. } => "entry-not-understood",
            Self::OneContent { .. } => "document-needs-one-content",
            Self::BinaryMissing { .. } => "binary-missing",
            Self::BinaryUnreferenced { .. } => "binary-unreferenced",
            Self::DanglingReference { .. } => "dangling-reference",
            Self::NotInSubmissionSet { .. } => "document-not-in-submission-set",
            Self::NotCurrent { .. } => "document-not-current",
            Self::DocumentTooLarge { .. } => "document-too-large",
            Self::PatchNotUnderstood { .. } => "patch-not-understood",
            Self::SupersededByNothing { .. } => "superseded-without-replacement",
            Self::ReplacedUnknown => "replaced-document-unknown",
            Self::SubmissionConflict => "submission-conflict",
            Self::DocumentConflict => "document-conflict",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Fhir(error) => match error.issue() {
                IssueType::Structure | IssueType::Required | IssueType::Invalid => StatusCode::BAD_REQUEST,
                _ if matches!(error.code(), "not-a-transaction" | "not-a-bundle") => StatusCode::BAD_REQUEST,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            },
            Self::DocumentTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SubmissionConflict | Self::DocumentConflict => StatusCode::CONFLICT,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

impl From<SubmissionError> for Problem {
    fn from(error: SubmissionError) -> Self {
        Self::new(error.status(), error.code(), "the submission is not acceptable")
            .with_detail(error.to_string())
    }
}
