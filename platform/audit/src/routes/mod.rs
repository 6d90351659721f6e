//! The service's routes, one file per operation, and what they share.

mod trail;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::post;
use dmp_core::peer::{ServicePattern, allow};
use dmp_core::trust::TrustBundle;
use dmp_tlog::Log;

use crate::registry::Registry;
use crate::sources::Sources;
use crate::trail::Trail;

#[derive(Clone)]
pub struct State {
    pub trust: TrustBundle,
    pub log: Log,
    pub registry: Registry,
    pub sources: Sources,
    pub trail: Arc<Trail>,
}

impl FromRef<State> for TrustBundle {
    fn from_ref(state: &State) -> Self {
        state.trust.clone()
    }
}

/// `POST /v1/trail`, open to the gateway.
pub fn router(state: State, domain: &str) -> Router {
    Router::new()
        .route(
            "/v1/trail",
            post(trail::handler).layer(allow(domain, &[ServicePattern::National("gateway")])),
        )
        .with_state(state)
}
