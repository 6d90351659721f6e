//! One token bucket. Pure: the time is an argument.
//!
//! The generic cell rate algorithm (ITU-T I.371): instead of tokens and the moment they were counted, a bucket is one number, the
//! moment at which it will be full again. A request moves that moment on by what one request costs; it is refused when that
//! would be further away than a whole bucket takes to fill. A bucket that is full is the same as none, so it can be forgotten.

use dmp_client::quota::Rate;

const SECOND: u64 = 1_000_000_000;

/// A rate in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    /// What one request costs.
    pub cost: u64,
    /// What an empty bucket takes to fill.
    pub filling: u64,
}

impl Speed {
    /// `burst` requests, each of which is regained after `cost` nanoseconds.
    pub const fn new(cost: u64, burst: u32) -> Self {
        Self {
            cost,
            filling: cost.saturating_mul(burst as u64),
        }
    }
}

impl From<Rate> for Speed {
    /// Rounded so that the rate is never exceeded.
    fn from(rate: Rate) -> Self {
        Self::new(SECOND.div_ceil(rate.per_second.get().into()), rate.burst.get())
    }
}

/// Takes a request from a bucket that is full at `full_at` (0: full); the moment at which it is full after that.
///
/// # Errors
/// The nanoseconds after which the request would pass, if no other came before it. A refusal changes nothing.
pub fn take(full_at: u64, now: u64, speed: Speed) -> Result<u64, u64> {
    let next = full_at.max(now).saturating_add(speed.cost);
    match next.saturating_sub(now.saturating_add(speed.filling)) {
        0 => Ok(next),
        too_early => Err(too_early),
    }
}
