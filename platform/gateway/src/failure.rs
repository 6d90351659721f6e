//! Everything that can go wrong with a request, and its one shape on the wire.
//!
//! A handler returns a [`Failure`]; the outermost layer ([`crate::edge::answer`]) renders it in the [`Shape`] of its route: FHIR
//! `OperationOutcome` under `/fhir`, RFC 9457 problem elsewhere. A refusal of access has no fields at all, so
//! that no reason can slip into it: its body is the same bytes whatever happened.

use axum::response::{IntoResponse, Response};
use dmp_client::quota::Rate;
use http::StatusCode;
use serde_json::{Value, json};

use crate::edge::admission::SolutionRefusal;
use crate::quota::Limit;

/// The code of every refusal of access.
pub const ACCESS_REFUSED: &str = "access-refused";

/// The portal's code for an act that is not in the platform's log; the guichet's as well.
pub const UNRECORDED: &str = "act-not-recorded";

/// What is wrong with a request's token (RFC 6750).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerProblem {
    Missing,
    Invalid,
    NotBound,
}

/// How errors are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `OperationOutcome`.
    Fhir,
    /// RFC 6749 section 5.2.
    OAuth,
    /// RFC 9457.
    Problem,
}

impl Shape {
    /// Of the route that a path leads to.
    pub fn of(path: &str) -> Self {
        match path {
            "/oauth2/token" => Self::OAuth,
            "/fhir" => Self::Fhir,
            path if path.starts_with("/fhir/") => Self::Fhir,
            _ => Self::Problem,
        }
    }
}

/// Why a request got no answer of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No relation, opposition, unknown patient…: one answer for all.
    Refused,
    /// The software is not let in.
    Solution(SolutionRefusal),
    /// The homologation does not cover the operation: the scope it needs.
    Scope(&'static str),
    /// The gateway does not know the newest revocations: the door is closed.
    Stale,
    Bearer(BearerProblem),
    /// More requests than a limit allows; it passes after so many seconds.
    TooMany {
        limit: Limit,
        rate: Rate,
        seconds: u64,
    },
    /// The request is at fault; `code` is stable and kebab case, `detail` free of the patient's data.
    Input {
        status: StatusCode,
        code: String,
        detail: String,
    },
    /// A part of the platform could not be reached or is not able to answer.
    Unavailable {
        part: String,
    },
    /// The platform's log of who did what did not take an act at the guichet.
    Unrecorded {
        detail: String,
    },
    /// A part answered something that it should not.
    Internal,
}

impl Failure {
    pub fn input(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self::Input {
            status,
            code: code.to_owned(),
            detail: detail.into(),
        }
    }

    pub fn bad_request(code: &str, detail: impl Into<String>) -> Self {
        Self::input(StatusCode::BAD_REQUEST, code, detail)
    }

