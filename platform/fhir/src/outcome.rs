//! OperationOutcome: the one error shape on FHIR routes.

use serde_json::{Map, Value, json};

use crate::error::{FhirError, IssueType};
use crate::systems;

/// Builds an OperationOutcome with one issue.
pub struct OperationOutcome {
    severity: &'static str,
    issue: IssueType,
    code: String,
    diagnostics: String,
    expression: Option<String>,
    correlation: Option<String>,
}

impl OperationOutcome {
    /// `code`: the stable code (kebab case); `diagnostics`: for a person, without a patient's data.
    pub fn error(issue: IssueType, code: impl Into<String>, diagnostics: impl Into<String>) -> Self {
        Self {
            severity: "error",
            issue,
            code: code.into(),
            diagnostics: diagnostics.into(),
            expression: None,
            correlation: None,
        }
    }

    /// Where in the resource (FHIRPath).
    #[must_use]
    pub fn expression(mut self, path: impl Into<String>) -> Self {
        self.expression = Some(path.into());
        self
    }

    /// The request's correlation id, as `OperationOutcome.id`.
    #[must_use]
    pub fn correlation(mut self, id: impl Into<String>) -> Self {
        self.correlation = Some(id.into());
        self
    }

    pub fn build(self) -> Value {
        let mut issue = Map::new();
        issue.insert("severity".to_owned(), self.severity.into());
        issue.insert("code".to_owned(), self.issue.as_str().into());
        issue.insert(
            "details".to_owned(),
            json!({ "coding": [{ "system": systems::ERROR, "code": self.code }] }),
        );
        issue.insert("diagnostics".to_owned(), self.diagnostics.into());
        if let Some(path) = self.expression {
            issue.insert("expression".to_owned(), json!([path]));
        }
        let mut outcome = Map::new();
        outcome.insert("resourceType".to_owned(), "OperationOutcome".into());
        if let Some(id) = self.correlation {
            outcome.insert("id".to_owned(), id.into());
        }
        outcome.insert("issue".to_owned(), json!([issue]));
        Value::Object(outcome)
    }
}

impl From<&FhirError> for OperationOutcome {
    fn from(error: &FhirError) -> Self {
        Self::error(error.issue(), error.code(), error.to_string()).expression(error.path())
    }
}
