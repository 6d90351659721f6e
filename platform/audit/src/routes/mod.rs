//! The service's routes, one file per operation, and what they share.

mod acts;
mod affected;
mod kept;
mod trail;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::routing::post;
use dmp_client::acts::{MAX_BODY, ROUTE};
use dmp_core::peer::{ServicePattern, allow};
use dmp_core::trust::TrustBundle;
use dmp_tlog::Log;

use crate::acts::Acts;
use crate::affected::Affected;
use crate::kept::Kept;
use crate::registry::Registry;
use crate::sources::Sources;
use crate::trail::Trail;

/// Who brings acts.
const RECORDERS: [ServicePattern; 2] = [
    ServicePattern::National("portal"),
    ServicePattern::System("dmp-operator"),
];

#[derive(Clone)]
pub struct State {
    pub trust: TrustBundle,
    pub log: Log,
    pub registry: Registry,
    pub sources: Sources,
    pub trail: Arc<Trail>,
    pub acts: Arc<Acts>,
    pub affected: Arc<Affected>,
    pub kept: Arc<Kept>,
}

impl FromRef<State> for TrustBundle {
    fn from_ref(state: &State) -> Self {
        state.trust.clone()
    }
}

/// `POST /v1/trail`, open to the gateway; `POST /v1/acts`, to those who record what they do; `POST /v1/affected`, to the portal, which knows
/// who may ask; `POST /v1/kept`, to the operator.
pub fn router(state: State, domain: &str) -> Router {
    let recording = Router::new()
        .route(ROUTE, post(acts::handler).layer(allow(domain, &RECORDERS)))
        .layer(DefaultBodyLimit::max(MAX_BODY));
    Router::new()
        .route(
            "/v1/trail",
            post(trail::handler).layer(allow(domain, &[ServicePattern::National("gateway")])),
        )
        .route(
            dmp_client::affected::ROUTE,
            post(affected::handler).layer(allow(domain, &[ServicePattern::National("portal")])),
        )
        .route(
            dmp_client::kept::ROUTE,
            post(kept::handler).layer(allow(domain, &[ServicePattern::System("dmp-operator")])),
        )
        .merge(recording)
        .with_state(state)
}
