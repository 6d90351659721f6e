//! What the service measures, by log origin. Alert on `dmp_audit_findings_total` and on a source that is not up.

use std::sync::LazyLock;

use dmp_core::metrics::registered;
use prometheus::{IntCounterVec, IntGaugeVec, Opts};

static FINDINGS: LazyLock<Option<IntCounterVec>> = LazyLock::new(|| {
    let options = Opts::new("dmp_audit_findings_total", "What did not verify in a pulled log.");
    registered(IntCounterVec::new(options, &["origin", "kind"]))
});

static UP: LazyLock<Option<IntGaugeVec>> = LazyLock::new(|| {
    let options = Opts::new("dmp_audit_source_up", "Whether the last pull of a log succeeded.");
    registered(IntGaugeVec::new(options, &["origin"]))
});

static SIZE: LazyLock<Option<IntGaugeVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_audit_source_entries",
        "Entries of a log that are copied and verified.",
    );
    registered(IntGaugeVec::new(options, &["origin"]))
});

pub fn finding(origin: &str, kind: &str) {
    if let Some(findings) = &*FINDINGS {
        findings.with_label_values(&[origin, kind]).inc();
    }
}

pub fn pulled(origin: &str, size: u64) {
    if let (Some(up), Some(entries)) = (&*UP, &*SIZE) {
        up.with_label_values(&[origin]).set(1);
        entries
            .with_label_values(&[origin])
            .set(i64::try_from(size).unwrap_or(i64::MAX));
    }
}

pub fn not_pulled(origin: &str) {
    if let Some(up) = &*UP {
        up.with_label_values(&[origin]).set(0);
    }
}
