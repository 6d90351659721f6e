//! Asking the platform: a token first, then the request, repeated as `retry` says, until there is an answer.

use std::time::Duration;

use reqwest::StatusCode;
use uuid::Uuid;

use crate::call::{Call, Operation};
use crate::connection::{Connection, Reply};
use crate::error::{Result, SolutionError};
use crate::habits::Habits;
use crate::retry::{Attempts, Next, Trouble};
use crate::token::TokenExchange;

/// One professional at work with the software.
pub struct Session {
    connection: Connection,
    exchange: TokenExchange,
    habits: Habits,
}

impl Session {
    pub const fn new(connection: Connection, exchange: TokenExchange, habits: Habits) -> Self {
        Self {
            connection,
            exchange,
            habits,
        }
    }

    pub const fn habits(&self) -> &Habits {
        &self.habits
    }

    /// The answer to `call`, a success.
    ///
    /// # Errors
    /// [`SolutionError::Refused`] when the platform says no, another one when it says nothing that lasts.
    pub async fn ask(&mut self, mut call: Call) -> Result<Reply> {
        (self.habits.before_sending)(&mut call);
        let mut reply = self.persist(&mut call).await?;
        if let Some(mut next) = (self.habits.afterwards)(&mut self.exchange, &call, &reply) {
            reply = self.persist(&mut next).await?;
        }
        if reply.status.is_success() {
            Ok(reply)
        } else {
            Err(reply.refusal().into())
        }
    }

    /// The answer that stands, success or not.
    async fn persist(&mut self, call: &mut Call) -> Result<Reply> {
        let habits = self.habits;
        let mut token = None;
        if habits.without_token != Some(call.operation) {
            token = Some(self.token().await?);
        }
        let mut attempts = Attempts::new(&habits, call.operation);
        loop {
            let answer = self.connection.send(call, token.as_deref()).await;
            let Some(trouble) = Trouble::of(&answer) else {
                return settle(call.operation, answer);
            };
            match attempts.after(trouble, told(&answer), jitter()) {
                Next::Enough => return settle(call.operation, answer),
                Next::TooLong(wait) => return Err(too_long(call.operation, wait)),
                Next::RepeatAfter(wait) => tokio::time::sleep(wait).await,
                Next::RepeatWithNewToken => {
                    self.exchange.forget();
                    token = Some(self.token().await?);
                }
            }
            (habits.before_repeating)(call, trouble);
        }
    }

    /// The token in use, or a new one.
    async fn token(&mut self) -> Result<String> {
        if let Some(token) = self.exchange.current() {
            return Ok(token);
        }
        let call = self.exchange.call();
        let mut attempts = Attempts::new(&self.habits, Operation::Token);
        loop {
            let answer = self.connection.send(&call, None).await;
            let Some(trouble) = Trouble::of(&answer) else {
                return self.exchange.take(&settle(Operation::Token, answer)?.json());
            };
            match attempts.after(trouble, told(&answer), jitter()) {
                Next::RepeatAfter(wait) => tokio::time::sleep(wait).await,
                Next::TooLong(wait) => return Err(too_long(Operation::Token, wait)),
                // No token gets the software a token.
                Next::Enough | Next::RepeatWithNewToken => {
                    return Err(settle(Operation::Token, answer)?.refusal().into());
                }
            }
        }
    }
}

/// The answer when it is one, an error when the platform could do it another time.
fn settle(operation: Operation, answer: reqwest::Result<Reply>) -> Result<Reply> {
    let reply = answer.map_err(|source| SolutionError::NoAnswer {
        operation,
        source: source.without_url(),
    })?;
    if reply.status.is_server_error() || reply.status == StatusCode::TOO_MANY_REQUESTS {
        let status = reply.status.as_u16();
        return Err(SolutionError::NotNow { operation, status });
    }
    Ok(reply)
}

fn told(answer: &reqwest::Result<Reply>) -> Option<Duration> {
    answer.as_ref().ok()?.retry_after
}

const fn too_long(operation: Operation, wait: Duration) -> SolutionError {
    SolutionError::ComeBackLater {
        operation,
        seconds: wait.as_secs(),
    }
}

/// Up to a quarter of a second.
fn jitter() -> Duration {
    Duration::from_millis(u64::from(Uuid::new_v4().as_bytes()[0]))
}
