//! `portal`: the guichet. So far: the conformance suite that software sits through the gateway.
//!
//! Responsible for: sittings (one per sandbox credential), which faults are due, judging with [`dmp_conformance`], and the
//! suite's signature over the result. What software exchanges is recorded by the gateway, which asks here.
//! Not responsible for: who may speak (gateway), what a result is worth (`dmp-homologation`, the operator). It keeps nothing:
//! a sitting ends with its process, and is sat again.

mod app;
mod config;
mod routes;
mod signatory;
mod sittings;
mod watchers;

use std::path::Path;
use std::time::Duration;

use dmp_core::config::{ENV_PREFIX, load};
use dmp_core::service::Service;
use dmp_keys::Client;
use dmp_keys::identity::{self, Names};
use tokio_util::sync::CancellationToken;

use app::App;
use config::Config;

/// Between two looks for sittings that nobody ended.
const SWEEP: Duration = Duration::from_secs(60);

/// Why the service did not start or ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Config(#[from] dmp_core::config::ConfigError),
    #[error(transparent)]
    Service(#[from] dmp_core::service::ServiceError),
    #[error(transparent)]
    OpenBao(#[from] dmp_keys::openbao::Error),
    #[error("the service has no identity")]
    Identity(#[from] dmp_keys::identity::IdentityError),
    #[error("the conformance suite is damaged")]
    Suite(#[from] dmp_conformance::suite::SuiteError),
}

/// Runs the service until SIGTERM.
///
/// # Errors
/// [`RunError`].
pub async fn run(config_path: &Path) -> Result<(), RunError> {
    let config: Config = load(config_path, ENV_PREFIX)?;
    let service = Service::start(&config, &config.service).await?;
    let openbao = Client::root(&config.service.openbao)?;
    let names = Names::of_service(&config.service);
    let identity = identity::of_service(&service, &config.service, names, &openbao).await?;
    let app = App::new(&config.service.domain, openbao)?;
    service.spawn(sweep(app.clone(), service.shutdown()));
    service.run(&identity, routes::router(app)).await?;
    Ok(())
}

async fn sweep(app: App, shutdown: CancellationToken) {
    while shutdown
        .run_until_cancelled(tokio::time::sleep(SWEEP))
        .await
        .is_some()
    {
        app.forget_idle();
    }
}
