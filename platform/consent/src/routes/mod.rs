//! Routes, one file per operation; who may call which is `docs/interfaces.md`.

mod facts;
mod record;
mod search;
mod update;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use dmp_core::peer::{ServicePattern, allow};

use crate::app::App;

/// Longest request, in bytes: a Consent is small.
const MAX_BODY: usize = 64 * 1024;

pub(crate) fn router(app: App) -> Router {
    let gateway = allow(&app.domain, &[ServicePattern::National("gateway")]);
    let records = allow(&app.domain, &[ServicePattern::Records]);
    let log = dmp_tlog::routes(app.log.clone(), &app.domain);
    Router::new()
        .route("/v1/facts", post(facts::facts).layer(records))
        .route("/v1/consents", post(record::record).layer(gateway.clone()))
        .route("/v1/consents/update", post(update::update).layer(gateway.clone()))
        .route("/v1/consents/search", post(search::search).layer(gateway))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
        .merge(log)
}
