//! The first passes of an operator that takes over: those of objects that were seen through before are spread.
//!
//! When a replica starts to lead, every object is due at once, and the framework takes what is due in no order: a
//! change that somebody makes then would wait behind all of them. An object that another operator has seen through to
//! `Ready` as it is now can wait for its place in a row; one that is new, changed or not ready does not.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// From one place in the row to the next.
const STEP: Duration = Duration::from_millis(100);

/// One kind's row.
#[derive(Debug, Default)]
pub struct Pace(Mutex<Row>);

#[derive(Debug, Default)]
struct Row {
    /// When an object, by its uid, may have its first pass.
    places: HashMap<String, Instant>,
    last: Option<Instant>,
}

impl Pace {
    /// How long an object is to wait; `None`: its pass is due.
    pub fn wait(&self, uid: Option<&str>, converged: bool) -> Option<Duration> {
        let mut row = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        row.wait(uid?, converged, Instant::now())
    }
}

impl Row {
    fn wait(&mut self, uid: &str, converged: bool, now: Instant) -> Option<Duration> {
        if !converged {
            self.places.insert(uid.to_owned(), now);
            return None;
        }
        let place = match self.places.get(uid) {
            Some(place) => *place,
            None => {
                let place = self.last.map_or(now, |last| (last + STEP).max(now));
                self.last = Some(place);
                self.places.insert(uid.to_owned(), place);
                place
            }
        };
        let wait = place.saturating_duration_since(now);
        (!wait.is_zero()).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_through_waits_for_its_place_and_what_was_not_does_not() {
        let (mut row, now) = (Row::default(), Instant::now());
        let places: Vec<_> = ["a", "b", "c"].map(|uid| row.wait(uid, true, now)).into();
        assert_eq!(places, [None, Some(STEP), Some(2 * STEP)]);
        assert_eq!(row.wait("b", true, now), Some(STEP), "one place each");
        assert_eq!(row.wait("c", false, now), None, "it was changed");
        assert_eq!(row.wait("d", false, now), None);
        assert_eq!(row.wait("b", true, now + STEP), None, "its turn");
        assert_eq!(
            row.wait("e", true, now + 60 * STEP),
            None,
            "the row is empty again"
        );
    }
}
