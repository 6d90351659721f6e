//! Requests of others at a steady pace, over all connections in turn: one that is slow delays none that is due.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::software::Software;

/// Requests on their way at once; those that are due beyond it are left out, and said.
const ON_THEIR_WAY: usize = 1_000;

#[derive(Default)]
struct Counts {
    good: AtomicU64,
    other: AtomicU64,
    unanswered: AtomicU64,
    left_out: AtomicU64,
    latencies: Mutex<Vec<Duration>>,
}

/// Running; ends with [`Load::end`].
pub struct Load {
    task: JoinHandle<()>,
    counts: Arc<Counts>,
    began: Instant,
}

/// What it came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// 2xx a second.
    pub per_second: f64,
    pub good: u64,
    /// Answers that were no 2xx.
    pub other: u64,
    pub unanswered: u64,
    pub left_out: u64,
    pub half: Duration,
    pub most: Duration,
}

impl Load {
    pub fn start(connections: Vec<Software>, per_second: u32) -> Self {
        let counts = Arc::<Counts>::default();
        Self {
            task: tokio::spawn(send(connections, per_second, Arc::clone(&counts))),
            counts,
            began: Instant::now(),
        }
    }

    pub fn end(self) -> Figures {
        self.task.abort();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &self.counts;
        let mut latencies = counts.latencies.lock().unwrap().clone();
        latencies.sort_unstable();
        let quantile = |fraction: f64| {
            let rank = (latencies.len() as f64 * fraction).ceil() as usize;
            latencies.get(rank.saturating_sub(1)).copied().unwrap_or_default()
        };
        Figures {
            per_second: count(&counts.good) as f64 / self.began.elapsed().as_secs_f64(),
            good: count(&counts.good),
            other: count(&counts.other),
            unanswered: count(&counts.unanswered),
            left_out: count(&counts.left_out),
            half: quantile(0.5),
            most: quantile(0.99),
        }
    }
}

async fn send(connections: Vec<Software>, per_second: u32, counts: Arc<Counts>) {
    let permits = Arc::new(Semaphore::new(ON_THEIR_WAY));
    let mut due = tokio::time::interval(Duration::from_secs(1) / per_second.max(1));
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for software in connections.iter().cycle() {
        due.tick().await;
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
            counts.left_out.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        let (software, counts) = (software.clone(), Arc::clone(&counts));
        tokio::spawn(async move {
            let began = Instant::now();
            let counter = match software.ask().await {
                Ok(status) if (200..300).contains(&status) => {
                    counts.latencies.lock().unwrap().push(began.elapsed());
                    &counts.good
                }
                Ok(_) => &counts.other,
                Err(_) => &counts.unanswered,
            };
            counter.fetch_add(1, Ordering::Relaxed);
            drop(permit);
        });
    }
}
