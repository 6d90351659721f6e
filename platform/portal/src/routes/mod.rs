//! Routes, for the gateway alone (`docs/interfaces.md`).

mod est;
pub(crate) mod suite;
mod watch;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use dmp_core::peer::{ServicePattern, allow};

use crate::app::App;
use crate::guichet;

/// Longest request, in bytes: an exchange with a document and its answer.
const MAX_BODY: usize = 24 * 1024 * 1024;

pub(crate) fn router(app: App) -> Router {
    let gateway = allow(&app.domain, &[ServicePattern::National("gateway")]);
    Router::new()
        .route("/v1/watch", post(watch::list))
        .route("/v1/watch/before", post(watch::before))
        .route("/v1/watch/after", post(watch::after))
        .route("/v1/est/reenroll", post(est::reenroll_software))
        .route("/v1/suite/profiles", post(suite::profiles))
        .route("/v1/suite/open", post(suite::open))
        .route("/v1/suite/begin", post(suite::begin))
        .route("/v1/suite/end", post(suite::end))
        .route("/v1/suite/close", post(suite::close))
        .merge(guichet::router())
        .layer(gateway)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}
