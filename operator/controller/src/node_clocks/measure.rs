//! One measurement: heartbeats and the API server's time, side by side for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::{Duration, Instant};

use dmp_api::node_clocks::{Clock, Observation};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, Client, ResourceExt as _};

use super::bounds::Bounds;
use crate::apply::ApplyError;
use crate::pages;

/// Where kubelets write their heartbeats.
const LEASES: &str = "kube-node-lease";
/// Between two questions for the API server's time: no part of a second, so that each comes at another one.
const ASK: Duration = Duration::from_millis(930);
/// Longest that the API server may take to say its time.
const PATIENCE: Duration = Duration::from_secs(5);
/// A measurement that knows the API server's time less exactly, in milliseconds to both sides, says nothing.
const EXACT: u64 = 250;
/// The own clock may move against itself by so much while it is measured with.
const STEADY: SignedDuration = SignedDuration::from_millis(50);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the API server does not answer, or refuses")]
    Kubernetes(#[from] kube::Error),
    #[error("the cluster has no node")]
    NoNode,
    #[error("the API server does not say its time")]
    NoTime,
    #[error(
        "the API server's time is known to {0} ms only: it is slow, or there are several whose clocks differ"
    )]
    Vague(u64),
    #[error("the clock of this machine was moved while it was measured with")]
    Moved,
    #[error(transparent)]
    Written(#[from] ApplyError),
}

/// Heartbeats of a node: how many, and how far the one that was least late was ahead of the own clock, in milliseconds.
type Heard = BTreeMap<String, (usize, i64)>;

/// Listens for `window`: a kubelet is heard every ten seconds.
///
/// # Errors
/// When something cannot be asked, or not exactly enough.
pub async fn measure(client: &Client, window: Duration) -> Result<Observation, Error> {
    let (begun, clock) = (Instant::now(), Timestamp::now());
    let before = ready(client).await?;
    if before.is_empty() {
        return Err(Error::NoNode);
    }
    let until = Instant::now() + window;
    let (server, heard) = tokio::try_join!(server(client, until), hear(client, until))?;
    let now = Timestamp::now();
    if !is_steady(begun.elapsed(), now.duration_since(clock)) {
        return Err(Error::Moved);
    }
    if server.within() > EXACT {
        return Err(Error::Vague(server.within()));
    }
    let after = ready(client).await?;
    Ok(Observation::new(
        now,
        server.within(),
        clocks(&before, &after, &heard, server.ahead()),
    ))
}

fn is_steady(elapsed: Duration, told: SignedDuration) -> bool {
    SignedDuration::try_from(elapsed).is_ok_and(|elapsed| (told - elapsed).abs() <= STEADY)
}

/// Of every node that was heard and is there, and of those that were ready all the time.
fn clocks(
    before: &BTreeMap<String, bool>,
    after: &BTreeMap<String, bool>,
    heard: &Heard,
    server: i64,
) -> Vec<Clock> {
    let both = |node: &str| after.get(node) == Some(&true) && before.get(node) == Some(&true);
    let clock = |node: &String| {
        let (heard, skew_milliseconds) = match heard.get(node) {
            Some((count, ahead)) => (*count, ahead - server),
            None => (0, 0),
        };
        Clock {
            node: node.clone(),
            heard,
            skew_milliseconds,
        }
    };
    let meant = after
        .keys()
        .filter(|node| heard.contains_key(*node) || both(node));
    meant.collect::<BTreeSet<_>>().into_iter().map(clock).collect()
}

