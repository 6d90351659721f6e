//! What is wrong with a resource, without repeating it.

/// FHIR R4 value set `issue-type`, as far as a reader of resources needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueType {
    /// The content is structurally or semantically wrong.
    Invalid,
    Structure,
    Required,
    Value,
    Invariant,
    NotSupported,
    NotFound,
    Duplicate,
    Conflict,
    Forbidden,
    TooLong,
    Transient,
    Exception,
}

impl IssueType {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Structure => "structure",
            Self::Required => "required",
            Self::Value => "value",
            Self::Invariant => "invariant",
            Self::NotSupported => "not-supported",
            Self::NotFound => "not-found",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
            Self::Forbidden => "forbidden",
            Self::TooLong => "too-long",
            Self::Transient => "transient",
            Self::Exception => "exception",
        }
    }
}

/// A resource cannot be used. Holds no value of the resource: code, path and text may be logged and returned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} (at {path})")]
pub struct FhirError {
    code: &'static str,
    issue: IssueType,
    path: String,
    problem: &'static str,
}

impl FhirError {
    pub(crate) fn new(
        code: &'static str,
        issue: IssueType,
        path: impl Into<String>,
        problem: &'static str,
    ) -> Self {
        Self {
            code,
            issue,
            path: path.into(),
            problem,
        }
    }

    pub(crate) fn required(path: impl Into<String>) -> Self {
        Self::new(
            "element-missing",
            IssueType::Required,
            path,
            "the element is required",
        )
    }

    pub(crate) fn value(path: impl Into<String>, problem: &'static str) -> Self {
        Self::new("value-invalid", IssueType::Value, path, problem)
    }

    pub(crate) fn structure(path: impl Into<String>, problem: &'static str) -> Self {
        Self::new("structure-invalid", IssueType::Structure, path, problem)
    }

    /// The stable code, kebab case.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// Where, as a FHIRPath-like location (`Patient.identifier[0].system`).
    pub fn path(&self) -> &str {
        &self.path
    }

    pub const fn issue(&self) -> IssueType {
        self.issue
    }
}
