//! Metrics of requests: by route template, method and status class. Never a path, an id or a person.

use std::sync::LazyLock;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounterVec, Opts, TextEncoder};

static REQUESTS: LazyLock<Option<IntCounterVec>> = LazyLock::new(|| {
    let options = Opts::new("dmp_http_requests_total", "Requests answered.");
    registered(IntCounterVec::new(options, &["method", "route", "status"]))
});

static SECONDS: LazyLock<Option<HistogramVec>> = LazyLock::new(|| {
    let options = HistogramOpts::new(
        "dmp_http_request_seconds",
        "Time from a request to the head of its answer.",
    )
    .buckets(vec![
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    ]);
    registered(HistogramVec::new(options, &["method", "route"]))
});

/// `axum::middleware::from_fn(metrics::middleware)`; [`crate::service::routes`] puts it on.
pub async fn middleware(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let method = method_label(request.method());
    let start = Instant::now();
    let response = next.run(request).await;
    let status = match response.status().as_u16() {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    };
    if let (Some(requests), Some(seconds)) = (&*REQUESTS, &*SECONDS) {
        requests.with_label_values(&[method, route, status]).inc();
        seconds
            .with_label_values(&[method, route])
            .observe(start.elapsed().as_secs_f64());
    }
    response
}

/// A caller may invent methods: those share one label.
pub(crate) fn method_label(method: &http::Method) -> &'static str {
    match *method {
        http::Method::GET => "GET",
        http::Method::HEAD => "HEAD",
        http::Method::POST => "POST",
        http::Method::PUT => "PUT",
        http::Method::PATCH => "PATCH",
        http::Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// Registers a metric in the default registry; `None` (and a log line) when its name is taken.
pub fn registered<M: prometheus::core::Collector + Clone + 'static>(
    metric: prometheus::Result<M>,
) -> Option<M> {
    let result = metric.and_then(|metric| prometheus::register(Box::new(metric.clone())).map(|()| metric));
    result
        .map_err(|error| tracing::error!(%error, "metric not registered"))
        .ok()
}

/// The default registry in Prometheus' text format.
pub fn text() -> Vec<u8> {
    let mut text = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&prometheus::gather(), &mut text) {
        tracing::error!(%error, "metrics cannot be written");
    }
    text
}
