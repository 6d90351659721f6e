//! The conditions of platform and groups as a metric, from what this replica has seen: every replica tells the same.

use std::collections::BTreeSet;
use std::time::Duration;

use prometheus::{IntGaugeVec, Opts};

use super::watch::Shared;

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(5);

/// Keeps `dmp_resource_condition` for ever.
pub async fn run(shared: Shared) {
    let options = Opts::new(
        "dmp_resource_condition",
        "A condition of a Platform or HealthGroup: 1 when its status is True.",
    );
    let labels = ["kind", "name", "condition"];
    let Some(gauge) = dmp_core::metrics::registered(IntGaugeVec::new(options, &labels)) else {
        return;
    };
    let mut before = BTreeSet::new();
    loop {
        let mut now = BTreeSet::new();
        for (kind, name, condition, holds) in shared.with(|index| index.conditions()) {
            gauge
                .with_label_values(&[kind, &name, &condition])
                .set(holds.into());
            now.insert((kind, name, condition));
        }
        for (kind, name, condition) in before.difference(&now) {
            // an error says that it is gone already
            let _gone = gauge.remove_label_values(&[kind, name.as_str(), condition.as_str()]);
        }
        before = now;
        tokio::time::sleep(PERIOD).await;
    }
}
