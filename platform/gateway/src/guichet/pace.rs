//! How fast people may ask at the guichet: each person for themselves, and all who have not logged in together.

use std::sync::Arc;
use std::time::Instant;

use dmp_client::guichet::Person;
use dmp_client::quota::Rate;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::failure::Failure;
use crate::quota::{self, Limit, Refused, Table};

/// Of a person: a tool that uploads and polls.
const PERSON: Rate = rate(10, 60);
/// Of everybody without a log-in: the public catalogue.
const PUBLIC: Rate = rate(50, 200);
/// Bodies that are read or passed on at once.
const UPLOADS: usize = 4;
/// People at once.
const MOST: usize = 1 << 14;

const fn rate(per_second: u32, burst: u32) -> Rate {
    match Rate::new(per_second, burst) {
        Some(rate) => rate,
        None => panic!("not zero"),
    }
}

/// The buckets. One of each process of the gateway.
pub struct Pace {
    table: Table,
    uploads: Arc<Semaphore>,
    start: Instant,
}

impl Pace {
    /// All buckets full at `start`.
    pub fn new(start: Instant) -> Self {
        Self {
            table: Table::new(MOST),
            uploads: Arc::new(Semaphore::new(UPLOADS)),
            start,
        }
    }

    /// A place for a body; waits for one.
    pub async fn upload(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.uploads).acquire_owned().await.ok()
    }

    /// Counts a request.
    ///
    /// # Errors
    /// [`Failure::TooMany`]; [`Failure::Unavailable`] when more people are there than there is room for.
    pub fn take(&self, person: Option<&Person>, now: Instant) -> Result<(), Failure> {
        let (limit, rate) = match person {
            Some(_) => (Limit::Person, PERSON),
            None => (Limit::Public, PUBLIC),
        };
        let key = person.map(|person| (&person.issuer, &person.subject));
        let at = quota::nanoseconds(self.start, now);
        match self.table.take(&key, rate.into(), at) {
            Ok(()) => Ok(()),
            Err(Refused::Wait(wait)) => Err(Failure::TooMany {
                limit,
                rate,
                seconds: quota::seconds(wait),
            }),
            Err(Refused::Full) => Err(Failure::unavailable("gateway")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn person(subject: &str) -> Person {
        Person {
            issuer: "https://issuer.test".to_owned(),
            subject: subject.to_owned(),
        }
    }

    #[test]
    fn one_person_takes_nobody_elses_place() {
        let start = Instant::now();
        let pace = Pace::new(start);
        let one = person("one");
        for _ in 0..PERSON.burst.get() {
            assert!(pace.take(Some(&one), start).is_ok());
        }
        let refused = pace.take(Some(&one), start);
        assert!(matches!(
            refused,
            Err(Failure::TooMany {
                limit: Limit::Person,
                seconds: 1,
                ..
            })
        ));
        assert!(pace.take(Some(&person("two")), start).is_ok());
        assert!(pace.take(None, start).is_ok());
        assert!(pace.take(Some(&one), start + Duration::from_secs(1)).is_ok());
    }

    #[test]
    fn who_has_not_logged_in_shares_one_bucket() {
        let start = Instant::now();
        let pace = Pace::new(start);
        let passed = (0..1000).filter(|_| pace.take(None, start).is_ok()).count();
        assert_eq!(passed, PUBLIC.burst.get() as usize);
    }
}
