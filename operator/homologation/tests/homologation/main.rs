//! What a homologation is worth: signatures, who counts, the state that follows, and what the public gets of it.

#![allow(clippy::unwrap_used)]

mod bad_input;
mod carried;
mod catalogue;
mod documentation;
mod feed;
mod images;
mod installation;
mod inventory;
mod label;
mod lift;
mod non_conformity;
mod platform_key;
mod quorum;
mod renewal;
mod signatures;
mod standing;
mod system;
mod world;
