//! The edge: what every request passes before a route sees it, and how every answer leaves.
//!
//! [`admission`] decides about the software, [`crate::quota`] counts it, [`scope`] decides about its operation, [`door`] closes live connections, [`body`] reads within limits,
//! [`answer`] renders failures. Persons are checked by the routes that need one ([`person::Person`]).

pub mod admission;
pub mod answer;
pub mod body;
pub mod door;
pub mod person;
pub mod scope;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use dmp_client::facts::Credential;
use dmp_core::peer::Peer;
use dmp_core::serve::EndConnection;
use jiff::Timestamp;

use crate::facts::Snapshot;
use crate::failure::{Failure, Shape};
use crate::state::Gateway;
use crate::surveillance::{self, Outcome};
use admission::{SolutionRefusal, admit};

/// The software of a request, as admitted for this request, and the facts it was admitted by.
#[derive(Clone)]
pub struct Admitted {
    pub peer: Peer,
    pub credential: Credential,
    pub facts: Arc<Snapshot>,
}

/// Middleware: no fresh facts, no request; no admission, no request; not more than the quota. Puts [`Admitted`] on the others.
pub async fn admission_layer(State(gateway): State<Gateway>, mut request: Request, next: Next) -> Response {
    let Some(peer) = request.extensions().get::<Peer>().cloned() else {
        return Failure::Solution(SolutionRefusal::NotACredential).into_response();
    };
    let facts = match gateway.facts.fresh(Instant::now()) {
        Ok(facts) => facts,
        Err(stale) => {
            tracing::warn!(%stale, "request refused: facts are not fresh");
            return Failure::Stale.into_response();
        }
    };
    let credential = match admit(&facts, &peer, gateway.domain(), Timestamp::now()) {
        Ok(credential) => credential.clone(),
        Err(reason) => {
            tracing::info!(peer = %peer.spiffe, reason = reason.as_str(), "software refused");
            if let Some(connection) = request.extensions().get::<EndConnection>() {
                connection.end();
            }
            surveillance::not_let_in(&facts, &peer);
            return Failure::Solution(reason).into_response();
        }
    };
    let product = surveillance::product(&credential).to_owned();
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let is_write = surveillance::is_write(request.method(), route);
    let response = match within_limits(&gateway, &facts, &credential, &request) {
        Ok(()) => {
            request.extensions_mut().insert(Admitted {
                peer,
                credential,
                facts,
            });
            next.run(request).await
        }
        Err(failure) => failure.into_response(),
    };
    surveillance::count(&product, Outcome::of(is_write, &response));
    response
}

/// Quota, scope, and whether new data are still taken.
fn within_limits(
    gateway: &Gateway,
    facts: &Snapshot,
    credential: &Credential,
    request: &Request,
) -> Result<(), Failure> {
    // Before the scope and without a route too: what is refused costs as well.
    gateway.counters.software(credential, Instant::now())?;
    // Without a route there is nothing to open: the fallback says so.
    match request.extensions().get::<MatchedPath>() {
        Some(route) => {
            scope::check(credential, request.method(), route.as_str())?;
            scope::check_gate(facts.gate(credential), request.method(), route.as_str())
        }
        None => Ok(()),
    }
}

/// The answer to a request on a connection that the door has closed.
pub fn refusal_of_connection() -> Response {
    let failure = Failure::Solution(SolutionRefusal::Ended);
    crate::metrics::failure(&failure);
    answer::render(
        &failure,
        Shape::Problem,
        http::Version::HTTP_2,
        &uuid::Uuid::new_v4().to_string(),
    )
}
