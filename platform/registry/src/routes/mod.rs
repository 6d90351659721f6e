//! Routes, one file per operation; who may call which is `docs/interfaces.md`.

mod by_identifier;
mod confirm;
mod directory;
mod feed;
mod identify;
mod locate;
mod population;
mod register;
mod resolve;
mod search;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, post};
use dmp_core::peer::{ServicePattern, allow};

use crate::app::App;

/// Longest request, in bytes.
const MAX_BODY: usize = 256 * 1024;
/// Longest directory bundle, in bytes.
const MAX_DIRECTORY: usize = 16 * 1024 * 1024;

pub(crate) fn router(app: App) -> Router {
    let gateway = allow(&app.domain, &[ServicePattern::National("gateway")]);
    let records = allow(&app.domain, &[ServicePattern::Records]);
    let resolvers = allow(
        &app.domain,
        &[
            ServicePattern::Records,
            ServicePattern::National("consent"),
            ServicePattern::National("audit"),
        ],
    );
    let audit = allow(&app.domain, &[ServicePattern::National("audit")]);
    let portal = allow(&app.domain, &[ServicePattern::National("portal")]);
    let directory: MethodRouter<App> = post(directory::directory).layer(DefaultBodyLimit::max(MAX_DIRECTORY));
    let log = dmp_tlog::routes(app.log.clone(), &app.domain);
    Router::new()
        .route("/v1/patients/feed", post(feed::feed).layer(gateway.clone()))
        .route("/v1/patients/search", post(search::search).layer(gateway.clone()))
        .route(
            "/v1/patients/by-identifier",
            post(by_identifier::by_identifier).layer(gateway.clone()),
        )
        .route("/v1/resolve", post(resolve::resolve).layer(resolvers))
        .route("/v1/identify", post(identify::identify).layer(audit))
        .route("/v1/locator/register", post(register::register).layer(records))
        .route("/v1/locator", post(locate::locate).layer(gateway.clone()))
        .route("/v1/directory", directory.layer(gateway.clone()))
        .route("/v1/directory/confirm", post(confirm::confirm).layer(gateway))
        .route(
            "/v1/sandbox/population",
            post(population::population).layer(portal),
        )
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
        .merge(log)
}
