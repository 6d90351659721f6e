//! What a homologation is worth: signed statements, who counts, and the state that follows. Pure: no client, no clock.
//!
//! Everything that decides is a *statement*: a JWS (RFC 7515) of a person or a machine of a body, over the hash of a frozen
//! submission. The objects that carry statements may be written by anybody (the guichet writes for everybody): only what
//! [`signed`] accepts is a fact, and [`standing`] computes the state from facts alone.
//!
//! What the public gets of it ([`catalogue`], [`label`], [`feed`]) follows from the same state, and is signed with a key of the platform.
//!
//! Whether the platform itself and its groups may open is [`system`]: another homologation in law, decided by the same means; which
//! machines are a site is [`inventory`], which images may run on it [`images`], and what is known to be wrong with these [`vulnerabilities`].
//!
//! Not here: reading and writing objects (`dmp-operator`), running tests (the conformance suite).

pub mod bodies;
pub mod canonical;
mod carried;
pub mod carrier;
pub mod catalogue;
pub mod change;
pub mod dossier;
pub mod facts;
pub mod feed;
pub mod gates;
pub mod guichet;
pub mod ice;
pub mod images;
pub mod installation;
pub mod inventory;
pub mod jws;
pub mod label;
pub mod lift;
pub mod non_conformity;
pub mod profile;
mod programme;
pub mod quorum;
pub mod renewal;
mod reviews;
pub mod sbom;
pub mod sign;
pub mod signed;
pub mod site;
pub mod standing;
pub mod statement;
mod submission;
pub mod system;
pub mod vulnerabilities;

pub use bodies::Bodies;
pub use dossier::Dossier;
pub use standing::{Standing, standing};
