//! What every service of the platform shares: ids, the token, errors, configuration, TLS identity, the
//! listener, the database pool, health, telemetry and the runner that ties them together.
//!
//! It knows neither OpenBao (`dmp-keys`), nor the services' wire types (`dmp-client`), nor Kubernetes.

pub mod auth;
pub mod config;
pub mod correlation;
pub mod db;
pub mod health;
pub mod ids;
pub mod json;
pub mod metrics;
pub mod peer;
pub mod problem;
pub mod serve;
pub mod service;
pub mod telemetry;
pub mod tls;
pub mod token;
pub mod trust;

/// Makes aws-lc-rs the process's provider of cryptography. Every `main` calls it first; again is harmless.
pub fn install_crypto_provider() {
    let _already_installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
