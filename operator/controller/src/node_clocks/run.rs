//! Measures, writes what is new: for ever, on the replica that leads.

use std::time::{Duration, Instant};

use dmp_api::node_clocks::{CONFIG_MAP, KEY, Observation};
use dmp_core::problem::Chain;
use kube::Client;

use super::measure::{Error, measure};
use crate::apply::ApplyError;
use crate::observed;

/// Field manager of the ConfigMap.
const MANAGER: &str = "dmp-operator/node-clocks";
/// How long heartbeats are listened to: four of each node.
const WINDOW: Duration = Duration::from_secs(45);
/// Between two measurements.
const PERIOD: Duration = Duration::from_secs(600);
/// After one that failed.
const RETRY: Duration = Duration::from_secs(60);
/// What has not changed is written again after so long: the evaluator takes nothing that is older than two hours.
const REWRITE: Duration = Duration::from_secs(55 * 60);

/// Measures for ever.
pub async fn run(client: Client) {
    let mut written = None;
    loop {
        let pause = match round(&client, &mut written).await {
            Ok(()) => PERIOD,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the clocks of the nodes could not be measured");
                RETRY
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn round(client: &Client, written: &mut Option<(Instant, Observation)>) -> Result<(), Error> {
    let observation = measure(client, WINDOW).await?;
    if is_news(written.as_ref(), &observation, Instant::now()) {
        leave(client, &observation).await?;
        *written = Some((Instant::now(), observation));
    }
    Ok(())
}

/// Whether it differs from what was written, or that is too long ago.
fn is_news(written: Option<&(Instant, Observation)>, observation: &Observation, now: Instant) -> bool {
    observed::is_news(written, now, REWRITE, |last| last.agrees(observation))
}

/// Writes it where the evaluator looks.
///
/// # Errors
/// When the API server refuses or does not answer.
pub async fn leave(client: &Client, observation: &Observation) -> Result<(), ApplyError> {
    observed::leave(client, MANAGER, (CONFIG_MAP, KEY), observation).await
}

#[cfg(test)]
mod tests {
    use dmp_api::node_clocks::Clock;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn what_is_the_same_is_written_again_only_when_it_grows_old() {
        let measured = |skew_milliseconds| {
            let clock = Clock {
                node: "a".to_owned(),
                heard: 4,
                skew_milliseconds,
            };
            Observation::new(Timestamp::UNIX_EPOCH, 20, vec![clock])
        };
        let now = Instant::now();
        assert!(is_news(None, &measured(0), now));
        let written = (now, measured(0));
        for (skew, later, news) in [(20, PERIOD, false), (20, REWRITE, true), (500, PERIOD, true)] {
            assert_eq!(
                is_news(Some(&written), &measured(skew), now + later),
                news,
                "{skew} {later:?}"
            );
        }
    }
}
