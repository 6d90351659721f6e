//! How the software behaves where a rule of the platform leaves it a choice to get it wrong.
//!
//! The default is the good behaviour, and all that a reader needs: nothing is added to a request, nothing is asked
//! that was not meant. [`crate::defect`] changes single habits, to prove that the conformance suite notices.

use std::time::Duration;

use crate::call::{Call, Operation};
use crate::connection::Reply;
use crate::retry::{Reaction, Trouble};
use crate::token::TokenExchange;

#[derive(Clone, Copy)]
pub struct Habits {
    pub patience: Patience,
    /// How often a document is fetched while it does not have the hash that is listed.
    pub fetches: u32,
    /// Reactions that differ from [`Trouble::reaction`].
    pub exceptions: &'static [(Operation, Trouble, Reaction)],
    /// An operation that is tried without a token until one is asked for.
    pub without_token: Option<Operation>,
    /// Last touch to a request before its first attempt.
    pub before_sending: fn(&mut Call),
    /// Last touch to a request before it is repeated.
    pub before_repeating: fn(&mut Call, Trouble),
    /// What is asked next, once a request has its answer.
    pub afterwards: fn(&mut TokenExchange, &Call, &Reply) -> Option<Call>,
}

/// How long the software tries.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Attempts of one request, the first included.
    pub attempts: u32,
    /// Pause before the first repetition when the platform asks for none; doubled each time.
    pub first_pause: Duration,
    /// A longer wait is left to whoever gave the task.
    pub longest_wait: Duration,
    /// The whole task.
    pub whole: Duration,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            patience: Patience {
                attempts: 5,
                first_pause: Duration::from_millis(500),
                longest_wait: Duration::from_secs(20),
                whole: Duration::from_secs(55),
            },
            fetches: 3,
            exceptions: &[],
            without_token: None,
            before_sending: |_| {},
            before_repeating: |_, _| {},
            afterwards: |_, _, _| None,
        }
    }
}

impl Habits {
    /// What is done about a trouble.
    pub fn reaction(&self, operation: Operation, trouble: Trouble) -> Reaction {
        self.exceptions
            .iter()
            .find(|(of, on, _)| (*of, *on) == (operation, trouble))
            .map_or_else(|| trouble.reaction(), |(_, _, reaction)| *reaction)
    }
}