    pub fn unprocessable(code: &str, detail: impl Into<String>) -> Self {
        Self::input(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// More than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("the limit is {limit} bytes");
        Self::input(StatusCode::PAYLOAD_TOO_LARGE, "document-too-large", detail)
    }

    pub fn unavailable(part: impl Into<String>) -> Self {
        Self::Unavailable { part: part.into() }
    }

    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Refused | Self::Solution(_) | Self::Scope(_) => StatusCode::FORBIDDEN,
            Self::Stale | Self::Unavailable { .. } | Self::Unrecorded { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Bearer(_) => StatusCode::UNAUTHORIZED,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Input { status, .. } => *status,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub fn code(&self) -> &str {
        match self {
            Self::Refused => ACCESS_REFUSED,
            Self::Solution(_) => "solution-refused",
            Self::Scope(_) => "scope-missing",
            Self::Stale => "facts-stale",
            Self::Bearer(BearerProblem::Missing) => "token-missing",
            Self::Bearer(BearerProblem::Invalid) => "token-invalid",
            Self::Bearer(BearerProblem::NotBound) => "token-not-bound",
            Self::TooMany { .. } => "too-many-requests",
            Self::Input { code, .. } => code,
            Self::Unavailable { .. } => "part-unavailable",
            Self::Unrecorded { .. } => UNRECORDED,
            Self::Internal => "internal",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Refused => "access is refused".to_owned(),
            Self::Solution(reason) => reason.to_string(),
            Self::Scope(scope) => format!(
                "the homologation of this version does not cover the operation: it needs scope `{scope}`"
            ),
            Self::Stale => "the gateway has no fresh facts from the operator; try again shortly".to_owned(),
            Self::Bearer(BearerProblem::Missing) => {
                "a bearer token of POST /oauth2/token is needed".to_owned()
            }
            Self::Bearer(BearerProblem::Invalid) => "the token is not valid".to_owned(),
            Self::Bearer(BearerProblem::NotBound) => {
                "the token was issued to other software than this connection's".to_owned()
            }
            Self::TooMany { limit, rate, seconds } => format!(
                "{} may send {} requests a second, {} at once; try again in {seconds} s",
                limit.subject(),
                rate.per_second,
                rate.burst
            ),
            Self::Input { detail, .. } | Self::Unrecorded { detail } => detail.clone(),
            Self::Unavailable { part } => format!("`{part}` cannot be reached; try again shortly"),
            Self::Internal => {
                "an error inside the platform; its operator finds it by the correlation id".to_owned()
            }
        }
    }

    /// `WWW-Authenticate` of a 401 (RFC 6750 section 3).
    pub const fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::Bearer(BearerProblem::Missing) => Some("Bearer"),
            Self::Bearer(_) => Some("Bearer error=\"invalid_token\""),
            _ => None,
        }
    }

    /// Seconds after which it is worth trying again.
    pub const fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Stale | Self::Unavailable { .. } | Self::Unrecorded { .. } => Some(2),
            Self::TooMany { seconds, .. } => Some(*seconds),
            _ => None,
        }
    }

    /// Whether nothing more may be said on this connection.
    pub const fn closes_connection(&self) -> bool {
        matches!(self, Self::Solution(_))
    }

    /// Its shape on a route. A refusal of software is a problem everywhere: it comes before any route. At the token service a quota
    /// speaks OAuth; what else comes before its handler is a problem.
    pub const fn shape(&self, route: Shape) -> Shape {
        match (self, route) {
            (Self::Solution(_), _) => Shape::Problem,
            (Self::TooMany { .. }, Shape::OAuth) => Shape::OAuth,
            (_, Shape::OAuth) => Shape::Problem,
            (_, route) => route,
        }
    }

    /// The body under `/fhir`. The correlation id is in the header only, so that refusals stay equal.
    pub fn operation_outcome(&self) -> Value {
        outcome("error", issue_type(self.status()), self.code(), &self.detail())
    }

    /// The body at the token service (RFC 6749 section 5.2, which leaves room for further codes).
    pub fn oauth_error(&self) -> Value {
        json!({ "error": self.code(), "error_description": self.detail() })
    }

    /// The body elsewhere (RFC 9457), with the correlation id unless it is a refusal of access.
    pub fn problem(&self, correlation: &str) -> Value {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status().canonical_reason().unwrap_or("error"),
            "status": self.status().as_u16(),
            "code": self.code(),
            "detail": self.detail(),
        });
        if let (false, Some(fields)) = (matches!(self, Self::Refused), body.as_object_mut()) {
            fields.insert("correlation".to_owned(), correlation.into());
        }
        body
    }
}

impl IntoResponse for Failure {
    /// The status alone; the body is written by the outermost layer, which knows route and correlation.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A FHIR R4 OperationOutcome with one issue.
pub fn outcome(severity: &str, kind: &str, code: &str, diagnostics: &str) -> Value {
    json!({
        "resourceType": "OperationOutcome",
        "issue": [{
            "severity": severity,
            "code": kind,
            "details": { "coding": [{ "system": "https://dmp.ma/fhir/CodeSystem/error", "code": code }] },
            "diagnostics": diagnostics,
        }],
    })
}

/// FHIR R4 value set `issue-type`.
fn issue_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "login",
        403 => "forbidden",
        404 => "not-found",
        405 | 415 | 501 => "not-supported",
        409 => "conflict",
        413 => "too-long",
        422 => "invariant",
        429 => "throttled",
        503 => "transient",
        500.. => "exception",
        _ => "invalid",
    }
}
