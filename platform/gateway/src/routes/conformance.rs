//! `/dmp/v1/conformance/…`: sittings of the conformance suite, for sandbox software (`edge::scope`). The portal keeps and judges them.

use axum::body::Body;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::Response;
use dmp_conformance::wire::{Asked, Begin, Candidate, Open, TestOf};
use dmp_core::correlation::Correlation;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::edge::{Admitted, body};
use crate::failure::Failure;
use crate::state::Gateway;
use crate::upstream::Call;

/// `GET profiles`: what can be tested.
pub async fn profiles(State(gateway): State<Gateway>, asker: Asker) -> Result<Response, Failure> {
    ask(&gateway, asker, "/v1/suite/profiles", Value::Null).await
}

/// `POST sittings`.
pub async fn open(
    State(gateway): State<Gateway>,
    asker: Asker,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let what: Open = read(&gateway, &headers, body).await?;
    ask(&gateway, asker, "/v1/suite/open", what).await
}

/// `POST sittings/{sitting}/tests/{profile}/{name}/begin`.
pub async fn begin(
    State(gateway): State<Gateway>,
    asker: Asker,
    Path((sitting, profile, name)): Path<(Uuid, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let Begin { given } = read(&gateway, &headers, body).await?;
    let what = TestOf {
        sitting,
        test: format!("{profile}/{name}"),
        given,
    };
    ask(&gateway, asker, "/v1/suite/begin", what).await
}

/// `POST sittings/{sitting}/tests/{profile}/{name}/end`: the judgement.
pub async fn end(
    State(gateway): State<Gateway>,
    asker: Asker,
    Path((sitting, profile, name)): Path<(Uuid, String, String)>,
) -> Result<Response, Failure> {
    let what = TestOf {
        sitting,
        test: format!("{profile}/{name}"),
        given: Value::Null,
    };
    ask(&gateway, asker, "/v1/suite/end", what).await
}

/// `POST sittings/{sitting}/end`: bundle and signed result.
pub async fn close(
    State(gateway): State<Gateway>,
    asker: Asker,
    Path(sitting): Path<Uuid>,
) -> Result<Response, Failure> {
    ask(&gateway, asker, "/v1/suite/close", sitting).await
}

async fn read<T: DeserializeOwned>(gateway: &Gateway, headers: &HeaderMap, body: Body) -> Result<T, Failure> {
    let (_held, value) = body::read_json(gateway, headers, body, body::MAX_RESOURCE).await?;
    serde_json::from_value(value)
        .map_err(|error| Failure::bad_request("body-not-understood", error.to_string()))
}

/// Sandbox software that asks the suite. An extractor.
pub struct Asker {
    candidate: Candidate,
    correlation: String,
}

impl FromRequestParts<Gateway> for Asker {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _gateway: &Gateway) -> Result<Self, Failure> {
        let admitted = parts.extensions.get::<Admitted>().ok_or(Failure::Internal)?;
        let correlation = parts.extensions.get::<Correlation>().ok_or(Failure::Internal)?;
        let credential = &admitted.credential;
        Ok(Self {
            candidate: Candidate {
                credential: credential.name.clone(),
                solution: credential.solution.clone(),
                version: credential.version.clone(),
            },
            correlation: correlation.to_string(),
        })
    }
}

async fn ask<T: Serialize>(
    gateway: &Gateway,
    asker: Asker,
    path: &str,
    what: T,
) -> Result<Response, Failure> {
    let call = Call {
        correlation: &asker.correlation,
        bearer: None,
        realm: None,
    };
    let asked = Asked {
        candidate: asker.candidate,
        what,
    };
    let answer = gateway.upstream.suite(&call, path, &asked).await?;
    let mut response = Response::new(Body::from(answer));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
