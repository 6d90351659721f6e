//! What a homologation is worth: signatures, who counts, and the state that follows.

#![allow(clippy::unwrap_used)]

mod quorum;
mod signatures;
mod standing;
mod world;
