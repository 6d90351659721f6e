//! The service against real parts: PostgreSQL, OpenBao, logs of dmp-tlog behind mTLS.
#![allow(clippy::unwrap_used)]

mod acts;
mod affected;
mod broken;
mod copy;
mod kept;
mod run;
mod support;
mod trail;
