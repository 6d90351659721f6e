//! Request bodies: within limits of size, time and memory, and JSON that every reader reads alike.

use std::time::Duration;

use axum::body::{Body, Bytes};
use dmp_core::json::strict_json;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use crate::failure::Failure;
use crate::state::Gateway;

/// A whole body, in bytes: a document of 40 MiB in base64 with what belongs to it.
pub const MAX_BODY: usize = 64 * 1024 * 1024;
/// One document, in bytes after base64.
pub const MAX_DOCUMENT: usize = 40 * 1024 * 1024;
/// A single resource that is no document (Patient, Consent), in bytes.
pub const MAX_RESOURCE: usize = 2 * 1024 * 1024;
/// A form (token request, search).
pub const MAX_FORM: usize = 64 * 1024;

/// How long a sender may take for a body.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a request waits for memory.
const MEMORY_TIMEOUT: Duration = Duration::from_secs(10);
/// Larger texts are parsed off the threads that serve connections, in bytes.
const PARSE_HERE: usize = 256 * 1024;

/// A body, and the share of memory it holds until dropped.
pub struct Held {
    pub bytes: Bytes,
    _memory: OwnedSemaphorePermit,
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// 413 `document-too-large`, 408 when the sender is too slow, 400 when it breaks off, 503 when memory is short.
pub async fn read(gateway: &Gateway, headers: &HeaderMap, body: Body, limit: usize) -> Result<Held, Failure> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(Failure::too_large(limit));
    }
    let memory = gateway.reserve_memory(announced.unwrap_or(limit));
    let memory = tokio::time::timeout(MEMORY_TIMEOUT, memory)
        .await
        .ok()
        .flatten()
        .ok_or_else(|| Failure::unavailable("gateway"))?;
    let collected = tokio::time::timeout(READ_TIMEOUT, Limited::new(body, limit).collect())
        .await
        .map_err(|_| {
            Failure::input(
                StatusCode::REQUEST_TIMEOUT,
                "body-too-slow",
                "the body did not come within 60 s",
            )
        })?;
    match collected {
        Ok(collected) => Ok(Held {
            bytes: collected.to_bytes(),
            _memory: memory,
        }),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(Failure::too_large(limit)),
        Err(_) => Err(Failure::bad_request(
            "body-incomplete",
            "the body could not be read to its end",
        )),
    }
}

/// Reads a FHIR resource in JSON, of at most `limit` bytes.
///
/// # Errors
/// As [`read`]; 415 for another content type; 400 `json-…` for JSON that is not strict.
pub async fn read_json(
    gateway: &Gateway,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<(Held, Value), Failure> {
    require(
        headers,
        &[
            "application/fhir+json",
            "application/json",
            "application/json+fhir",
        ],
    )?;
    let held = read(gateway, headers, body, limit).await?;
    let value = parse(&held.bytes).await?;
    Ok((held, value))
}

/// Reads `application/x-www-form-urlencoded`.
///
/// # Errors
/// As [`read`]; 415 for another content type.
pub async fn read_form(gateway: &Gateway, headers: &HeaderMap, body: Body) -> Result<Held, Failure> {
    require(headers, &["application/x-www-form-urlencoded"])?;
    read(gateway, headers, body, MAX_FORM).await
}

/// Reads a body of one content type, of at most `limit` bytes.
///
/// # Errors
/// As [`read`]; 415 for another content type.
pub async fn read_as(
    gateway: &Gateway,
    headers: &HeaderMap,
    body: Body,
    kind: &str,
    limit: usize,
) -> Result<Held, Failure> {
    require(headers, &[kind])?;
    read(gateway, headers, body, limit).await
}

async fn parse(bytes: &Bytes) -> Result<Value, Failure> {
    let parsed = if bytes.len() <= PARSE_HERE {
        strict_json(bytes)
    } else {
        let bytes = bytes.clone();
        tokio::task::spawn_blocking(move || strict_json(&bytes))
            .await
            .map_err(|error| {
                tracing::error!(%error, "the JSON reader ended");
                Failure::Internal
            })?
    };
    parsed.map_err(|error| Failure::bad_request(error.code(), error.to_string()))
}

fn require(headers: &HeaderMap, kinds: &[&str]) -> Result<(), Failure> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kinds.iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    let detail = format!("the content type must be {}", kinds.join(" or "));
    Err(Failure::input(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "content-type-not-supported",
        detail,
    ))
}

/// Size in bytes of what a base64 text holds; white space (allowed in FHIR's `base64Binary`) is not counted.
pub fn base64_size(text: &str) -> usize {
    let padding = text
        .bytes()
        .rev()
        .take_while(|byte| *byte == b'=' || byte.is_ascii_whitespace());
    let padding = padding.filter(|byte| *byte == b'=').count();
    let digits = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
    (digits / 4 * 3).saturating_sub(padding)
}
