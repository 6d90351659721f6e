//! What a homologation is worth: signatures, who counts, the state that follows, and what the public gets of it.

#![allow(clippy::unwrap_used)]

mod catalogue;
mod feed;
mod label;
mod platform_key;
mod quorum;
mod signatures;
mod standing;
mod world;
