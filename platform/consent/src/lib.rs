//! `consent`: what the patient said — opposition and care relations — and the facts that decisions rest on.
//!
//! Responsible for: FHIR Consent in two shapes (IHE PCF ITI-108, `dmp_fhir::consent`), written by the patient alone;
//! facts read from committed state in one statement of the primary, without any cache. A change is acknowledged after
//! its commit, so every decision that begins after the acknowledgement sees it. The change and its log entry commit
//! together.
//! Not responsible for: the decision (`dmp-access` in `records`), who a patient is (registry). The store knows
//! pseudonyms of its own domain, HMAC tokens of professionals, and the Consents themselves sealed per patient.

mod app;
mod config;
mod patient;
mod routes;
mod store;
mod term;
#[cfg(test)]
mod tests;
mod upstream;

use std::path::Path;

use dmp_core::config::{ENV_PREFIX, load};
use dmp_core::db;
use dmp_core::service::Service;
use dmp_keys::Client;
use dmp_keys::identity::{self, Names};

use app::{App, Parts};
use config::Config;

/// Why the service did not start or ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Config(#[from] dmp_core::config::ConfigError),
    #[error(transparent)]
    Service(#[from] dmp_core::service::ServiceError),
    #[error(transparent)]
    Database(#[from] dmp_core::db::DatabaseError),
    #[error(transparent)]
    Key(#[from] dmp_keys::KeyError),
    #[error(transparent)]
    OpenBao(#[from] dmp_keys::openbao::Error),
    #[error("the service has no identity")]
    Identity(#[from] dmp_keys::identity::IdentityError),
    #[error("TLS cannot be set up")]
    Tls(#[from] dmp_core::tls::TlsError),
    #[error("the log cannot be opened")]
    Log(#[from] dmp_tlog::LogError),
    #[error("the log's key cannot be used")]
    LogKey(#[from] dmp_tlog::checkpoint::CheckpointError),
}

/// Runs the service until SIGTERM.
///
/// # Errors
/// [`RunError`].
pub async fn run(config_path: &Path) -> Result<(), RunError> {
    let config: Config = load(config_path, ENV_PREFIX)?;
    let service = Service::start(&config, &config.service).await?;
    let trust = service.trust()?;
    let root = Client::root(&config.service.openbao)?;
    let identity = identity::of_service(
        &service,
        &config.service,
        Names::of_service(&config.service),
        &root,
    )
    .await?;
    let pool = db::connect(&config.database).await?;
    let checked = pool.clone();
    service.health().add("database", move || {
        let pool = checked.clone();
        async move { store::facts::on_primary(&pool).await }
    });
    let parts = Parts {
        domain: config.service.domain.clone(),
        trust,
        pool,
        root,
        registry: upstream::Registry::new(&identity, &config.consent.registry_url)?,
    };
    let app = App::open(parts).await?;
    service.spawn(app.log.clone().run(service.shutdown()));
    service.run(&identity, routes::router(app)).await?;
    Ok(())
}
