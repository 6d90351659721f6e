//! The gateway's own metrics. Requests by route, method and status class are counted in `dmp_core::metrics`.

use std::sync::LazyLock;

use dmp_core::metrics::registered;
use prometheus::{Gauge, IntCounterVec, Opts};

use crate::failure::Failure;
use crate::quota::Limit;

static FAILURES: LazyLock<Option<IntCounterVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_gateway_failures_total",
        "Requests answered by the gateway with a failure.",
    );
    registered(IntCounterVec::new(options, &["kind"]))
});

static SOFTWARE_REFUSED: LazyLock<Option<IntCounterVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_gateway_software_refused_total",
        "Requests of software that is not let in.",
    );
    registered(IntCounterVec::new(options, &["reason"]))
});

static TOKENS: LazyLock<Option<IntCounterVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_gateway_token_requests_total",
        "Requests for a token, by outcome.",
    );
    registered(IntCounterVec::new(options, &["outcome"]))
});

static QUOTA_REFUSED: LazyLock<Option<IntCounterVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_gateway_quota_refused_total",
        "Requests above a quota, by the limit they met; `memory`: no room to count.",
    );
    registered(IntCounterVec::new(options, &["limit"]))
});

static FACTS_AGE: LazyLock<Option<Gauge>> = LazyLock::new(|| {
    registered(Gauge::new(
        "dmp_gateway_facts_age_seconds",
        "Age of the newest facts; the door closes above 10.",
    ))
});

/// Counts a failure under a fixed label.
pub fn failure(failure: &Failure) {
    let kind = match failure {
        Failure::Refused => "access-refused",
        Failure::Solution(_) => "solution-refused",
        Failure::Scope(_) => "scope-missing",
        Failure::Stale => "facts-stale",
        Failure::Bearer(_) => "token",
        Failure::TooMany { .. } => "too-many-requests",
        Failure::Input { .. } => "input",
        Failure::Unavailable { .. } | Failure::Unrecorded { .. } => "part-unavailable",
        Failure::Internal => "internal",
    };
    if let Some(failures) = &*FAILURES {
        failures.with_label_values(&[kind]).inc();
    }
    if let (Failure::Solution(reason), Some(refused)) = (failure, &*SOFTWARE_REFUSED) {
        refused.with_label_values(&[reason.as_str()]).inc();
    }
    if let (Failure::TooMany { limit, .. }, Some(refused)) = (failure, &*QUOTA_REFUSED) {
        refused.with_label_values(&[limit.as_str()]).inc();
    }
}

/// The label of requests refused because their buckets have no room.
const MEMORY: &str = "memory";

/// Shows the limits from the start: a rate is seen only of what was there before.
pub fn quotas_are_counted() {
    for limit in Limit::ALL.map(Limit::as_str).into_iter().chain([MEMORY]) {
        if let Some(refused) = &*QUOTA_REFUSED {
            refused.with_label_values(&[limit]);
        }
    }
}

/// Counts a request that was refused because its bucket has no room.
pub fn quota_memory() {
    if let Some(refused) = &*QUOTA_REFUSED {
        refused.with_label_values(&[MEMORY]).inc();
    }
}

/// Counts a token request; `outcome` is `issued` or the RFC 6749 error code.
pub fn token(outcome: &str) {
    if let Some(tokens) = &*TOKENS {
        tokens.with_label_values(&[outcome]).inc();
    }
}

/// Age of the facts; infinite while there are none.
pub fn facts_age(age: Option<std::time::Duration>) {
    if let Some(gauge) = &*FACTS_AGE {
        gauge.set(age.map_or(f64::INFINITY, |age| age.as_secs_f64()));
    }
}
