//! Calls of OpenBao by outcome, never by path: a path may name a key.

use std::sync::LazyLock;
use std::time::Duration;

use dmp_core::metrics::registered;
use prometheus::{Histogram, HistogramOpts, IntCounterVec, Opts};
use reqwest::StatusCode;

use super::Error;

/// Every value of the label, so that each series is there before the first failure.
const OUTCOMES: [&str; 4] = ["ok", "refused", "unavailable", "error"];

static CALLS: LazyLock<Option<IntCounterVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_key_service_calls_total",
        "Attempts at OpenBao, by outcome: `refused` is its 4xx, `unavailable` no answer, sealed or overloaded.",
    );
    let calls = registered(IntCounterVec::new(options, &["outcome"]));
    for outcome in OUTCOMES {
        if let Some(calls) = &calls {
            calls.with_label_values(&[outcome]).inc_by(0);
        }
    }
    calls
});

static SECONDS: LazyLock<Option<Histogram>> = LazyLock::new(|| {
    let options = HistogramOpts::new("dmp_key_service_call_seconds", "Time of one attempt at OpenBao.");
    let buckets = vec![
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    ];
    registered(Histogram::with_opts(options.buckets(buckets)))
});

/// Counts one attempt.
pub(super) fn call(took: Duration, outcome: Result<StatusCode, &Error>) {
    let outcome = match outcome {
        Ok(status) if status.is_success() => "ok",
        Ok(status) if matches!(status.as_u16(), 429 | 472 | 473 | 502..=504) => "unavailable",
        Ok(status) if status.is_client_error() => "refused",
        Err(error) if error.is_unavailable() => "unavailable",
        _ => "error",
    };
    if let (Some(calls), Some(seconds)) = (&*CALLS, &*SECONDS) {
        calls.with_label_values(&[outcome]).inc();
        seconds.observe(took.as_secs_f64());
    }
}
