//! All buckets, by key, in bounded memory.
//!
//! A key is kept as 128 bits of a keyed hash (SipHash, random per process): no identifier of a person stays in memory, a bucket costs
//! about 40 bytes whatever its name, and looking one up allocates nothing. Keys come from admitted software and verified tokens
//! only, so nobody fills the table with names of his own.

use std::array;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

use super::bucket::{self, Speed};

/// Locks, so that requests rarely wait for each other.
const SHARDS: usize = 16;
/// Buckets that are not full, of all shards: about 10 MiB. It takes over 200,000 people and credentials at work within seconds.
pub const MOST: usize = 1 << 18;
/// The shortest time between two searches of a shard for full buckets, in nanoseconds.
const SWEEP: u64 = 1_000_000_000;

/// Why a request does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its bucket is empty; after so many nanoseconds it passes.
    Wait(u64),
    /// There is no room for another bucket.
    Full,
}

/// Buckets by key. Times are nanoseconds on one clock of the caller's.
pub struct Table {
    shards: [Mutex<Shard>; SHARDS],
    hashers: [RandomState; 2],
    most_per_shard: usize,
}

#[derive(Default)]
struct Shard {
    /// The moment at which each bucket is full.
    buckets: HashMap<u128, u64>,
    swept: u64,
}

impl Table {
    /// For at most `most` buckets.
    pub fn new(most: usize) -> Self {
        Self {
            shards: array::from_fn(|_| Mutex::default()),
            hashers: array::from_fn(|_| RandomState::new()),
            most_per_shard: most.div_ceil(SHARDS),
        }
    }

    /// Takes a request from the bucket of `key`.
    ///
    /// # Errors
    /// [`Refused`]: nothing was taken.
    pub fn take(&self, key: &impl Hash, speed: Speed, now: u64) -> Result<(), Refused> {
        let [high, low] = self.hashers.each_ref().map(|hasher| hasher.hash_one(key));
        let Some(shard) = self.shards.get(low as usize % SHARDS) else {
            return Err(Refused::Full);
        };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let key = u128::from(high) << 64 | u128::from(low);
        if let Some(full_at) = shard.buckets.get_mut(&key) {
            *full_at = bucket::take(*full_at, now, speed).map_err(Refused::Wait)?;
            return Ok(());
        }
        let full_at = bucket::take(0, now, speed).map_err(Refused::Wait)?;
        shard.sweep(now);
        if shard.buckets.len() >= self.most_per_shard {
            return Err(Refused::Full);
        }
        shard.buckets.insert(key, full_at);
        Ok(())
    }

    /// Buckets that are kept.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        let lock = |shard: &Mutex<Shard>| shard.lock().map_or(0, |shard| shard.buckets.len());
        self.shards.iter().map(lock).sum()
    }
}

impl Shard {
    /// Forgets full buckets, now and then.
    fn sweep(&mut self, now: u64) {
        if now.saturating_sub(self.swept) >= SWEEP {
            self.buckets.retain(|_, full_at| *full_at > now);
            self.swept = now;
        }
    }
}
