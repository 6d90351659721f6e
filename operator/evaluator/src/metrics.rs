//! What Prometheus is told: the verdict of each control, how passes go.

use std::sync::LazyLock;
use std::time::Duration;

use dmp_core::metrics::registered;
use dmp_policies::Verdict;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, IntGaugeVec, Opts};

use crate::pass::Judged;

struct Metrics {
    verdict: IntGaugeVec,
    seconds: Histogram,
    last: IntGauge,
    restored: IntCounter,
    unread: IntGaugeVec,
    history: IntCounter,
    profile: IntGauge,
    bundle: IntGauge,
    bundle_refused: IntCounter,
}

static METRICS: LazyLock<Option<Metrics>> = LazyLock::new(|| {
    let verdict = Opts::new(
        "dmp_control_verdict",
        "1 for the verdict that a control has, 0 for the others.",
    );
    let seconds = HistogramOpts::new("dmp_evaluation_seconds", "Time of a pass over the platform.")
        .buckets(vec![0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0]);
    let last = "When the last pass ended that reported everything, in seconds since 1970.";
    let restored = "Reports and evidence that somebody else had changed or deleted, written again.";
    let unread = Opts::new(
        "dmp_evaluation_unread",
        "1 for a kind that the last pass could not read.",
    );
    let history = "Times that the history of the posture was found changed by somebody else (looked at once a day, and at start).";
    let profile = "1 when the PolicyProfile does not count: then the catalogue's own values are in force.";
    let bundle = "Bytes, compressed, of the OSCAL documents that were kept last; an object takes a million.";
    let bundle_refused = "Days whose OSCAL documents are too large to be kept.";
    Some(Metrics {
        verdict: registered(IntGaugeVec::new(verdict, &["control", "severity", "verdict"]))?,
        seconds: registered(Histogram::with_opts(seconds))?,
        last: registered(IntGauge::new(
            "dmp_evaluation_last_success_timestamp_seconds",
            last,
        ))?,
        restored: registered(IntCounter::new("dmp_evaluation_restored_total", restored))?,
        unread: registered(IntGaugeVec::new(unread, &["kind"]))?,
        history: registered(IntCounter::new("dmp_posture_history_broken_total", history))?,
        profile: registered(IntGauge::new("dmp_policy_profile_refused", profile))?,
        bundle: registered(IntGauge::new("dmp_oscal_bundle_bytes", bundle))?,
        bundle_refused: registered(IntCounter::new("dmp_oscal_refused_total", bundle_refused))?,
    })
});

/// A pass has ended.
pub fn passed(judged: &[Judged<'_>], took: Duration) {
    let Some(metrics) = &*METRICS else {
        return;
    };
    metrics.seconds.observe(took.as_secs_f64());
    for one in judged {
        let (id, severity) = (one.control.id.as_str(), one.control.severity.as_str());
        for verdict in Verdict::ALL {
            let labels = [id, severity, verdict.as_str()];
            metrics
                .verdict
                .with_label_values(&labels)
                .set((one.judgement.verdict == verdict).into());
        }
    }
}

/// Whether the last pass could read a kind.
pub fn read(kind: &str, read: bool) {
    if let Some(metrics) = &*METRICS {
        metrics.unread.with_label_values(&[kind]).set((!read).into());
    }
}

/// Everything of it is in the API.
pub fn reported(at: jiff::Timestamp) {
    if let Some(metrics) = &*METRICS {
        metrics.last.set(at.as_second());
    }
}

/// Somebody else had changed what is ours.
pub fn restored() {
    if let Some(metrics) = &*METRICS {
        metrics.restored.inc();
    }
}

/// The history was looked at.
pub fn history(broken: bool) {
    if let Some(metrics) = &*METRICS
        && broken
    {
        metrics.history.inc();
    }
}

/// Whether the platform has a profile that does not count.
pub fn profile(refused: bool) {
    if let Some(metrics) = &*METRICS {
        metrics.profile.set(refused.into());
    }
}

/// The documents of a day are kept, in so many bytes.
pub fn bundle(bytes: usize) {
    if let Some(metrics) = &*METRICS {
        metrics.bundle.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

/// The documents of a day are too large to be kept.
pub fn bundle_refused() {
    if let Some(metrics) = &*METRICS {
        metrics.bundle_refused.inc();
    }
}
