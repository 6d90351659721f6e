//! How old the keys in OpenBao are, and whether anybody could take one out or away.
//!
//! The replica that leads lists the `transit` keys of the national plane and of every group that has one ([`read`]), with a
//! log-in that sees metadata and can use none of them (`manifests/openbao/policies/key-metadata.policy`); [`run`] does so every
//! hour and leaves it for the evaluator ([`dmp_api::key_custody`]), which judges it by `DMP-CRY-04`.
//!
//! Not here: rotation and destruction, which no kind does yet; keys of databases and of nodes, which are not in OpenBao; the
//! key spaces of groups that were retired.

mod read;
mod run;

pub use read::{Error, look};
pub use run::{leave, run};
