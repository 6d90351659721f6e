//! The reference solution: a small hospital system that talks to the platform as it should be talked to.
//!
//! Read it from here: a [`task::Task`] is one thing a professional wants done; [`run`] opens the connection with the
//! software's certificate ([`connection`]), exchanges the professional's log-in for a token ([`token`]), and asks the
//! platform ([`session`], with the rules of repeating in [`retry`]). One module per IHE actor says what is asked:
//! [`identity_feed`], [`registry_consumer`], [`document_feeder`], [`document_reader`].
//!
//! [`defect`] is for the conformance suite's own tests: variants that each break one requirement. Nothing else here
//! knows of it; [`habits`] is where it reaches in.

pub mod call;
pub mod connection;
pub mod defect;
mod digest;
pub mod document_feeder;
pub mod document_reader;
pub mod error;
pub mod habits;
pub mod identity_feed;
pub mod registry_consumer;
pub mod report;
pub mod retry;
pub mod session;
pub mod task;
pub mod token;

use connection::Connection;
use error::{Result, SolutionError};
use habits::Habits;
use report::Report;
use session::Session;
use task::{Action, Task};
use token::TokenExchange;

/// Does one task. A refusal by the platform is a report: the software has done what it could.
///
/// # Errors
/// When the task is not usable, or the platform could not be made to answer in time.
pub async fn run(task: &Task, habits: Habits) -> Result<Report> {
    let action = task.action()?;
    let connection = Connection::open(task)?;
    let exchange = TokenExchange::new(task.id_token.clone(), task.purpose.clone());
    let mut session = Session::new(connection, exchange, habits);
    let whole = habits.patience.whole;
    let done = tokio::time::timeout(whole, act(&mut session, action, task)).await;
    match done.map_err(|_| SolutionError::OutOfTime(whole.as_secs()))? {
        Err(SolutionError::Refused(refusal)) => Ok(Report::refused(&refusal)),
        done => done,
    }
}

async fn act(session: &mut Session, action: Action, task: &Task) -> Result<Report> {
    match action {
        Action::Register => identity_feed::register(session, &task.given).await,
        Action::Find => registry_consumer::find(session, &task.given).await,
        Action::Publish => document_feeder::publish(session, &task.given).await,
        Action::Read => document_reader::read(session, &task.given).await,
    }
}
