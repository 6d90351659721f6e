//! Conditions of platform and groups, and their gates, as metrics, from what this replica has seen: every replica tells the same.

use std::collections::BTreeSet;
use std::time::Duration;

use dmp_client::facts::Gate;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use prometheus::{IntGaugeVec, Opts};

use super::gate::Measured;
use super::watch::Shared;

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(5);

/// A gauge whose series go with what they are about.
struct Gauge {
    gauge: IntGaugeVec,
    told: BTreeSet<Vec<String>>,
}

impl Gauge {
    fn new(name: &str, help: &str, labels: &[&str]) -> Option<Self> {
        let gauge = dmp_core::metrics::registered(IntGaugeVec::new(Opts::new(name, help), labels))?;
        let told = BTreeSet::new();
        Some(Self { gauge, told })
    }

    fn tell(&mut self, values: impl IntoIterator<Item = (Vec<String>, i64)>) {
        let mut now = BTreeSet::new();
        for (labels, value) in values {
            self.gauge.with_label_values(&labels).set(value);
            now.insert(labels);
        }
        for labels in self.told.difference(&now) {
            // an error says that it is gone already
            let _gone = self.gauge.remove_label_values(labels);
        }
        self.told = now;
    }
}

/// Keeps `dmp_resource_condition`, `dmp_system_gate` and `dmp_system_homologation_end_seconds` for ever.
pub async fn run(shared: Shared) {
    let conditions = Gauge::new(
        "dmp_resource_condition",
        "A condition of a Platform or HealthGroup: 1 when its status is True.",
        &["kind", "name", "condition"],
    );
    let gates = Gauge::new(
        "dmp_system_gate",
        "Whether the platform (`national`) or a production group serves real people: 0 open, 1 read only, 2 closed.",
        &["subject"],
    );
    let ends = Gauge::new(
        "dmp_system_homologation_end_seconds",
        "When the homologation of the platform (`national`) or of a production group ends, Unix time; 0: nothing was decided.",
        &["subject"],
    );
    let (Some(mut conditions), Some(mut gates), Some(mut ends)) = (conditions, gates, ends) else {
        return;
    };
    loop {
        let (all, measured) = shared.with(|index| (index.conditions(), index.measured(Timestamp::now())));
        conditions.tell(all.into_iter().map(|(kind, name, condition, holds)| {
            (vec![kind.to_owned(), name, condition], i64::from(holds))
        }));
        gates.tell(
            measured
                .iter()
                .map(|one| (vec![one.subject.clone()], severity(one.gate))),
        );
        ends.tell(
            measured
                .iter()
                .map(|one| (vec![one.subject.clone()], end(one).unwrap_or_default())),
        );
        tokio::time::sleep(PERIOD).await;
    }
}

const fn severity(gate: Gate) -> i64 {
    match gate {
        Gate::Open => 0,
        Gate::ReadOnly => 1,
        Gate::Closed => 2,
    }
}

/// The midnight after the last day.
fn end(one: &Measured) -> Option<i64> {
    let after = one.until?.tomorrow().ok()?;
    let midnight = after.to_zoned(TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_second())
}
