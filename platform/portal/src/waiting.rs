//! How many requests of one credential wait for the operator at the same time.
//!
//! A request waits for up to 20 s and asks the API server meanwhile: software that sends again without waiting for its answer would
//! keep as many as its quota lets through. Of each process of the portal.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Of one credential: the request, and the one of a connection that was lost.
const MOST: usize = 2;

/// Who waits.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<HashMap<String, usize>>);

/// A place; dropped, it is free.
#[derive(Debug)]
pub(crate) struct Place<'w> {
    waiting: &'w Waiting,
    credential: String,
}

impl Waiting {
    /// A place for a request of this credential; `None` when those before it have all.
    pub(crate) fn enter(&self, credential: &str) -> Option<Place<'_>> {
        let mut held = self.held();
        let own = held.entry(credential.to_owned()).or_default();
        if *own >= MOST {
            return None;
        }
        *own += 1;
        Some(Place {
            waiting: self,
            credential: credential.to_owned(),
        })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut held = self.waiting.held();
        match held.get_mut(&self.credential) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(held.remove(&self.credential)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn two_of_a_credential_wait_and_leave_nothing() {
        let waiting = Waiting::default();
        let first = waiting.enter("vendor-a/chu").unwrap();
        let second = waiting.enter("vendor-a/chu").unwrap();
        assert!(waiting.enter("vendor-a/chu").is_none());
        let other = waiting.enter("vendor-a/clinique").unwrap();
        drop(first);
        let third = waiting.enter("vendor-a/chu").unwrap();
        assert!(waiting.enter("vendor-a/chu").is_none());
        drop((second, third, other));
        assert!(waiting.held().is_empty());
    }
}
