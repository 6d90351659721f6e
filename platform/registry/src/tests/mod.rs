//! The service on a real PostgreSQL and a real OpenBao, behind mTLS.
#![allow(clippy::unwrap_used)]

mod access;
mod directory;
mod identify;
mod patients;
mod plaintext;
mod population;
mod pseudonyms;
mod realms;
mod shared_data;
mod world;
