//! Whether a request is repeated, and when. Pure: it neither waits nor sends.
//!
//! | answer | what is done |
//! |---|---|
//! | none, 502, 503, 504 | the platform may have done it: the *same* request again, after a growing pause |
//! | 503, 429 with `Retry-After` | the same request again, not sooner than that |
//! | 401 | a new token, once, and the same request with it |
//! | 403 | nothing: nobody may be made to hear why, and there is no other way |
//! | 400, 409, 412, 422 … | nothing: the same would be answered the same |
//!
//! Every request of this software may be repeated: searches and retrievals change nothing, a feed says what is so, and
//! a submission keeps its unique id, by which the platform knows it again.

use std::time::Duration;

use reqwest::StatusCode;

use crate::call::Operation;
use crate::connection::Reply;
use crate::habits::Habits;

/// Why a request did not do what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No whole answer.
    Lost,
    /// A part of the platform cannot be reached.
    Unavailable,
    /// The same, with the time after which to ask again.
    Busy,
    /// More requests than are allowed.
    TooMany,
    /// No token, or one that is not valid any more.
    NotAuthenticated,
    Refused,
    Conflict,
    PreconditionFailed,
    /// Whatever else is not a success.
    NotAccepted,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    WaitAsTold,
    Pause,
    NewToken,
    Stop,
    /// Never right.
    RepeatAtOnce,
}

impl Trouble {
    /// `None` when there is none.
    pub fn of(answer: &reqwest::Result<Reply>) -> Option<Self> {
        let Ok(reply) = answer else {
            return Some(Self::Lost);
        };
        match reply.status {
            status if status.is_success() => None,
            StatusCode::SERVICE_UNAVAILABLE if reply.retry_after.is_some() => Some(Self::Busy),
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Some(Self::Unavailable)
            }
            StatusCode::TOO_MANY_REQUESTS => Some(Self::TooMany),
            StatusCode::UNAUTHORIZED => Some(Self::NotAuthenticated),
            StatusCode::FORBIDDEN => Some(Self::Refused),
            StatusCode::CONFLICT => Some(Self::Conflict),
            StatusCode::PRECONDITION_FAILED => Some(Self::PreconditionFailed),
            _ => Some(Self::NotAccepted),
        }
    }

    /// The right reaction.
    pub const fn reaction(self) -> Reaction {
        match self {
            Self::Busy | Self::TooMany => Reaction::WaitAsTold,
            Self::Lost | Self::Unavailable => Reaction::Pause,
            Self::NotAuthenticated => Reaction::NewToken,
            Self::Refused | Self::Conflict | Self::PreconditionFailed | Self::NotAccepted => Reaction::Stop,
        }
    }
}

/// What follows an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The answer stands.
    Enough,
    RepeatAfter(Duration),
    RepeatWithNewToken,
    /// The platform asks for more patience than a task has.
    TooLong(Duration),
}

/// The attempts of one request.
pub struct Attempts<'a> {
    habits: &'a Habits,
    operation: Operation,
    made: u32,
    renewed: bool,
}

impl<'a> Attempts<'a> {
    pub const fn new(habits: &'a Habits, operation: Operation) -> Self {
        Self {
            habits,
            operation,
            made: 0,
            renewed: false,
        }
    }

    /// `told` is the platform's `Retry-After`; `jitter` keeps a thousand clients from coming back in one instant.
    pub fn after(&mut self, trouble: Trouble, told: Option<Duration>, jitter: Duration) -> Next {
        self.made += 1;
        let patience = &self.habits.patience;
        if self.made >= patience.attempts {
            return Next::Enough;
        }
        let pause = patience.first_pause * 2_u32.saturating_pow(self.made - 1);
        let wait = match self.habits.reaction(self.operation, trouble) {
            Reaction::Stop => return Next::Enough,
            Reaction::NewToken if self.renewed => return Next::Enough,
            Reaction::NewToken => {
                self.renewed = true;
                return Next::RepeatWithNewToken;
            }
            Reaction::RepeatAtOnce => return Next::RepeatAfter(Duration::ZERO),
            Reaction::WaitAsTold => told.unwrap_or(pause),
            Reaction::Pause => pause,
        };
        if wait > patience.longest_wait {
            return Next::TooLong(wait);
        }
        Next::RepeatAfter(wait + jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: Duration = Duration::from_secs(2);

    fn next(trouble: Trouble, told: Option<Duration>) -> Next {
        Attempts::new(&Habits::default(), Operation::Submit).after(trouble, told, Duration::from_millis(3))
    }

    #[test]
    fn waits_at_least_as_long_as_told() {
        for trouble in [Trouble::Busy, Trouble::TooMany] {
            assert_eq!(
                next(trouble, Some(TOLD)),
                Next::RepeatAfter(Duration::from_millis(2003))
            );
        }
        let hour = Duration::from_secs(3600);
        assert_eq!(next(Trouble::Busy, Some(hour)), Next::TooLong(hour));
    }

    #[test]
    fn what_was_refused_is_not_repeated() {
        for trouble in [
            Trouble::Refused,
            Trouble::Conflict,
            Trouble::PreconditionFailed,
            Trouble::NotAccepted,
        ] {
            assert_eq!(next(trouble, Some(TOLD)), Next::Enough, "{trouble:?}");
        }
    }

    #[test]
    fn a_token_is_renewed_once_and_pauses_grow_until_the_last_attempt() {
        let habits = Habits::default();
        let mut attempts = Attempts::new(&habits, Operation::List);
        let mut after = |trouble| attempts.after(trouble, None, Duration::ZERO);
        assert_eq!(after(Trouble::NotAuthenticated), Next::RepeatWithNewToken);
        assert_eq!(
            after(Trouble::Lost),
            Next::RepeatAfter(Duration::from_millis(1000))
        );
        assert_eq!(
            after(Trouble::Unavailable),
            Next::RepeatAfter(Duration::from_millis(2000))
        );
        assert_eq!(after(Trouble::NotAuthenticated), Next::Enough);
        assert_eq!(after(Trouble::Lost), Next::Enough);
    }
}
