//! `registry`: who a patient is, which pseudonyms she has, where her record is, and who the professionals are.
//!
//! Responsible for: patients by identifier (PIXm ITI-104 feed, PDQm ITI-78 search), never two for one identifier
//! however many clients race; random pseudonyms per domain; the record locator; the directory of professionals and
//! establishments (mCSD).
//! At rest there are HMAC tokens of identifiers, and Patients and pseudonyms sealed under a key per patient that the
//! registry's own key wraps; only the directory, public data, is in clear.
//! Every sandbox has people and a directory of its own ([`realm`]): they are strangers to each other and to the nation.
//! Not responsible for: matching of people who share no identifier, consent, documents, tokens.

mod act;
mod app;
mod config;
mod identifiers;
mod realm;
mod routes;
mod store;
#[cfg(test)]
mod tests;
mod update;

use std::path::Path;
use std::time::Duration;

use dmp_core::config::{ENV_PREFIX, load};
use dmp_core::db;
use dmp_core::problem::Chain;
use dmp_core::service::Service;
use dmp_keys::Client;
use dmp_keys::identity::{self, Names};
use tokio_util::sync::CancellationToken;

use app::{App, Parts};
use config::Config;
use store::identities;

/// Between two looks for pseudonyms that are not indexed.
const IDLE: Duration = Duration::from_secs(5);

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
    service.health().add_database("database", &pool);
    let parts = Parts {
        domain: config.service.domain.clone(),
        trust,
        pool,
        root,
    };
    let app = App::open(parts).await?;
    service.spawn(app.log.clone().run(service.shutdown()));
    service.spawn(index_pseudonyms(app.clone(), service.shutdown()));
    service.run(&identity, routes::router(app)).await?;
    Ok(())
}

/// Keeps the way back from a pseudonym up to date, until `stop`: what a release without it has left, and what is new.
async fn index_pseudonyms(app: App, stop: CancellationToken) {
    loop {
        let pause = match identities::index_some(&app.pool, &app.kek, &app.index).await {
            Ok(0) => IDLE,
            Ok(_) => Duration::ZERO,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "pseudonyms could not be indexed");
                IDLE
            }
        };
        if stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_none()
        {
            return;
        }
    }
}
