//! Looks, writes what is new: for ever, on the replica that leads.

use std::time::{Duration, Instant};

use dmp_api::log_stores::{CONFIG_MAP, KEY, Observation};
use dmp_core::problem::Chain;
use jiff::Timestamp;
use kube::Client;

use super::read::{Error, look};
use crate::acts::ActLog;
use crate::apply::ApplyError;
use crate::observed;

/// Field manager of the ConfigMap.
const MANAGER: &str = "dmp-operator/log-stores";
/// Between two rounds, each of which looks through the index of every log.
const PERIOD: Duration = Duration::from_secs(3_600);
/// While something is missing: a new group's log is copied within seconds.
const SOON: Duration = Duration::from_secs(120);
/// After a round that failed.
const RETRY: Duration = Duration::from_secs(60);
/// What has not changed is written again after so long: the evaluator takes nothing that is older than six hours.
const REWRITE: Duration = Duration::from_secs(3 * 3_600);

/// Looks for ever.
pub async fn run(client: Client, audit: ActLog) {
    let mut written = None;
    loop {
        let pause = match round(&client, &audit, &mut written).await {
            Ok(true) => PERIOD,
            Ok(false) => SOON,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "how far back the logs reach could not be seen");
                RETRY
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Whether every log is there from its first entry on.
async fn round(
    client: &Client,
    audit: &ActLog,
    written: &mut Option<(Instant, Observation)>,
) -> Result<bool, Error> {
    let observation = look(client, audit.kept()?, Timestamp::now()).await?;
    let is_complete = observation.is_complete();
    if is_news(written.as_ref(), &observation, Instant::now()) {
        leave(client, &observation).await?;
        *written = Some((Instant::now(), observation));
    }
    Ok(is_complete)
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
    use dmp_api::log_stores::Store;

    use super::*;

    #[test]
    fn what_is_the_same_is_written_again_only_when_it_grows_old() {
        let seen = |gaps, second| {
            let mut store = Store::absent("national/registry".to_owned());
            store.gaps = gaps;
            Observation::new(Timestamp::from_second(second).unwrap(), vec![store])
        };
        let now = Instant::now();
        assert!(is_news(None, &seen(0, 1), now));
        let written = (now, seen(0, 1));
        for (gaps, later, news) in [
            (0, PERIOD, false),
            (0, REWRITE - RETRY, false),
            (0, REWRITE, true),
            (1, RETRY, true),
        ] {
            assert_eq!(
                is_news(Some(&written), &seen(gaps, 2), now + later),
                news,
                "{gaps} {later:?}"
            );
        }
    }
}
