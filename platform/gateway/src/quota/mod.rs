//! Quotas: how fast one key may work, whoever holds it. A security control: a stolen certificate or a program gone wild is held to a
//! pace, so that there is time to revoke it, and takes nobody else's place. It does not keep it from reading.
//!
//! [`bucket`] is the arithmetic, [`table`] keeps the buckets, here is what counts against what. Software is counted at every request,
//! before any work is done for it ([`crate::edge::admission_layer`]): at its credential, then with the credentials of its kind at its
//! establishment. The person is counted once the token is verified ([`crate::edge::person`]). What a limit refuses has counted at those
//! asked before it, never at those after it.
//!
//! Every process of the gateway counts for itself and forgets with its end: the platform lets through at least a limit, at most that
//! times its gateways. Not here: what the limits are ([`dmp_client::quota`], `Platform.spec.gateway.quotas`).
//!
//! Own code rather than the crate `governor`: that has one rate for all keys of a limiter (its issue 193), no bound on their number, its
//! clock inside, and ten crates more; the algorithm is ten lines.

mod bucket;
mod table;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use dmp_client::facts::Credential;
use dmp_client::quota::{Quotas, Rate};
use dmp_core::ids::PatientId;
use dmp_core::token::Person;

use crate::failure::Failure;
use crate::metrics;
use bucket::Speed;

pub(crate) use table::{Refused, Table};

/// One log line per credential in this time.
const NOTICE: Speed = Speed::new(60_000_000_000, 1);

/// What a request was counted against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Credential,
    Establishment,
    Person,
    /// Everybody without a log-in, at the guichet.
    Public,
}

impl Limit {
    pub const ALL: [Self; 4] = [Self::Credential, Self::Establishment, Self::Person, Self::Public];

    /// For metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Establishment => "establishment",
            Self::Person => "person",
            Self::Public => "public",
        }
    }

    /// Whom it limits, for people.
    pub const fn subject(self) -> &'static str {
        match self {
            Self::Credential => "this credential",
            Self::Establishment => "the credentials of this kind at the establishment together",
            Self::Person => "one person, through all software,",
            Self::Public => "all who have not logged in together",
        }
    }
}

/// Whose bucket.
#[derive(Hash)]
enum Key<'a> {
    Credential(&'a str),
    /// Realm, INPE and product kind: a laboratory's software does not take the place of the hospital's, nor a sandbox that of
    /// the place whose number it uses.
    Establishment(Option<&'a str>, &'a str, &'a str),
    /// Realm and INPE.
    Professional(Option<&'a str>, &'a str),
    Patient(PatientId),
    Notice(&'a str),
}

/// The limits in force and what is left of them.
pub struct Counters {
    quotas: Quotas,
    table: Table,
    start: Instant,
}

impl Counters {
    /// All buckets full at `start`; no time before it is understood.
    pub fn new(quotas: Quotas, start: Instant) -> Self {
        metrics::quotas_are_counted();
        Self {
            quotas,
            table: Table::new(table::MOST),
            start,
        }
    }

    /// Counts a request of admitted software.
    ///
    /// # Errors
    /// [`Failure::TooMany`]; [`Failure::Unavailable`] when the process has no memory for more buckets.
    pub fn software(&self, credential: &Credential, now: Instant) -> Result<(), Failure> {
        let limits = self.quotas.of(&credential.kind);
        let key = Key::Credential(&credential.name);
        self.count(credential, Limit::Credential, &key, limits.credential, now)?;
        let Some(inpe) = &credential.establishment else {
            return Ok(());
        };
        let key = Key::Establishment(credential.realm.as_deref(), inpe, &credential.kind);
        self.count(credential, Limit::Establishment, &key, limits.establishment, now)
    }

    /// Counts a request of the person behind it.
    ///
    /// # Errors
    /// As [`Counters::software`].
    pub fn person(&self, credential: &Credential, person: &Person, now: Instant) -> Result<(), Failure> {
        let key = match person {
            Person::Professional { inpe, .. } => Key::Professional(credential.realm.as_deref(), inpe),
            Person::Patient { id } => Key::Patient(*id),
            Person::Directory => return Ok(()),
        };
        let rate = self.quotas.of(&credential.kind).person;
        self.count(credential, Limit::Person, &key, rate, now)
    }

    fn count(
        &self,
        credential: &Credential,
        limit: Limit,
        key: &Key<'_>,
        rate: Option<Rate>,
        now: Instant,
    ) -> Result<(), Failure> {
        let Some(rate) = rate else { return Ok(()) };
        let at = self.nanoseconds(now);
        match self.table.take(key, rate.into(), at) {
            Ok(()) => Ok(()),
            Err(Refused::Wait(wait)) => {
                if self.is_news(&credential.name, at) {
                    tracing::warn!(
                        credential = credential.name,
                        limit = limit.as_str(),
                        "more requests than the quota allows; said once a minute"
                    );
                }
                Err(Failure::TooMany {
                    limit,
                    rate,
                    seconds: seconds(wait),
                })
            }
            Err(Refused::Full) => {
                metrics::quota_memory();
                Err(Failure::unavailable("gateway"))
            }
        }
    }

    /// Whether nothing was logged of this credential within the last minute.
    fn is_news(&self, credential: &str, at: u64) -> bool {
        self.table.take(&Key::Notice(credential), NOTICE, at).is_ok()
    }

    fn nanoseconds(&self, now: Instant) -> u64 {
        nanoseconds(self.start, now)
    }
}

/// A moment on the clock of a table's buckets, which begins at `start`.
pub(crate) fn nanoseconds(start: Instant, now: Instant) -> u64 {
    let since = now.saturating_duration_since(start);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Whole seconds after which a request passes: never too early, at least one.
pub(crate) fn seconds(nanoseconds: u64) -> u64 {
    const SECOND: u64 = Duration::from_secs(1).as_nanos() as u64;
    nanoseconds.div_ceil(SECOND).max(1)
}
