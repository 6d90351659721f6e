//! `portal`: the guichet, where vendors, bodies and laboratories come, and the conformance suite that software sits through the gateway.
//!
//! Responsible for: what a person may ask for at the guichet ([`guichet`]), sittings (one per sandbox credential), which faults are due, judging with [`dmp_conformance`], and the
//! suite's signature over the result. What software exchanges is recorded by the gateway, which asks here.
//! Not responsible for: who it is that speaks (gateway), what a result or a review is worth (`dmp-homologation`, the operator). It keeps
//! nothing: what was asked for is in custom resources, a sitting ends with its process, and is sat again.

mod acts;
mod affected;
mod app;
mod cluster;
mod config;
pub mod guichet;
pub mod population;
pub mod reenroll;
mod registry;
mod routes;
pub mod sandbox_people;
mod signatory;
mod sittings;
mod waiting;
mod watchers;

use std::path::Path;
use std::time::Duration;

use dmp_core::config::{ENV_PREFIX, load};
use dmp_core::service::Service;
use dmp_keys::Client;
use dmp_keys::identity::{self, Names};
use tokio_util::sync::CancellationToken;

use acts::ActLog;
use affected::Affected;
use app::App;
use cluster::Cluster;
use config::Config;
use registry::Registry;

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
    #[error("the API server's address or credentials cannot be found")]
    Kubernetes(#[from] kube::Error),
    #[error("TLS cannot be set up")]
    Tls(#[from] dmp_core::tls::TlsError),
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
    let client = match config.portal.cluster {
        true => Some(kube::Client::try_default().await?),
        false => None,
    };
    let registry = Registry::new(&identity, config.portal.registry_url.as_deref())?;
    let acts = ActLog::new(&identity, config.portal.audit_url.as_deref())?;
    let affected = Affected::new(&identity, config.portal.audit_url.as_deref())?;
    let app = App::new(
        &config.service.domain,
        &config.service.issuer(),
        openbao,
        Cluster::new(client),
        registry,
        acts,
        affected,
    )?;
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
