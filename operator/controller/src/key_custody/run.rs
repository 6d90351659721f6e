//! Looks, writes what is new: for ever, on the replica that leads.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use dmp_api::key_custody::{CONFIG_MAP, KEY, Observation};
use dmp_core::problem::Chain;
use jiff::Timestamp;
use kube::Client;
use prometheus::IntGauge;

use super::read::{Error, look};
use crate::apply::ApplyError;
use crate::observed;

/// Field manager of the ConfigMap.
const MANAGER: &str = "dmp-operator/key-custody";
/// Between two rounds, each of which is a few requests for every group.
const PERIOD: Duration = Duration::from_secs(3_600);
/// After a round that failed, and while something is not as it should be: who put it right wants to see it.
const SOON: Duration = Duration::from_secs(120);
/// What has not changed is written again after so long: the evaluator takes nothing that is older than six hours.
const REWRITE: Duration = Duration::from_secs(3 * 3_600);

static OLDEST: LazyLock<Option<IntGauge>> = LazyLock::new(|| {
    dmp_core::metrics::registered(IntGauge::new(
        "dmp_operator_oldest_key_days",
        "Age in days of the key in OpenBao whose newest version is the oldest, as the replica that leads saw it; 0 on the others.",
    ))
});

/// Looks for ever; `openbao` is logged in where metadata of keys can be seen.
pub async fn run(client: Client, openbao: dmp_keys::Client) {
    // Who does not lead any more says nothing.
    let _told = Told;
    let mut written = None;
    loop {
        let pause = match round(&client, &openbao, &mut written).await {
            Ok(true) => PERIOD,
            Ok(false) => SOON,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the age of keys could not be seen");
                SOON
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Whether everything is there and kept.
async fn round(
    client: &Client,
    openbao: &dmp_keys::Client,
    written: &mut Option<(Instant, Observation)>,
) -> Result<bool, Error> {
    let now = Timestamp::now();
    let observation = look(client, openbao, now).await?;
    let is_good = observation.is_complete();
    tell(&observation, now);
    if is_news(written.as_ref(), &observation, Instant::now()) {
        leave(client, &observation).await?;
        *written = Some((Instant::now(), observation));
    }
    Ok(is_good)
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

fn tell(observation: &Observation, now: Timestamp) {
    let age = observation
        .oldest()
        .map(|at| now.duration_since(at).as_hours() / 24);
    set(age.unwrap_or(0));
}

fn set(days: i64) {
    if let Some(gauge) = &*OLDEST {
        gauge.set(days);
    }
}

/// Takes back what was told, when the lease is lost.
struct Told;

impl Drop for Told {
    fn drop(&mut self) {
        set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(seal: &str, second: i64) -> Observation {
        Observation {
            observed_at: Timestamp::from_second(second).unwrap(),
            seal: seal.to_owned(),
            authorities: Vec::new(),
            spaces: 1,
            lacking: Vec::new(),
            keys: Vec::new(),
            more: 0,
        }
    }

    #[test]
    fn what_is_the_same_is_written_again_only_when_it_grows_old() {
        let now = Instant::now();
        assert!(is_news(None, &seen("static", 1), now));
        let written = (now, seen("static", 1));
        let second = Duration::from_secs(1);
        for (seal, later, news) in [
            ("static", PERIOD, false),
            ("static", REWRITE - second, false),
            ("static", REWRITE, true),
            ("pkcs11", PERIOD, true),
        ] {
            assert_eq!(
                is_news(Some(&written), &seen(seal, 2), now + later),
                news,
                "{seal} {later:?}"
            );
        }
    }
}
