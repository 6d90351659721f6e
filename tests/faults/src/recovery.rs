//! How long a step failed after a fault: pure, from what its repetitions came to.

use std::time::{Duration, Instant};

/// Every step passes again within this time.
pub const BAR: Duration = Duration::from_secs(60);
/// So many successes in a row count as "passes again".
pub const SUCCESSES: usize = 3;

/// One repetition of a step.
#[derive(Clone, Debug)]
pub struct Sample {
    pub began: Instant,
    pub ended: Instant,
    /// Why it failed, in a few words without personal data.
    pub outcome: Result<(), String>,
}

/// What a step's repetitions after a moment came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Passes, the first time this long after the moment; zero when it never failed.
    Passes(Duration),
    /// Has not passed often enough since its last failure.
    NotYet,
}

/// The step's recovery, counted from `since`. Repetitions that ended before do not count.
pub fn verdict(samples: &[Sample], since: Instant) -> Verdict {
    let counted: Vec<&Sample> = samples.iter().filter(|sample| sample.ended >= since).collect();
    let after_failure = counted
        .iter()
        .rposition(|sample| sample.outcome.is_err())
        .map_or(0, |last| last + 1);
    let passed = &counted[after_failure..];
    if passed.len() < SUCCESSES {
        return Verdict::NotYet;
    }
    match (after_failure, passed.first()) {
        (0, _) | (_, None) => Verdict::Passes(Duration::ZERO),
        (_, Some(first)) => Verdict::Passes(first.ended.duration_since(since)),
    }
}

/// The last failure of a step since a moment.
pub fn last_failure(samples: &[Sample], since: Instant) -> Option<&str> {
    samples
        .iter()
        .rev()
        .filter(|sample| sample.ended >= since)
        .find_map(|sample| sample.outcome.as_ref().err().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(start: Instant, outcomes: &[(u64, bool)]) -> Vec<Sample> {
        outcomes
            .iter()
            .map(|(second, fine)| Sample {
                began: start + Duration::from_secs(*second),
                ended: start + Duration::from_secs(*second) + Duration::from_millis(100),
                outcome: if *fine { Ok(()) } else { Err("503".to_owned()) },
            })
            .collect()
    }

    #[test]
    fn recovery_counts_from_the_fault_to_the_first_success_after_the_last_failure() {
        let start = Instant::now();
        let fault = start + Duration::from_secs(10);
        let all = samples(
            start,
            &[
                (1, false),
                (11, false),
                (12, true),
                (13, false),
                (14, true),
                (15, true),
                (16, true),
            ],
        );
        assert_eq!(verdict(&all, fault), Verdict::Passes(Duration::from_millis(4100)));
        assert_eq!(last_failure(&all, fault), Some("503"));
    }

    #[test]
    fn a_step_that_never_failed_took_no_time() {
        let start = Instant::now();
        let all = samples(start, &[(1, true), (2, true), (3, true)]);
        assert_eq!(verdict(&all, start), Verdict::Passes(Duration::ZERO));
        assert_eq!(last_failure(&all, start), None);
    }

    #[test]
    fn too_few_successes_are_none_and_older_ones_do_not_count() {
        let start = Instant::now();
        let all = samples(
            start,
            &[(1, true), (2, true), (3, true), (4, false), (5, true), (6, true)],
        );
        assert_eq!(verdict(&all, start), Verdict::NotYet);
        assert_eq!(
            verdict(&all[..3], start + Duration::from_secs(3)),
            Verdict::NotYet
        );
    }

    #[test]
    fn a_repetition_that_hung_over_the_fault_counts() {
        let start = Instant::now();
        let fault = start + Duration::from_secs(5);
        let mut all = samples(start, &[(1, false), (7, true), (8, true), (9, true)]);
        all[0].ended = start + Duration::from_secs(6);
        assert_eq!(verdict(&all, fault), Verdict::Passes(Duration::from_millis(2100)));
    }
}
