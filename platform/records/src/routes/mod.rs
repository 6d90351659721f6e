//! The routes, one file per operation. All are the gateway's, but for the log's, which are the audit service's.

mod admission;
mod retrieve;
mod search;
mod submissions;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use dmp_core::peer::{ServicePattern, allow};

use crate::app::App;

/// The longest body of a submission: base64 of a 40 MiB document and its metadata, in bytes.
const SUBMISSION_LIMIT: usize = 64 << 20;

pub(crate) fn router(app: App) -> Router {
    let log = dmp_tlog::routes(app.log.clone(), &app.domain);
    let gateway = allow(&app.domain, &[ServicePattern::National("gateway")]);
    let submissions = post(submissions::post)
        .layer(DefaultBodyLimit::max(SUBMISSION_LIMIT))
        .layer(from_fn_with_state(admission::room(), admission::admit));
    Router::new()
        .route("/v1/submissions", submissions)
        .route("/v1/documents/search", post(search::post))
        .route("/v1/documents/retrieve", post(retrieve::post))
        .route_layer(gateway)
        .with_state(app)
        .merge(log)
}
