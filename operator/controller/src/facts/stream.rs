//! `GET /v2/facts/stream`: NDJSON, the newest signed line at once, then each new one; after each the shards it names that this
//! connection has not had. `GET /v1/facts/stream`, for the gateways of the release before: all in the line. Gateways only.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use dmp_client::facts::{STREAM, STREAM_V1};
use dmp_core::peer::{ServicePattern, allow};
use futures::stream::unfold;
use futures::{Stream, StreamExt};
use http::header;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::publish::{Edition, Voices};
use super::shards::{Told, Written};

/// What a stream needs.
#[derive(Clone)]
pub struct Streams {
    pub voices: Voices,
    /// Ends the streams, so that the process can.
    pub shutdown: CancellationToken,
}

/// The operator's service routes.
pub fn router(domain: &str, streams: Streams) -> Router {
    let gateways = allow(domain, &[ServicePattern::National("gateway")]);
    Router::new()
        .route(STREAM, get(stream))
        .route(STREAM_V1, get(whole))
        .route_layer(gateways)
        .with_state(streams)
}

/// What is due to a connection that had this edition before, and keeps the shards of no other.
fn due(edition: &Edition, before: &Told) -> Vec<Bytes> {
    let had = |number, shard: &Written| before.get(number).is_some_and(|one| one.sha256 == shard.sha256);
    let new = edition
        .shards
        .iter()
        .filter(|(number, shard)| !had(number, shard));
    let lines = std::iter::once(&edition.line).chain(new.map(|(_, shard)| &shard.line));
    lines.cloned().collect()
}

async fn stream(State(Streams { voices, shutdown }): State<Streams>) -> Response {
    let mut before = Arc::<Told>::default();
    let editions = newest(voices.editions.subscribe(), shutdown);
    answer(editions.flat_map(move |edition| {
        let lines = due(&edition, &before);
        before = edition.shards;
        futures::stream::iter(lines)
    }))
}

async fn whole(State(Streams { voices, shutdown }): State<Streams>) -> Response {
    answer(newest(voices.whole.subscribe(), shutdown))
}

/// What there is at once, then each new one; what was said while the last was on its way is left out.
fn newest<T: Clone + Send + Sync + 'static>(
    mut values: watch::Receiver<Option<T>>,
    shutdown: CancellationToken,
) -> impl Stream<Item = T> + Send + 'static {
    values.mark_changed();
    unfold((values, shutdown), |(mut values, shutdown)| async move {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return None,
                changed = values.changed() => changed.ok()?,
            }
            let value = values.borrow_and_update().clone();
            if let Some(value) = value {
                return Some((value, (values, shutdown)));
            }
        }
    })
}

fn answer(lines: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Body::from_stream(lines.map(Ok::<Bytes, Infallible>))).into_response()
}
