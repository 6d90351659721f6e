//! What an answer of a service that is not a success means to the outside.
//!
//! A refusal stays a refusal, without its reason; a fault of the request keeps its code; everything else is a part
//! that is not available. Errors of the HTTP client are logged without their URL.

use http::StatusCode;
use serde::Deserialize;

use super::Target;
use crate::failure::{ACCESS_REFUSED, BearerProblem, Failure, UNRECORDED};

/// Longest problem that is read, in bytes.
const MAX_PROBLEM: usize = 64 * 1024;

/// RFC 9457, as the services write it.
#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: Option<String>,
}

/// Reads the problem and translates it.
pub(super) async fn failure(target: &Target, mut response: reqwest::Response) -> Failure {
    let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_PROBLEM {
            bytes.clear();
            break;
        }
    }
    translate(target, status, &bytes)
}

pub(super) fn translate(target: &Target, status: StatusCode, body: &[u8]) -> Failure {
    let problem = serde_json::from_slice::<Problem>(body).ok();
    let code = problem.as_ref().map_or("", |problem| problem.code.as_str());
    match status {
        StatusCode::FORBIDDEN => {
            if code != ACCESS_REFUSED {
                tracing::error!(part = target.name, code, "a service refused the gateway itself");
            }
            Failure::Refused
        }
        // who is not known looks like who may not be seen
        StatusCode::NOT_FOUND if code.starts_with("unknown-") => Failure::Refused,
        StatusCode::UNAUTHORIZED => Failure::Bearer(BearerProblem::Invalid),
        status if status.is_client_error() => match problem {
            Some(problem)
                if !matches!(problem.code.as_str(), "" | "no-such-route" | "method-not-allowed") =>
            {
                Failure::Input {
                    status,
                    code: problem.code,
                    detail: problem.detail.unwrap_or(problem.title),
                }
            }
            _ => {
                tracing::error!(
                    part = target.name,
                    status = status.as_u16(),
                    "an answer that no request should get"
                );
                Failure::Internal
            }
        },
        status => {
            tracing::warn!(
                part = target.name,
                status = status.as_u16(),
                code,
                "a service cannot answer"
            );
            match problem {
                // Whoever acts at the guichet is told whether it may have been done.
                Some(problem) if problem.code == UNRECORDED => Failure::Unrecorded {
                    detail: problem.detail.unwrap_or(problem.title),
                },
                _ => Failure::unavailable(target.name.clone()),
            }
        }
    }
}

/// No answer at all: not reached, timed out, or not the service it should be.
pub(super) fn unreachable(target: &Target, error: reqwest::Error) -> Failure {
    let error = error.without_url();
    tracing::warn!(part = target.name, error = %dmp_core::problem::Chain(&error), "a service cannot be reached");
    Failure::unavailable(target.name.clone())
}

/// A success that is not what the contract says.
pub(super) fn not_understood(target: &Target, error: &serde_json::Error) -> Failure {
    // serde's message may repeat a value: place and kind only
    tracing::error!(
        part = target.name,
        line = error.line(),
        column = error.column(),
        "an answer is not understood"
    );
    Failure::Internal
}
