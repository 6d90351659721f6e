//! `GET /fhir/Binary/{tag}-{uuid}`: Retrieve Document (MHD ITI-68). Bytes as they were submitted, whatever `Accept` says.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

use crate::edge::admission::opens;
use crate::edge::person::Person;
use crate::failure::Failure;
use crate::state::Gateway;
use crate::upstream::Target;

/// 200 with the document and its content type, streamed from the group that the id names.
pub async fn read(
    State(gateway): State<Gateway>,
    person: Person,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Failure> {
    let Path(id) = id.map_err(|_| Failure::Refused)?;
    let tag = tag(&id).ok_or(Failure::Refused)?;
    let facts = &person.admitted.facts;
    let group = facts
        .group_by_tag(tag)
        .filter(|group| opens(&person.admitted.credential, group))
        .ok_or(Failure::Refused)?;
    let records = Target::records(group)?;
    if !group.serving {
        return Err(Failure::unavailable(records.name));
    }
    let document = gateway
        .upstream
        .retrieve(&records, &person.call(), id)
        .await
        .map_err(no_such_document)?;

    let kind = document.headers().get(header::CONTENT_TYPE).cloned();
    let length = document.headers().get(header::CONTENT_LENGTH).cloned();
    let mut response = Response::new(Body::from_stream(document.bytes_stream()));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        kind.unwrap_or_else(|| HeaderValue::from_static("application/octet-stream")),
    );
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, length);
    }
    // a document is somebody's file, never a page of this server
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    Ok(response)
}

/// The group's tag of a public id `<8 hex digits>-<32 hex digits>`.
fn tag(id: &str) -> Option<&str> {
    let (tag, uuid) = id.split_once('-')?;
    let hex = |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hex(tag, 8) && hex(uuid, 32)).then_some(tag)
}

/// A document that does not exist looks like one that may not be read.
fn no_such_document(failure: Failure) -> Failure {
    match failure {
        Failure::Input {
            status: StatusCode::NOT_FOUND,
            ..
        } => Failure::Refused,
        other => other,
    }
}
