//! ITI-65: from the Bundle that was sent to what is to be stored and answered. Pure: no I/O, no key.

mod answer;
mod content;
mod error;
mod plan;
mod rewrite;
#[cfg(test)]
mod tests;

pub(crate) use answer::{answer, superseded};
pub(crate) use content::content_digest;
pub(crate) use error::SubmissionError;
pub(crate) use plan::{Plan, Target};
