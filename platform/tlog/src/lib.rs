//! A service's tamper-evident log: a Merkle tree in the service's own PostgreSQL, in the formats of C2SP
//! (`tlog-tiles`, `tlog-checkpoint`, `signed-note`).
//!
//! In scope: the leaf and its salted commitment, the encrypted body beside it, appending inside the caller's
//! transaction, sequencing, tiles, signed checkpoints, proofs, the check of everything from the raw leaves
//! ([`Log::fsck`]), and the two routes the audit service pulls.
//! Out of scope: what an event means, who may read it, witnesses, and reading a body back (a service cannot:
//! only `audit` may unwrap the data keys).
//!
//! ```text
//!  caller's transaction          sequencer (one replica at a time)                 audit
//!  append ─► tlog_pending ─► integrate: tlog_entry + tlog_tile + tlog_tree ─►
//!                            publish: sign the committed root ─► tlog_checkpoint ─► GET /v1/log/…
//! ```
//!
//! An entry is durable when the caller's transaction has committed: a read is answered after that, never before.
//! Integrating and signing are two transactions in this order, so that only a committed tree is ever signed and a
//! crash between them costs a moment, never a second history.

pub mod checkpoint;
pub mod leaf;
pub mod openbao;
pub mod tiles;

mod fsck;
mod log;
mod routes;
mod sequencer;
mod store;

pub use fsck::{Finding, FsckReport};
pub use log::{BodyKeys, BodyKeysError, Log, LogError, NewBodyKey};
pub use routes::routes;
pub use sequencer::Progress;
pub use tlog_tiles::Hash;
