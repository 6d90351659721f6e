//! The guichet's door: people of vendors, bodies and laboratories, who have a log-in and no software's certificate.
//!
//! A listener of its own, so that nothing of the record can be reached from it: its router knows `/guichet/v1/…` alone. Here the person's
//! log-in is verified (the same issuers as everywhere) and everybody is held to a pace; the portal says what a person may do.

mod pace;

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::get;
use dmp_client::guichet::{MAX_BODY, PREFIX, Person};
use dmp_core::correlation::Correlation;
use dmp_core::problem::Chain;
use dmp_core::serve::{ServeOptions, serve};
use dmp_core::tls::{Identity, TlsError};
use http::{HeaderMap, StatusCode, header};
use hyper::body::Body as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::edge::{answer::answer_layer, body};
use crate::failure::{BearerProblem, Failure};
use crate::state::Gateway;
use crate::tokens::assertion::{self, AssertionError};
use crate::upstream::{AtGuichet, Call};

pub use pace::Pace;

/// How long a body waits for those before it.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The guichet's listener: TLS without a client's certificate.
///
/// # Errors
/// When TLS cannot be set up.
pub fn serve_guichet(
    listener: TcpListener,
    identity: &Identity,
    gateway: &Gateway,
    options: ServeOptions,
    shutdown: CancellationToken,
) -> Result<impl Future<Output = ()> + Send + 'static, TlsError> {
    let options = ServeOptions {
        anonymous: true,
        ..options
    };
    let tls = identity.open_server_config()?;
    Ok(serve(listener, tls, router(gateway.clone()), options, shutdown))
}

/// All routes of the guichet's listener.
pub fn router(gateway: Gateway) -> Router {
    Router::new()
        .route(
            &format!("{PREFIX}/{{*rest}}"),
            get(forward).post(forward).put(forward),
        )
        .fallback(|| async {
            Failure::input(StatusCode::NOT_FOUND, "no-such-route", "there is no such route")
        })
        .method_not_allowed_fallback(|| async {
            Failure::input(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "not with this method",
            )
        })
        .layer(from_fn(answer_layer))
        .layer(from_fn(dmp_core::metrics::middleware))
        .layer(from_fn(dmp_core::correlation::middleware))
        .with_state(gateway)
}

/// Passes the request on to the portal, with who it is.
async fn forward(State(gateway): State<Gateway>, request: Request) -> Result<Response, Failure> {
    let (parts, sent) = request.into_parts();
    let person = person(&gateway, &parts.headers).await?;
    gateway.pace.take(person.as_ref(), Instant::now())?;
    let correlation = parts.extensions.get::<Correlation>().ok_or(Failure::Internal)?;
    // Bodies share the gateway's memory with the record's: few at once, and none of who has not logged in.
    let limit = if person.is_some() { MAX_BODY } else { 0 };
    let held = if sent.is_end_stream() {
        None
    } else {
        let place = tokio::time::timeout(UPLOAD_TIMEOUT, gateway.pace.upload()).await;
        let place = place.map_err(|_| Failure::unavailable("guichet"))?;
        Some((place, body::read(&gateway, &parts.headers, sent, limit).await?))
    };
    let call = Call {
        correlation: &correlation.to_string(),
        bearer: None,
        realm: None,
    };
    let asked = AtGuichet {
        method: parts.method,
        path: parts
            .uri
            .path_and_query()
            .map_or_else(|| PREFIX.to_owned(), ToString::to_string),
        person,
        content_type: parts.headers.get(header::CONTENT_TYPE).cloned(),
        body: held
            .as_ref()
            .map(|(_, held)| held.bytes.clone())
            .unwrap_or_default(),
    };
    let (status, content_type, answer) = gateway.upstream.guichet(&call, asked).await?;
    let mut response = Response::new(Body::from(answer));
    *response.status_mut() = status;
    if let Some(content_type) = content_type {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    Ok(response)
}

/// Who it is; `None` when no log-in was shown. One that is none counts as everybody's: to look at it costs.
async fn person(gateway: &Gateway, headers: &HeaderMap) -> Result<Option<Person>, Failure> {
    let verified = verified(gateway, headers).await;
    if matches!(verified, Err(Failure::Bearer(_))) {
        gateway.pace.take(None, Instant::now())?;
    }
    verified
}

async fn verified(gateway: &Gateway, headers: &HeaderMap) -> Result<Option<Person>, Failure> {
    let Some(authorization) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let token = authorization
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix("Bearer "))
        .ok_or(Failure::Bearer(BearerProblem::Invalid))?;
    let facts = gateway.facts.fresh(Instant::now()).map_err(|stale| {
        tracing::warn!(%stale, "log-in at the guichet not verified: facts are not fresh");
        Failure::Stale
    })?;
    let verified = assertion::verify(token, &facts, &gateway.jwks).await;
    let verified = verified.map_err(|error| {
        tracing::info!(error = %Chain(&error), "log-in at the guichet not accepted");
        match error {
            AssertionError::Keys(crate::tokens::jwks::JwksError::UnknownKey(_)) => {
                Failure::Bearer(BearerProblem::Invalid)
            }
            AssertionError::Keys(_) => Failure::unavailable("issuer"),
            _ => Failure::Bearer(BearerProblem::Invalid),
        }
    })?;
    // Its people are invented, and nobody's when the demonstration is over.
    if verified.issuer.demonstration && !facts.facts().demonstration {
        tracing::info!("log-in at the guichet not accepted: the issuer is the demonstration's");
        return Err(Failure::Bearer(BearerProblem::Invalid));
    }
    let subject = verified
        .subject
        .filter(|subject| !subject.is_empty())
        .ok_or(Failure::Bearer(BearerProblem::Invalid))?;
    Ok(Some(Person {
        issuer: verified.issuer.url.clone(),
        subject,
    }))
}
