//! The traffic: every step again and again, writers and readers beside them, the opposed patient tried all the time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::cast::{PATIENTS, REFRESH};
use crate::ledger::Sender;
use crate::recovery::{Sample, Verdict, last_failure, verdict};
use crate::steps::{Play, Step};

/// A repetition that takes longer has failed.
const STEP_LIMIT: Duration = Duration::from_secs(10);
/// Between repetitions of a step.
const PAUSE: Duration = Duration::from_millis(700);
/// Writers, half of them in each group.
const WRITERS: usize = 4;
/// Between a writer's submissions.
const WRITER_PAUSE: Duration = Duration::from_millis(900);
/// A writer repeats an unanswered submission so often before it leaves it as uncertain.
const REPETITIONS: usize = 2;

/// Between attempts to renew tokens.
const RETRY: Duration = Duration::from_secs(3);

/// Running traffic; dropped, it ends at once.
pub struct Traffic {
    pub play: Arc<Play>,
    samples: Arc<Mutex<BTreeMap<Step, Vec<Sample>>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Traffic {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Traffic {
    /// Starts everything.
    pub fn start(play: Arc<Play>) -> Self {
        let mut traffic = Self {
            play,
            samples: Arc::default(),
            tasks: Vec::new(),
        };
        for step in Step::ALL {
            traffic.tasks.push(tokio::spawn(repeat(
                Arc::clone(&traffic.play),
                step,
                Arc::clone(&traffic.samples),
            )));
        }
        let turn = Arc::new(AtomicUsize::new(0));
        for writer in 0..WRITERS {
            let sender = if writer % 2 == 0 {
                Sender::Tanger
            } else {
                Sender::Casablanca
            };
            traffic.tasks.push(tokio::spawn(write(
                Arc::clone(&traffic.play),
                sender,
                Arc::clone(&turn),
            )));
        }
        traffic.tasks.push(tokio::spawn(read(Arc::clone(&traffic.play))));
        traffic
            .tasks
            .push(tokio::spawn(oppose(Arc::clone(&traffic.play))));
        traffic
            .tasks
            .push(tokio::spawn(refresh(Arc::clone(&traffic.play))));
        traffic
    }

    /// What each step came to since a moment.
    pub fn verdicts(&self, since: Instant) -> BTreeMap<Step, Verdict> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        Step::ALL
            .into_iter()
            .map(|step| {
                let samples = samples.get(&step).map(Vec::as_slice).unwrap_or_default();
                (step, verdict(samples, since))
            })
            .collect()
    }

    /// How often a step failed since a moment, and its last failure.
    pub fn failures(&self, step: Step, since: Instant) -> (usize, Option<String>) {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let samples = samples.get(&step).map(Vec::as_slice).unwrap_or_default();
        let count = samples
            .iter()
            .filter(|sample| sample.ended >= since && sample.outcome.is_err())
            .count();
        (count, last_failure(samples, since).map(str::to_owned))
    }

    /// Waits until every step passes, at most `limit`.
    ///
    /// # Errors
    /// The steps that do not, each with its last failure.
    pub async fn all_pass(
        &self,
        since: Instant,
        limit: Duration,
    ) -> Result<BTreeMap<Step, Duration>, String> {
        loop {
            let verdicts = self.verdicts(since);
            let passed: BTreeMap<Step, Duration> = verdicts
                .iter()
                .filter_map(|(step, verdict)| match verdict {
                    Verdict::Passes(after) => Some((*step, *after)),
                    Verdict::NotYet => None,
                })
                .collect();
            if passed.len() == Step::ALL.len() {
                return Ok(passed);
            }
            if since.elapsed() > limit {
                let missing: Vec<String> = Step::ALL
                    .into_iter()
                    .filter(|step| !passed.contains_key(step))
                    .map(|step| {
                        let (count, last) = self.failures(step, since);
                        format!("{}: {count} failures, {}", step.title(), last.unwrap_or_default())
                    })
                    .collect();
                return Err(missing.join("; "));
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

async fn repeat(play: Arc<Play>, step: Step, samples: Arc<Mutex<BTreeMap<Step, Vec<Sample>>>>) {
    loop {
        let began = Instant::now();
        let outcome = match tokio::time::timeout(STEP_LIMIT, play.step(step)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("nothing within {} s", STEP_LIMIT.as_secs())),
        };
        let sample = Sample {
            began,
            ended: Instant::now(),
            outcome,
        };
        samples
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(step)
            .or_default()
            .push(sample);
        tokio::time::sleep(PAUSE).await;
    }
}

async fn write(play: Arc<Play>, sender: Sender, turn: Arc<AtomicUsize>) {
    loop {
        let patient = turn.fetch_add(1, Ordering::Relaxed) % PATIENTS;
        let sent = tokio::time::timeout(STEP_LIMIT, play.publish(patient, sender)).await;
        if !matches!(sent, Ok(Ok(_))) {
            again(&play).await;
        }
        tokio::time::sleep(WRITER_PAUSE).await;
    }
}

/// Repeats one uncertain submission, as software does that got no answer.
async fn again(play: &Play) {
    let uncertain = play.ledger().uncertain().pop();
    let Some((set, entry)) = uncertain else { return };
    for _ in 0..REPETITIONS {
        tokio::time::sleep(WRITER_PAUSE).await;
        if matches!(
            tokio::time::timeout(STEP_LIMIT, play.send(&set, &entry)).await,
            Ok(Ok(()))
        ) {
            return;
        }
    }
}

/// Reads documents that were acknowledged, any of them.
async fn read(play: Arc<Play>) {
    loop {
        let entries = play.ledger().acknowledgements();
        let any = usize::try_from(uuid::Uuid::new_v4().as_u128() & 0xffff_ffff).unwrap_or_default();
        if let Some((_, entry)) = entries.get(any % entries.len().max(1)) {
            // Failures are counted by the step `retrieve`; wrong bytes are a violation wherever they come.
            let _ = tokio::time::timeout(STEP_LIMIT, play.retrieve(entry)).await;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn oppose(play: Arc<Play>) {
    loop {
        let _ = tokio::time::timeout(STEP_LIMIT, play.try_the_opposed()).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

async fn refresh(play: Arc<Play>) {
    let mut wait = REFRESH;
    loop {
        tokio::time::sleep(wait).await;
        // As software does: who has no token tries again soon.
        wait = match play.cast.refresh().await {
            Ok(()) => REFRESH,
            Err(_) => RETRY,
        };
    }
}
