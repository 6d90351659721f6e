//! What the service measures, by log origin. Alert on `dmp_audit_findings` and on a source that is not up.

use std::sync::LazyLock;

use dmp_core::metrics::registered;
use prometheus::{IntGaugeVec, Opts};

use crate::store::finding::KINDS;

static FINDINGS: LazyLock<Option<IntGaugeVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_audit_findings",
        "Findings kept in the database: what did not verify in a pulled log.",
    );
    registered(IntGaugeVec::new(options, &["origin", "kind"]))
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

static PULLED: LazyLock<Option<IntGaugeVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_audit_source_pulled_seconds",
        "When a log was last pulled with success (Unix time); 0 before the first time.",
    );
    registered(IntGaugeVec::new(options, &["origin"]))
});

/// Findings of a kind that are kept, 0 included: an alert sees the first one as a change.
pub fn findings(origin: &str, kind: &str, number: i64) {
    if let Some(findings) = &*FINDINGS {
        findings.with_label_values(&[origin, kind]).set(number);
    }
}

/// A log that is no longer pulled has no metrics.
pub fn forget(origin: &str) {
    // an error says that there was none
    for gauge in [&UP, &SIZE, &PULLED]
        .into_iter()
        .filter_map(|gauge| gauge.as_ref())
    {
        let _never_set = gauge.remove_label_values(&[origin]);
    }
    for kind in KINDS {
        if let Some(findings) = &*FINDINGS {
            let _never_set = findings.remove_label_values(&[origin, kind]);
        }
    }
}

pub fn pulled(origin: &str, size: u64) {
    if let (Some(up), Some(entries)) = (&*UP, &*SIZE) {
        up.with_label_values(&[origin]).set(1);
        entries
            .with_label_values(&[origin])
            .set(i64::try_from(size).unwrap_or(i64::MAX));
    }
    if let Some(pulled) = &*PULLED {
        pulled
            .with_label_values(&[origin])
            .set(jiff::Timestamp::now().as_second());
    }
}

pub fn not_pulled(origin: &str) {
    if let Some(up) = &*UP {
        up.with_label_values(&[origin]).set(0);
    }
    if let Some(pulled) = &*PULLED {
        pulled.with_label_values(&[origin]);
    }
}
