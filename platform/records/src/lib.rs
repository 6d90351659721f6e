//! `records`: the documents of one health group (MHD ITI-65, ITI-67, ITI-68), encrypted per patient.
//!
//! The decision is made here, on every read and every write: the person's token is verified here, the consent facts
//! are asked for each decision, the Cedar policies run in process. A write and its log entry commit in one
//! transaction; a read is answered after its entry is durable; a refusal is logged with its reason and looks the same
//! whatever it was. Nothing that cannot be decided or logged is answered (503).
//!
//! Not here: who a patient is (registry), who opposes (consent), which solution may connect (gateway), keys (dmp-keys).

mod access;
mod app;
mod config;
mod events;
mod public_id;
mod record;
mod routes;
mod search;
mod store;
mod submission;
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
    #[error("the access policies are not usable")]
    Access(#[from] dmp_access::AccessError),
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
    let group = Client::group(&config.service.openbao)?;
    let identity = identity::of_service(
        &service,
        &config.service,
        Names::of_service(&config.service),
        &root,
    )
    .await?;
    let pool = db::connect(&config.database).await?;
    let keystore = db::connect(&config.keystore).await?;
    service.health().add_database("database", &pool);
    service.health().add_database("keystore", &keystore);
    // OpenBao is no check: opened keys last five minutes without it, and what needs it answers 503 by itself.
    let parts = Parts {
        group: config.records.group.clone(),
        domain: config.service.domain.clone(),
        trust,
        pool,
        keystore,
        root,
        keys: group,
        upstream: upstream::Upstream::new(&identity, &config.records)?,
    };
    let app = App::open(parts).await?;
    service.spawn(app.log.clone().run(service.shutdown()));
    service.run(&identity, routes::router(app)).await?;
    Ok(())
}
