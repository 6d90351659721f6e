//! What can keep a task from being done, and what to do about it. Nothing here speaks of a person.

use std::path::PathBuf;

use crate::call::Operation;

pub type Result<T> = std::result::Result<T, SolutionError>;

#[derive(Debug, thiserror::Error)]
pub enum SolutionError {
    #[error("the task is not readable ({0}); write it as one JSON object on the standard input")]
    Task(String),
    #[error("the task is larger than {0} MiB; give a smaller document")]
    TaskTooLarge(usize),
    #[error("the action `{0}` is not known; use register, find, publish or read")]
    UnknownAction(String),
    #[error("the task has no usable `{0}`; add it, or let the bench write the task")]
    Missing(&'static str),
    #[error("`gateway` must be an https:// URL without path; take it from the sandbox's page")]
    Gateway,
    #[error("the file `{}` cannot be read; let `{field}` of the task name a PEM file that exists", path.display())]
    File {
        field: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("`ca` or `identity` cannot be used; each is PEM, `identity` the certificate chain and its key")]
    Certificates(#[source] reqwest::Error),
    #[error("no answer to {}; check `gateway` and `ca`, then run the task again", .operation.transaction())]
    NoAnswer {
        operation: Operation,
        source: reqwest::Error,
    },
    #[error("the platform answers {status} to {}; run the task again later", .operation.transaction())]
    NotNow { operation: Operation, status: u16 },
    #[error("the platform asks for {seconds} s of patience on {}; run the task again after that", .operation.transaction())]
    ComeBackLater { operation: Operation, seconds: u64 },
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the answer to {} is not understood: {what}; report it to the platform", .operation.transaction())]
    NotUnderstood {
        operation: Operation,
        what: &'static str,
    },
    #[error(
        "{0} documents do not have the hash that is listed, also when fetched again; report it to the platform"
    )]
    WrongDocuments(usize),
    #[error("the program cannot start its runtime; look at the limits of the machine")]
    Runtime(#[source] std::io::Error),
    #[error("the task took longer than {0} s; run it again")]
    OutOfTime(u64),
}

/// The platform's no, which is an answer: it is not argued with.
#[derive(Debug, thiserror::Error)]
#[error("the platform answers {status} {code} to {}; correct what it names before asking again", .operation.transaction())]
pub struct Refusal {
    pub operation: Operation,
    pub status: u16,
    /// The stable code of the answer; empty when it has none.
    pub code: String,
}
