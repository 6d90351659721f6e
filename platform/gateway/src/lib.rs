//! dmp-gateway: the only way in.
//!
//! Terminates mTLS of homologated software, admits it by the operator's signed facts, exchanges people's log-ins for
//! short tokens, and turns FHIR interactions (IHE ITI-65, 67, 68, 78, 81, 104; PCF; mCSD) into calls of the services.
//! It refuses early and decides nothing about patients: that is done where the data is, from the token.
//!
//! A second listener, without certificates, is the [`guichet`]'s.
//! Path of a request: listener → [`edge::answer`] → [`edge::admission`] → [`quota`] → [`watch`] → `routes/` → [`upstream`].
//! To add an operation: one file in `routes/`, its line in [`routes::router`], one method in `upstream/calls.rs`,
//! and the row in `docs/interfaces.md`.

pub mod config;
pub mod edge;
pub mod facts;
pub mod failure;
pub mod guichet;
mod metrics;
pub mod quota;
pub mod resources;
pub mod routes;
pub mod state;
mod surveillance;
pub mod tokens;
pub mod upstream;
pub mod watch;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use dmp_core::config::ENV_PREFIX;
use dmp_core::serve::{ServeOptions, serve};
use dmp_core::service::{Service, ServiceError};
use dmp_core::tls::{Identity, TlsError};
use dmp_keys::identity::{IdentityError, Names};
use dmp_keys::{Client, Signer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use config::Config;
use facts::seen::{Seen, SeenError};
use facts::stream::Follower;
use facts::{FactsStore, Stale};
use state::Gateway;
use upstream::Upstream;
use upstream::tls::{ClientError, Clients};

/// Between two looks at the products in production.
const PRODUCTS: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the configuration cannot be used")]
    Config(#[from] dmp_core::config::ConfigError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("the facts number cannot be used")]
    Seen(#[from] SeenError),
    #[error("OpenBao cannot be used")]
    OpenBao(#[from] dmp_keys::openbao::Error),
    #[error("the gateway has no certificate")]
    Identity(#[from] IdentityError),
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
    #[error("no client for the operator")]
    Client(#[from] ClientError),
    #[error("cannot listen on `{address}`")]
    Listen {
        address: std::net::SocketAddr,
        #[source]
        source: std::io::Error,
    },
}

/// Runs the gateway until it is told to stop.
///
/// # Errors
/// [`StartError`] when something it cannot do without is missing at the start.
pub async fn run(config_path: &Path) -> Result<(), StartError> {
    let config: Config = dmp_core::config::load(config_path, ENV_PREFIX)?;
    let service = Service::start(&config, &config.service).await?;
    let trust = service.trust()?;
    let openbao = Client::root(&config.service.openbao)?;
    let names = public_names(&config);
    let identity = dmp_keys::identity::of_service(&service, &config.service, names, &openbao).await?;

    let seen = config
        .gateway
        .facts_seen
        .as_deref()
        .map_or_else(Seen::nowhere, Seen::at);
    let facts = Arc::new(FactsStore::new(seen)?);
    let gateway = Gateway::new(
        &config,
        Arc::clone(&facts),
        trust.clone(),
        Upstream::new(&config, identity.clone()),
        Signer::new(openbao, "token"),
    );
    let follower = Follower {
        client: Clients::new(identity.clone()).of(&config.operator())?,
        urls: config.gateway.operator_urls.clone(),
        trust,
        store: Arc::clone(&facts),
    };
    service.spawn(follower.run(service.shutdown()));
    service.spawn(watch::follow(gateway.clone(), service.shutdown()));
    service.spawn(measure(Arc::clone(&facts), service.shutdown()));
    let checked = Arc::clone(&facts);
    service.health().add("facts", move || {
        let fresh: Result<(), Stale> = checked.fresh(Instant::now()).map(|_| ());
        async move { fresh }
    });
    // OpenBao is no check: without it only new tokens cannot be had, and `POST /oauth2/token` says so itself.
    let address = config.gateway.public_listen;
    let listener = listen(address).await?;
    service.spawn(serve_public(
        listener,
        &identity,
        &gateway,
        service.serve_options(),
        service.shutdown(),
    )?);
    tracing::info!(listen = %address, "public listener open");
    let address = config.gateway.guichet_listen;
    service.spawn(guichet::serve_guichet(
        listen(address).await?,
        &identity,
        &gateway,
        service.serve_options(),
        service.shutdown(),
    )?);
    tracing::info!(listen = %address, "guichet open");
    // nothing is offered to other services: the service port answers 404
    service.run(&identity, Router::new()).await?;
    Ok(())
}

async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Listen { address, source })
}

/// The public listener: trusts the solutions' CA only, asks the door about every connection.
///
/// # Errors
/// When the solutions' CA cannot be trusted.
pub fn serve_public(
    listener: TcpListener,
    identity: &Identity,
    gateway: &Gateway,
    options: ServeOptions,
    shutdown: CancellationToken,
) -> Result<impl Future<Output = ()> + Send + 'static, TlsError> {
    let tls = identity.server_config(gateway.trust.current().solutions_ca.clone())?;
    let door = Arc::clone(&gateway.door);
    let options = ServeOptions {
        on_connection: Some(Arc::new(move |peer, since| door.stays(peer, since))),
        refusal: Some(Arc::new(edge::refusal_of_connection)),
        ..options
    };
    Ok(serve(
        listener,
        tls,
        routes::router(gateway.clone()),
        options,
        shutdown,
    ))
}

fn public_names(config: &Config) -> Names {
    let (ips, names): (Vec<&String>, Vec<&String>) = config
        .gateway
        .public_names
        .iter()
        .partition(|name| name.parse::<IpAddr>().is_ok());
    let ips = ips.into_iter().filter_map(|ip| ip.parse().ok());
    Names::of_service(&config.service).with_public(names.into_iter().cloned(), ips)
}

/// Keeps the metrics of the facts' age and, each minute, of the products in them.
async fn measure(facts: Arc<FactsStore>, shutdown: CancellationToken) {
    let tick = || tokio::time::sleep(Duration::from_secs(1));
    let mut shown = None;
    while shutdown.run_until_cancelled(tick()).await.is_some() {
        let now = Instant::now();
        metrics::facts_age(facts.age(now));
        let due = shown.is_none_or(|at| now.saturating_duration_since(at) >= PRODUCTS);
        if due && let Ok(fresh) = facts.fresh(now) {
            surveillance::show(&fresh);
            shown = Some(now);
        }
    }
}
