//! How long revoked software is still answered, on every gateway, while other software keeps the gateways busy.
//!
//! One trial: a credential that is answered on a live connection to each gateway and on new ones is revoked, at one of the five
//! levels; counted from the API server's answer until the last 2xx that came back, wherever. A request that was on its way counts
//! until its answer is here: the figure is never too small.

mod load;
mod revoked;
mod software;
mod subject;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};

pub use load::Figures;
pub use revoked::{Attempts, Revoked};
pub use subject::Level;

use crate::stage::Stage;
use load::Load;
use software::newcomer;
pub(crate) use software::{Software, client};
pub(crate) use subject::Run;
use subject::Subject;

/// The bar of the project.
pub const BAR: Duration = Duration::from_secs(2);
/// How long it is tried after the revocation.
const WATCH: Duration = Duration::from_millis(3_500);
/// How long it is tried before.
const BEFORE: Duration = Duration::from_millis(300);
/// Between two requests on a live connection: below the quota of a credential.
const PAUSE: Duration = Duration::from_millis(10);
/// Between two new connections.
const NEWCOMERS: Duration = Duration::from_millis(40);
/// Certificates asked for at once.
pub(crate) const AT_ONCE: usize = 8;
/// Connections made to find every gateway: one of two is missed once in 2^31 times.
const ATTEMPTS: usize = 32;

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub trials: usize,
    /// Requests a second beside the trials, over all gateways.
    pub per_second: u32,
    /// Credentials that send them.
    pub others: usize,
}

/// One revocation.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    pub level: Level,
    /// From the API server's answer to the last 2xx; zero when there was none.
    pub last: Duration,
    /// Requests tried after the revocation.
    pub tried: u64,
}

/// All of it.
#[derive(Debug)]
pub struct Measured {
    pub gateways: usize,
    pub trials: Vec<Trial>,
    pub others: Figures,
}

impl Measured {
    /// The value that a fraction of all trials does not exceed.
    pub fn quantile(&self, fraction: f64) -> Duration {
        let mut all: Vec<Duration> = self.trials.iter().map(|trial| trial.last).collect();
        all.sort_unstable();
        let rank = (all.len() as f64 * fraction).ceil() as usize;
        all.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// `min / median / p99 / max`, milliseconds.
    pub fn text(&self) -> String {
        let [min, half, most, all] =
            [0.0, 0.5, 0.99, 1.0].map(|fraction| self.quantile(fraction).as_millis());
        format!("{min} / {half} / {most} / {all} ms (n = {})", self.trials.len())
    }

    /// The slowest of each level.
    pub fn by_level(&self) -> String {
        let slowest = |level: Level| {
            let of = self.trials.iter().filter(|trial| trial.level == level);
            of.map(|trial| trial.last).max()
        };
        let shown = Level::ALL
            .into_iter()
            .filter_map(|level| Some(format!("{} {} ms", level.as_str(), slowest(level)?.as_millis())));
        shown.collect::<Vec<_>>().join(", ")
    }
}

/// Issues all certificates, starts the load, and revokes one after the other.
///
/// # Panics
/// When something cannot be prepared, or software is not answered before it is revoked.
pub async fn measure(stage: &Stage, plan: &Plan) -> Measured {
    let run = Run::new(stage);
    let levels = Level::ALL.into_iter().cycle();
    let subjects = levels
        .take(plan.trials)
        .enumerate()
        .map(|(index, level)| run.subject(index, level));
    let others = (plan.trials..plan.trials + plan.others).map(|index| run.subject(index, Level::Credential));
    let wanted: Vec<Subject> = subjects.chain(others).collect();
    let began = Instant::now();
    let issued = stream::iter(wanted)
        .map(|subject| async {
            let identity = run.issue(&subject).await;
            (subject, identity)
        })
        .buffered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    eprintln!(
        "{} certificates in {:.1} s",
        issued.len(),
        began.elapsed().as_secs_f64()
    );
    let (trials, others) = issued.split_at(plan.trials);

    let mut connections = Vec::new();
    let mut gateways = None;
    for (_, identity) in others {
        let found = each_gateway(stage, identity, gateways).await;
        gateways = gateways.or(Some(found.len()));
        connections.extend(found);
    }
    let gateways = gateways.expect("others");
    let load = Load::start(connections, plan.per_second);
    let mut measured = Vec::new();
    for (index, (subject, identity)) in trials.iter().enumerate() {
        let trial = revoke(stage, &run, subject, identity, gateways).await;
        eprintln!(
            "revocation {index}: {} answered for {} ms more",
            trial.level.as_str(),
            trial.last.as_millis()
        );
        measured.push(trial);
    }
    Measured {
        gateways,
        trials: measured,
        others: load.end(),
    }
}

/// A live connection to each gateway; stops when `enough` are found.
async fn each_gateway(stage: &Stage, identity: &str, enough: Option<usize>) -> Vec<Software> {
    let mut found: Vec<Software> = Vec::new();
    for _ in 0..ATTEMPTS {
        if enough.is_some_and(|enough| found.len() >= enough) {
            break;
        }
        let software = Software::connect(&stage.gateway, identity).await;
        if found.iter().all(|other| other.gateway != software.gateway) {
            found.push(software);
        }
    }
    found
}

/// What the probes of one trial have seen.
#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    tried: AtomicU64,
    /// When a 2xx was here.
    good: Mutex<Vec<Instant>>,
    /// 403 `solution-refused`.
    refused: AtomicU64,
}

impl Seen {
    fn take(&self, answer: Result<u16, String>) {
        self.tried.fetch_add(1, Ordering::Relaxed);
        match answer {
            Ok(status) if (200..300).contains(&status) => self.good.lock().unwrap().push(Instant::now()),
            Ok(403) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
            // Closed, or nothing more is said on this connection.
            Ok(_) | Err(_) => {}
        }
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}

async fn revoke(stage: &Stage, run: &Run<'_>, subject: &Subject, identity: &str, gateways: usize) -> Trial {
    let live = each_gateway(stage, identity, Some(gateways)).await;
    assert_eq!(
        live.len(),
        gateways,
        "{} does not reach every gateway",
        subject.name
    );
    let seen = Arc::new(Seen::default());
    let mut probes = Vec::new();
    for software in live {
        let seen = Arc::clone(&seen);
        probes.push(tokio::spawn(async move {
            while seen.goes_on() {
                seen.take(software.ask().await);
                tokio::time::sleep(PAUSE).await;
            }
        }));
    }
    let (gateway, identity, own) = (stage.gateway.clone(), identity.to_owned(), Arc::clone(&seen));
    probes.push(tokio::spawn(async move {
        while own.goes_on() {
            own.take(newcomer(&gateway, &identity).await);
            tokio::time::sleep(NEWCOMERS).await;
        }
    }));
    tokio::time::sleep(BEFORE).await;
    assert!(
        !seen.good.lock().unwrap().is_empty(),
        "{} is not answered",
        subject.name
    );
    let before = seen.tried.load(Ordering::Relaxed);
    run.revoke(subject).await;
    let answered = Instant::now();
    tokio::time::sleep(WATCH).await;
    seen.stop.store(true, Ordering::Relaxed);
    for probe in probes {
        probe.await.unwrap();
    }
    let refused = seen.refused.load(Ordering::Relaxed);
    assert!(refused > 0, "{} was revoked and never refused", subject.name);
    let good = seen.good.lock().unwrap();
    let last = good.iter().map(|at| at.saturating_duration_since(answered)).max();
    Trial {
        level: subject.level,
        last: last.unwrap_or_default(),
        tried: seen.tried.load(Ordering::Relaxed) - before,
    }
}
