//! The conformance suite looks on: which credentials sit a test, what they exchange, which faults are played on them.
//!
//! Sandbox credentials only, and only while the portal says so. The list comes by a long poll; without an answer of the
//! portal nobody is watched. What is judged and when a fault is due is the portal's ([`dmp_conformance`]); here it is
//! [`record`]ed and [`play`]ed.

mod play;
mod record;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use dmp_client::facts::Mode;
use dmp_conformance::wire::{AfterRequest, BeforeRequest, Running, WatchRequest};
use dmp_core::correlation::Correlation;
use http::header::CONTENT_LENGTH;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::edge::{Admitted, body};
use crate::failure::Failure;
use crate::state::Gateway;
use crate::upstream::Call;

pub use record::operation;

/// Between attempts while the portal does not answer.
const RETRY: Duration = Duration::from_secs(1);
/// Bytes of memory that an answer without a length is counted as.
const ANSWER: usize = 1024 * 1024;
/// Between polls without news.
const PAUSE: Duration = Duration::from_millis(100);

/// The watched credentials. A clone is the same list.
#[derive(Clone, Default)]
pub struct Watched(Arc<ArcSwap<BTreeSet<String>>>);

impl Watched {
    fn contains(&self, credential: &str) -> bool {
        self.0.load().contains(credential)
    }

    fn set(&self, credentials: BTreeSet<String>) {
        self.0.store(Arc::new(credentials));
    }
}

/// Keeps the list until `shutdown`.
pub async fn follow(gateway: Gateway, shutdown: CancellationToken) {
    let replica = Uuid::new_v4();
    let mut seen = None;
    while !shutdown.is_cancelled() {
        let correlation = Uuid::new_v4().to_string();
        let call = Call {
            correlation: &correlation,
            bearer: None,
            realm: None,
        };
        let request = WatchRequest { replica, seen };
        let asked = gateway.upstream.watched(&call, &request);
        match shutdown.run_until_cancelled(asked).await {
            Some(Ok(answer)) => {
                gateway.watched.set(answer.credentials);
                // The portal holds a poll that has no news: one that does not must not be asked in a circle.
                if seen.replace(answer.revision) == Some(answer.revision) {
                    shutdown.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                }
            }
            Some(Err(_)) => {
                gateway.watched.set(BTreeSet::new());
                seen = None;
                shutdown.run_until_cancelled(tokio::time::sleep(RETRY)).await;
            }
            None => return,
        }
    }
}

/// Middleware inside the admission: records the exchanges of a watched credential and plays the faults of its test.
pub async fn watch_layer(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let watched = request
        .extensions()
        .get::<Admitted>()
        .filter(|admitted| admitted.credential.mode == Mode::Sandbox)
        .map(|admitted| admitted.credential.name.clone())
        .filter(|credential| gateway.watched.contains(credential));
    let Some(credential) = watched else {
        return next.run(request).await;
    };
    let route = request.extensions().get::<MatchedPath>();
    let operation = operation(
        request.method(),
        route.map(MatchedPath::as_str).unwrap_or_default(),
    );
    // The suite does not look at itself.
    if operation == record::SUITE {
        return next.run(request).await;
    }
    observed(&gateway, credential, operation, request, next)
        .await
        .unwrap_or_else(Failure::into_response)
}

async fn observed(
    gateway: &Gateway,
    credential: String,
    operation: &str,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let correlation = request
        .extensions()
        .get::<Correlation>()
        .map(ToString::to_string)
        .unwrap_or_default();
    let call = Call {
        correlation: &correlation,
        bearer: None,
        realm: None,
    };
    let before = BeforeRequest {
        credential: credential.clone(),
        operation: operation.to_owned(),
    };
    let Some(running) = gateway.upstream.before(&call, &before).await?.running else {
        return Ok(next.run(request).await);
    };
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    // The route reserves the memory of the same bytes again: ours is given back before.
    let bytes = body::read(gateway, &parts.headers, body, body::MAX_BODY)
        .await?
        .bytes;
    let asked = record::request(&parts, &bytes);
    let version = parts.version;
    let request = Request::from_parts(parts, bytes.into());
    let fault = running.fault.as_ref().map(|fault| &fault.play);
    let played = play::played(fault, operation, version, &correlation, request, next).await;
    let announced = played.headers().get(CONTENT_LENGTH);
    let length = announced.and_then(|value| value.to_str().ok()?.parse().ok());
    let _memory = gateway.reserve_memory(length.unwrap_or(ANSWER)).await;
    let (response, answered) = record::response(played, &correlation, version, asked.path.as_str()).await?;
    let exchange = record::exchange(&running, operation, began, asked, answered);
    let after = AfterRequest {
        credential,
        run: running.run,
        exchange,
    };
    gateway.upstream.after(&call, &after).await?;
    Ok(response)
}

/// Id of the fault that is played, for the record.
fn fault_id(running: &Running) -> Option<String> {
    running.fault.as_ref().map(|fault| fault.id.clone())
}
