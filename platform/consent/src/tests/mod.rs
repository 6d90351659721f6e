//! The service on a real PostgreSQL and a real OpenBao, behind mTLS; the registry is a stand-in that knows pseudonyms.
#![allow(clippy::unwrap_used)]

mod access;
mod facts;
mod plaintext;
mod world;
