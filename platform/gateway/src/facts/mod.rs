//! What the operator says, held fresh: credentials, groups, revocations, issuers.
//!
//! [`store`] holds the newest accepted facts and knows their age; [`signed`] checks a line's signature;
//! [`credentials`] puts it together with its shards; [`seen`] remembers the highest number across restarts; [`stream`] is the client of `GET /v2/facts/stream`.
//! Nothing here talks to the Kubernetes API: a gateway has no right on it. Who may pass is decided in `edge`.

pub mod credentials;
pub mod seen;
pub mod signed;
pub mod store;
pub mod stream;

#[cfg(test)]
mod tests;

pub use credentials::Credentials;
pub use store::{FactsStore, Snapshot, Stale};
