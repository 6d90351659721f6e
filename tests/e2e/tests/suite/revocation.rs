//! A revocation at each level closes every gateway within its time while others are served. `make bench-revocation` does the same
//! two hundred times under 500 requests a second.

use std::time::Duration;

use dmp_e2e::revocation::{BAR, Figures, Level, Measured, Plan, Trial, measure};

use crate::stage::on_stage;

#[test]
fn each_level_is_refused_within_two_seconds_under_load() {
    on_stage("revocation", async |stage| {
        let plan = Plan {
            trials: 10,
            per_second: 200,
            others: 8,
        };
        let measured = measure(stage, &plan).await;
        eprintln!(
            "revocations on {} gateways: min / median / p99 / max {}; {}; others: {:?}",
            measured.gateways,
            measured.text(),
            measured.by_level(),
            measured.others
        );
        assert!(measured.quantile(1.0) <= BAR, "{:?}", measured.trials);
        assert_eq!(
            measured.others.other, 0,
            "others were refused: {:?}",
            measured.others
        );
    });
}

#[test]
fn quantiles_are_values_that_were_measured() {
    let trial = |milliseconds: u64| Trial {
        level: Level::ALL[usize::try_from(milliseconds % 5).unwrap()],
        last: Duration::from_millis(milliseconds),
        tried: 1,
    };
    let measured = Measured {
        gateways: 2,
        trials: (1..=200).rev().map(trial).collect(),
        others: Figures::default(),
    };
    assert_eq!(measured.text(), "1 / 100 / 198 / 200 ms (n = 200)");
    let slowest = measured.by_level();
    assert!(
        slowest.starts_with("credential 200 ms, installation 196 ms"),
        "{slowest}"
    );
}