/// Every node, and whether it is ready.
async fn ready(client: &Client) -> Result<BTreeMap<String, bool>, kube::Error> {
    let nodes = Api::<Node>::all(client.clone());
    let mut found = BTreeMap::new();
    pages::each(&nodes, |node| {
        found.insert(node.name_any(), is_ready(node));
    })
    .await?;
    Ok(found)
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Heartbeats as they come. What was there before says nothing: it may be ten seconds old.
async fn hear(client: &Client, until: Instant) -> Result<Heard, Error> {
    let leases = Api::<Lease>::namespaced(client.clone(), LEASES);
    let listed = leases.list_metadata(&ListParams::default().limit(1)).await?;
    let version = listed.metadata.resource_version.unwrap_or_default();
    let mut heard = Heard::new();
    let mut events = pin!(leases.watch(&WatchParams::default(), &version).await?);
    while let Ok(event) = tokio::time::timeout_at(until.into(), events.next()).await {
        let now = Timestamp::now();
        match event {
            Some(Ok(WatchEvent::Added(lease) | WatchEvent::Modified(lease))) => {
                let renewed = lease.spec.as_ref().and_then(|spec| spec.renew_time.as_ref());
                if let Some(renewed) = renewed {
                    beat(
                        &mut heard,
                        lease.name_any(),
                        renewed.0.as_millisecond() - now.as_millisecond(),
                    );
                }
            }
            Some(Ok(WatchEvent::Deleted(_) | WatchEvent::Bookmark(_))) => {}
            Some(Ok(WatchEvent::Error(status))) => return Err(kube::Error::Api(status).into()),
            Some(Err(error)) => return Err(error.into()),
            // The API server ends a watch now and then: what was heard counts.
            None => break,
        }
    }
    Ok(heard)
}

/// Later than it was sent is all that a heartbeat can come: of several the one that is farthest ahead is the truest.
fn beat(heard: &mut Heard, node: String, ahead: i64) {
    let known = heard.entry(node).or_insert((0, ahead));
    known.0 += 1;
    known.1 = known.1.max(ahead);
}

/// By how much the API server's clock is ahead of the own one, from the `Date` of its answers.
async fn server(client: &Client, until: Instant) -> Result<Bounds, Error> {
    let mut bounds = ask(client).await?;
    while Instant::now() + ASK < until {
        tokio::time::sleep(ASK).await;
        bounds = bounds.and(ask(client).await?);
    }
    Ok(bounds)
}

async fn ask(client: &Client) -> Result<Bounds, Error> {
    let request = http::Request::get("/version").body(kube::client::Body::empty());
    let request = request.map_err(|_| Error::NoTime)?;
    let before = Timestamp::now();
    let answer = tokio::time::timeout(PATIENCE, client.send(request)).await;
    let after = Timestamp::now();
    let answer = answer.map_err(|_| Error::NoTime)??;
    let date = answer.headers().get(http::header::DATE);
    let said = date
        .and_then(|value| value.to_str().ok())
        .and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
    let said = said.ok_or(Error::NoTime)?;
    Ok(Bounds::of(before, after, said.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_heartbeats_the_one_that_was_least_late_counts() {
        let mut heard = Heard::new();
        for (node, ahead) in [
            ("a", -300),
            ("a", -4),
            ("a", -50),
            ("fast", 1_996),
            ("fast", 1_700),
        ] {
            beat(&mut heard, node.to_owned(), ahead);
        }
        assert_eq!(heard["a"], (3, -4));
        assert_eq!(heard["fast"], (2, 1_996));
    }

    #[test]
    fn nodes_are_compared_with_the_api_server_and_the_silent_are_named() {
        let nodes = |all: &[(&str, bool)]| {
            all.iter()
                .map(|(name, ready)| ((*name).to_owned(), *ready))
                .collect()
        };
        let before = nodes(&[
            ("a", true),
            ("silent", true),
            ("down", false),
            ("gone", true),
            ("comes", false),
        ]);
        let after = nodes(&[
            ("a", true),
            ("silent", true),
            ("down", false),
            ("comes", true),
            ("new", true),
        ]);
        let heard = Heard::from([
            ("a".to_owned(), (4, -10)),
            ("gone".to_owned(), (1, -10)),
            ("comes".to_owned(), (1, 2_000)),
        ]);
        let found = clocks(&before, &after, &heard, 100);
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.node.as_str(), one.heard, one.skew_milliseconds))
            .collect();
        assert_eq!(found, [("a", 4, -110), ("comes", 1, 1_900), ("silent", 0, 0)]);
    }

    #[test]
    fn a_clock_that_was_moved_measures_nothing() {
        let second = Duration::from_secs(1);
        assert!(is_steady(second, SignedDuration::from_millis(1_049)));
        assert!(!is_steady(second, SignedDuration::from_millis(1_051)));
        assert!(!is_steady(second, SignedDuration::from_millis(-500)));
    }
}
