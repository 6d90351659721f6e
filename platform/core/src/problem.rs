//! The one shape of errors between services: RFC 9457 `application/problem+json` with a stable `code`.
//!
//! The correlation id is added by [`crate::correlation`], which sees every answer. A refusal of access carries
//! none in its body and no reason: all of them are the same bytes ([`Problem::access_refused`]).

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

#[cfg(test)]
mod tests;

/// `code` of every refusal of access.
pub const ACCESS_REFUSED: &str = "access-refused";

/// An error for the caller. Nothing in it may speak of a patient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {code}: {title}")]
pub struct Problem {
    pub status: StatusCode,
    /// Stable, kebab case.
    pub code: &'static str,
    pub title: Cow<'static, str>,
    pub detail: Option<String>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code,
            title: title.into(),
            detail: None,
        }
    }

    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// 403, the same for every reason. The reason belongs in the log entry.
    pub fn access_refused() -> Self {
        Self::new(StatusCode::FORBIDDEN, ACCESS_REFUSED, "access refused")
    }

    /// 403 for a service that may not call this route (not a person's access: a wiring error or an attack).
    pub fn peer_not_allowed() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "peer-not-allowed",
            "this service may not call this route",
        )
    }

    /// 400.
    pub fn bad_request(code: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, title)
    }

    /// 404.
    pub fn not_found(code: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, title)
    }

    /// 409.
    pub fn conflict(code: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, code, title)
    }

    /// 503: something this service needs does not answer. Logs `error` with its causes; the caller sees `code` only.
    pub fn unavailable(code: &'static str, error: &dyn std::error::Error) -> Self {
        tracing::error!(code, error = %Chain(error), "unavailable");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code,
            "a part this service needs does not answer",
        )
    }

    /// 500. Logs `error` with its causes; the caller sees `internal` only.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %Chain(error), "internal error");
        Self::internal_unlogged()
    }

    pub(crate) fn internal_unlogged() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "an error inside the service",
        )
    }

    /// The body. `correlation` is left out of a refusal of access.
    pub fn body(&self, correlation: Option<&str>) -> Value {
        let mut body = Map::new();
        body.insert("type".into(), "about:blank".into());
        body.insert("title".into(), self.title.as_ref().into());
        body.insert("status".into(), self.status.as_u16().into());
        body.insert("code".into(), self.code.into());
        if let Some(detail) = &self.detail {
            body.insert("detail".into(), detail.as_str().into());
        }
        if let Some(correlation) = correlation.filter(|_| self.code != ACCESS_REFUSED) {
            body.insert("correlation".into(), correlation.into());
        }
        Value::Object(body)
    }

    pub(crate) fn render(&self, correlation: Option<&str>) -> axum::body::Body {
        self.body(correlation).to_string().into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(self.render(None));
        *response.status_mut() = self.status;
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response.extensions_mut().insert(self);
        response
    }
}

/// An error with its causes on one line. `Display` of ours never repeats its source; that of others may, and then the
/// source is left out.
pub struct Chain<'a>(pub &'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said = text;
            }
            source = error.source();
        }
        Ok(())
    }
}
