//! What gateways ask while software sits a test.

use axum::extract::State;
use dmp_conformance::wire::{AfterRequest, BeforeAnswer, BeforeRequest, WatchAnswer, WatchRequest};
use dmp_core::json::Json;

use crate::app::App;

/// `POST /v1/watch`.
pub(crate) async fn list(State(app): State<App>, Json(request): Json<WatchRequest>) -> Json<WatchAnswer> {
    Json(app.watchers.poll(request.replica, request.seen).await)
}

/// `POST /v1/watch/before`.
pub(crate) async fn before(State(app): State<App>, Json(request): Json<BeforeRequest>) -> Json<BeforeAnswer> {
    let running = app
        .sittings()
        .before(&app.suite, &request.credential, &request.operation);
    Json(BeforeAnswer { running })
}

/// `POST /v1/watch/after`.
pub(crate) async fn after(State(app): State<App>, Json(request): Json<AfterRequest>) -> Json<()> {
    app.sittings()
        .after(&request.credential, request.run, request.exchange);
    Json(())
}
