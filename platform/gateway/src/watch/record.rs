//! Writes an exchange down as the suite judges it ([`dmp_conformance::exchange`]). Secrets leave the gateway as a part of
//! their hash: enough to see whether two are the same.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::response::Response;
use dmp_conformance::exchange::{Body as RecordedBody, Exchange, Request, Response as Recorded};
use dmp_conformance::wire::Running;
use dmp_fhir::hash::sha256_hex;
use http::request::Parts;
use http::{HeaderMap, Method, Version, header};
use http_body_util::BodyExt as _;
use serde_json::Value;

use super::fault_id;
use crate::edge::answer::render;
use crate::failure::{Failure, Shape};

/// The suite's own routes.
pub(super) const SUITE: &str = "suite";

/// Longest JSON text that is kept whole, in bytes.
const MAX_JSON: usize = 8 * 1024 * 1024;

/// Parameters and members that open something.
const SECRETS: [&str; 7] = [
    "subject_token",
    "actor_token",
    "client_assertion",
    "assertion",
    "access_token",
    "refresh_token",
    "id_token",
];

/// What the suite calls an operation, for a route as the router names it.
pub fn operation(method: &Method, route: &str) -> &'static str {
    match (method.as_str(), route) {
        ("POST", "/oauth2/token") => "token",
        (_, "/fhir/metadata") => "metadata",
        ("PUT", "/fhir/Patient") => "iti-104",
        ("GET", "/fhir/Patient") | ("POST", "/fhir/Patient/_search") => "iti-78",
        ("POST", "/fhir") => "iti-65",
        ("GET", "/fhir/DocumentReference") | ("POST", "/fhir/DocumentReference/_search") => "iti-67",
        ("GET", "/fhir/Binary/{id}") => "iti-68",
        (_, route) if route.starts_with("/fhir/Consent") => "consent",
        (_, route) if route.starts_with("/fhir/AuditEvent") || route == "/dmp/v1/trail" => "trail",
        (_, route) if route.starts_with("/dmp/v1/conformance") => SUITE,
        _ => "other",
    }
}

pub(super) fn request(parts: &Parts, body: &Bytes) -> Request {
    Request {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: pairs(parts.uri.query().unwrap_or_default().as_bytes()),
        headers: headers(&parts.headers),
        body: recorded(&parts.headers, body),
    }
}

/// The answer as it leaves, and what of it is kept. A failure is rendered here, as the outermost layer would.
pub(super) async fn response(
    response: Response,
    correlation: &str,
    version: Version,
    path: &str,
) -> Result<(Response, Recorded), Failure> {
    let mut response = response;
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        crate::metrics::failure(&failure);
        response = render(&failure, Shape::of(path), version, correlation);
    }
    let (parts, body) = response.into_parts();
    let bytes = body
        .collect()
        .await
        .map_err(|_| Failure::unavailable("gateway"))?
        .to_bytes();
    let kept = Recorded {
        status: parts.status.as_u16(),
        headers: headers(&parts.headers),
        body: recorded(&parts.headers, &bytes),
        fault: None,
    };
    Ok((Response::from_parts(parts, Body::from(bytes)), kept))
}

pub(super) fn exchange(
    running: &Running,
    operation: &str,
    began: Instant,
    request: Request,
    response: Recorded,
) -> Exchange {
    Exchange {
        number: running.number,
        at_ms: running.at_ms,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        operation: operation.to_owned(),
        request,
        response: Recorded {
            fault: fault_id(running),
            ..response
        },
    }
}

fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| {
            let value = text(value);
            let shown = match (name, value.split_once(' ')) {
                (&header::AUTHORIZATION, Some((scheme, secret))) => format!("{scheme} {}", mark(secret)),
                (&header::AUTHORIZATION | &header::COOKIE, _) => mark(&value),
                _ => value,
            };
            (name.as_str().to_owned(), shown)
        })
        .collect()
}

fn recorded(headers: &HeaderMap, bytes: &Bytes) -> RecordedBody {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|kind| {
            kind.split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase()
        })
        .unwrap_or_default();
    let is_json = kind == "application/json" || kind.ends_with("+json");
    let json = (is_json && bytes.len() <= MAX_JSON)
        .then(|| serde_json::from_slice(bytes).ok())
        .flatten()
        .map(without_secrets);
    let form = (kind == "application/x-www-form-urlencoded").then(|| pairs(bytes));
    RecordedBody {
        size: bytes.len() as u64,
        sha256: sha256_hex(bytes),
        json,
        form,
    }
}

/// Names and values of a form or a query.
fn pairs(bytes: &[u8]) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in url::form_urlencoded::parse(bytes) {
        let shown = if SECRETS.contains(&&*name) {
            mark(&value)
        } else {
            value.into_owned()
        };
        all.entry(name.into_owned()).or_default().push(shown);
    }
    all
}

/// Secrets stand at the top of the answers that have any.
fn without_secrets(mut json: Value) -> Value {
    if let Some(members) = json.as_object_mut() {
        for (name, value) in members {
            if SECRETS.contains(&name.as_str())
                && let Some(secret) = value.as_str()
            {
                *value = mark(secret).into();
            }
        }
    }
    json
}

fn mark(secret: &str) -> String {
    let mut hash = sha256_hex(secret.as_bytes());
    hash.truncate(16);
    format!("sha256:{hash}")
}
