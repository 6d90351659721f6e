//! JSON that comes from outside: the strict reader, and the extractor with our errors.
//!
//! Two readers of a message that has a key twice may see two different messages; one that is nested ten thousand
//! deep ends a recursive reader. [`strict_json`] refuses both, and text that is not UTF-8, before anything is read.

use std::borrow::Cow;
use std::collections::HashSet;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::problem::Problem;

#[cfg(test)]
mod tests;

/// How deep arrays and objects may be nested.
pub const MAX_DEPTH: usize = 100;

/// Why a JSON text is refused. Says where (byte), never what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("the text is not UTF-8 at byte {at}")]
    NotUtf8 { at: usize },
    #[error("arrays and objects are nested more than {MAX_DEPTH} deep at byte {at}")]
    TooDeep { at: usize },
    #[error("an object has the same key twice at byte {at}")]
    DuplicateKey { at: usize },
    #[error("the text is not JSON (line {line}, column {column})")]
    Syntax { line: usize, column: usize },
    #[error("the JSON does not have the shape expected (line {line}, column {column})")]
    Shape { line: usize, column: usize },
}

impl JsonError {
    /// The stable code of [`Problem`].
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotUtf8 { .. } => "json-not-utf8",
            Self::TooDeep { .. } => "json-too-deep",
            Self::DuplicateKey { .. } => "json-duplicate-key",
            Self::Syntax { .. } => "json-invalid",
            Self::Shape { .. } => "json-shape",
        }
    }

    fn of_serde(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        if error.is_data() {
            Self::Shape { line, column }
        } else {
            Self::Syntax { line, column }
        }
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            error.code(),
            "the body is not acceptable JSON",
        )
        .with_detail(error.to_string())
    }
}

/// Reads a JSON text that any reader reads alike: UTF-8, no duplicate keys, at most [`MAX_DEPTH`] deep.
///
/// # Errors
/// [`JsonError`] for the first thing wrong.
pub fn strict_json(bytes: &[u8]) -> Result<Value, JsonError> {
    strict_json_as(bytes)
}

/// [`strict_json`] into a type.
///
/// # Errors
/// As [`strict_json`], and [`JsonError::Shape`].
pub fn strict_json_as<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|e| JsonError::NotUtf8 { at: e.valid_up_to() })?;
    check_structure(text)?;
    serde_json::from_str(text).map_err(|error| JsonError::of_serde(&error))
}

enum Frame<'a> {
    Array,
    Object {
        keys: HashSet<Cow<'a, str>>,
        expects_key: bool,
    },
}

/// One pass without recursion over strings and brackets. Other syntax is left to the parser that follows.
fn check_structure(text: &str) -> Result<(), JsonError> {
    let bytes = text.as_bytes();
    let mut stack: Vec<Frame<'_>> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                if stack.len() == MAX_DEPTH {
                    return Err(JsonError::TooDeep { at });
                }
                stack.push(if byte == b'[' {
                    Frame::Array
                } else {
                    Frame::Object {
                        keys: HashSet::new(),
                        expects_key: true,
                    }
                });
            }
            b'}' | b']' => {
                stack.pop();
            }
            b',' => {
                if let Some(Frame::Object { expects_key, .. }) = stack.last_mut() {
                    *expects_key = true;
                }
            }
            b'"' => {
                let end = string_end(bytes, at);
                if let Some(Frame::Object {
                    keys,
                    expects_key: expects_key @ true,
                }) = stack.last_mut()
                {
                    *expects_key = false;
                    let fresh = text.get(at..end).and_then(key).is_none_or(|key| {
                        // serde_json's own marks for exact numbers: from outside they would change a message
                        !key.starts_with("$serde_json::private::") && keys.insert(key)
                    });
                    if !fresh {
                        return Err(JsonError::DuplicateKey { at });
                    }
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// The index after the string that opens at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            None => return bytes.len(),
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

/// The key of a quoted string, escapes resolved; `None` when it is no valid string (the parser will say so).
fn key(quoted: &str) -> Option<Cow<'_, str>> {
    if quoted.contains('\\') {
        serde_json::from_str::<String>(quoted).ok().map(Cow::Owned)
    } else {
        quoted.strip_prefix('"')?.strip_suffix('"').map(Cow::Borrowed)
    }
}

/// The body as `T`, or the answer `T` as body.
///
/// Refuses with 400 (`json-…`) what [`strict_json`] refuses, with 413 (`too-large`) what is over the limit of the
/// route ([`axum::extract::DefaultBodyLimit`], 2 MiB unless the route says otherwise).
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = body(request, state).await?;
        Ok(Self(strict_json_as(&bytes)?))
    }
}

/// The body's bytes within the route's limit.
///
/// # Errors
/// 413 `too-large`, or 400 `body-incomplete` when the sender broke off.
pub async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| match rejection {
            BytesRejection::FailedToBufferBody(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "too-large",
                    "the body is larger than this route takes",
                )
            }
            _ => Problem::new(
                StatusCode::BAD_REQUEST,
                "body-incomplete",
                "the body could not be read to its end",
            ),
        })
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}
