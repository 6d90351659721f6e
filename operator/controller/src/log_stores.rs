//! How far back the platform's logs reach in their second copy.
//!
//! `audit` keeps a copy of every log and answers what is stored of one ([`dmp_client::kept`]). The replica that leads asks for the log
//! of each national service and of every group that has a plane, part by part until all entries were looked through ([`read`]);
//! [`run`] does so every hour and leaves it for the evaluator ([`dmp_api::log_stores`]), which judges it by `DMP-LOG-01`.
//!
//! Not here: the logs where they are written, of which these are copies; logs of groups that were retired; the API server's audit log,
//! lines of containers and OpenBao's audit log, which are files that no part of the platform reads.

mod read;
mod run;

pub use read::{Error, look};
pub use run::{leave, run};
