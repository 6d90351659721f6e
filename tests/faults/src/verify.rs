//! After a fault: everything acknowledged is there, once, byte for byte, and in the trail.

use std::time::{Duration, Instant};

use futures::StreamExt as _;

use crate::cast::{PATIENTS, said};
use crate::ledger::{Entry, State, faults_of_list};
use crate::steps::Play;

/// Reads at once.
const CONCURRENCY: usize = 4;
/// Repetitions of what fails for a moment, a second apart.
const PATIENCE: usize = 10;
/// The audit service pulls all logs within this time.
const TRAIL_WITHIN: Duration = Duration::from_secs(30);

/// What was found.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Acknowledged writes of this fault and of all before, each read back.
    pub acknowledged: usize,
    /// Submissions that had got no answer and were repeated.
    pub repeated: usize,
}

/// Repeats what was not acknowledged, then reads everything back. Call it while no traffic writes.
///
/// # Errors
/// Everything that is lost, doubled, changed or missing in the trail.
pub async fn everything(play: &Play) -> Result<Found, String> {
    // A fault may have been longer than a token lives.
    patiently(|| async { play.cast.refresh().await.map_err(said) })
        .await
        .map_err(|error| format!("nobody can log in: {error}"))?;
    let uncertain = play.ledger().uncertain();
    for (set, entry) in &uncertain {
        patiently(|| play.send(set, entry))
            .await
            .map_err(|error| format!("{set}: cannot be repeated: {error}"))?;
    }
    let acknowledged = play.ledger().acknowledgements();
    let mut wrong: Vec<String> = play.ledger().contradictions().to_vec();
    let all: Vec<(String, Entry)> = acknowledged.iter().cloned().chain(play.earlier()).collect();
    let count = all.len();
    let read: Vec<Result<(), String>> = futures::stream::iter(all)
        .map(|(set, entry)| async move {
            patiently(|| play.retrieve(&entry))
                .await
                .map_err(|error| format!("{set}: {error}"))
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    wrong.extend(read.into_iter().filter_map(Result::err));
    for patient in 0..PATIENTS {
        let listed = patiently(|| play.complete_list(patient)).await?;
        wrong.extend(faults_of_list(&acknowledged, patient, &listed));
        if let Err(missing) = in_trail(play, patient, &acknowledged).await {
            wrong.push(missing);
        }
    }
    if wrong.is_empty() {
        Ok(Found {
            acknowledged: count,
            repeated: uncertain.len(),
        })
    } else {
        wrong.truncate(20);
        Err(wrong.join("\n"))
    }
}

async fn in_trail(play: &Play, patient: usize, entries: &[(String, Entry)]) -> Result<(), String> {
    let start = Instant::now();
    loop {
        let outcome = play.trail(patient).await.map(|shown| {
            entries
                .iter()
                .filter(|(_, entry)| entry.patient == patient)
                .filter(|(_, entry)| match &entry.state {
                    State::Acknowledged { document, .. } => !shown.contains(document),
                    State::Uncertain => false,
                })
                .count()
        });
        match outcome {
            Ok(0) => return Ok(()),
            Ok(missing) if start.elapsed() > TRAIL_WITHIN => {
                return Err(format!(
                    "patient {patient}: {missing} acknowledged writes are not in the trail"
                ));
            }
            Err(error) if start.elapsed() > TRAIL_WITHIN => {
                return Err(format!("patient {patient}: no trail: {error}"));
            }
            _ => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}

/// Again and again, a second apart, and the last error in the end.
async fn patiently<T>(attempt: impl AsyncFn() -> Result<T, String>) -> Result<T, String> {
    let mut last = String::new();
    for _ in 0..PATIENCE {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => last = error,
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Err(last)
}
