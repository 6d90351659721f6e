//! What every listener of the platform offers on the wire: versions of TLS, its certificates, whether it wants a client's.
//!
//! The replica that leads opens connections as anybody could who gets through the network: without a certificate, without a
//! token, sending nothing after the handshake. [`targets`] says to whom, from the Services that are there; [`probe`] asks
//! one, with [`handshake`] (rustls, 1.3 and 1.2) and [`hello`] (the first message of 1.0 to 1.2, by hand); [`memory`]
//! says when, and what all of it is together; [`run`] leaves it for the evaluator ([`dmp_api::tls_probe`]), which judges
//! it by `DMP-CRY-06`. No reconciliation probes anything.
//!
//! Not here: what is in front of the gateway, the API server and kubelets, and the receiver of the API server's audit
//! events, whose authority only the API server knows.

mod handshake;
mod hello;
mod memory;
mod probe;
mod run;
mod targets;

#[cfg(test)]
mod tests;

pub use run::{leave, run};
pub use targets::{Target, find};
