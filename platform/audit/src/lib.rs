//! The audit service: pulls the logs of all services, verifies them as it copies them, and serves a patient's trail.
//!
//! In scope: the copy of every log (leaves, encrypted bodies, tiles), the check that each checkpoint is signed by the
//! log's key and continues what was seen, findings when it does not, the index from a patient's audit pseudonym to
//! entries, and `POST /v1/trail` with inclusion proofs that `dmp-verify` checks offline; acts of other services that are about no
//! patient ([`acts`]), in its own log; whose records an incident touched ([`affected`]); how far back each
//! copy reaches ([`kept`]).
//! Out of scope: writing other services' events, deciding about access, witnesses of third parties.
//!
//! ```text
//! registry, consent, records ── GET /v1/log/… ──► pull ─► source_entry, source_tile ─► index ─► trail_index, access_index
//! own log (dmp-tlog, in process) ───────────────►  │ signature, append-only ✗ ─► finding + metric + error log
//! ```
//!
//! A finding freezes the copy of that log at what was last proven; it makes nobody unready, since care goes on.

mod access;
mod acts;
mod affected;
mod bodies;
mod config;
mod index;
mod kept;
mod metrics;
mod pull;
mod registry;
mod routes;
mod source;
mod sources;
mod store;
mod trail;

use std::path::Path;
use std::sync::Arc;

use dmp_core::service::{Service, ServiceError};
use dmp_keys::openbao::Client;
use dmp_keys::{BlindIndex, KeyError, Signer, identity, service_key};
use dmp_tlog::openbao::{BODY_KEY, TransitBodyKeys, TransitSigner};
use dmp_tlog::{Log, LogError};

pub use config::{AuditConfig, Config, SourceConfig};

/// Name of the domain whose index key and pseudonyms this service uses.
const DOMAIN: &str = "audit";

/// Why the service cannot start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the configuration cannot be used")]
    Config(#[from] dmp_core::config::ConfigError),
    #[error("a source of the configuration cannot be used")]
    Source(#[from] config::SourceError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("the database cannot be used")]
    Database(#[from] dmp_core::db::DatabaseError),
    #[error("OpenBao cannot be used")]
    OpenBao(#[from] dmp_keys::openbao::Error),
    #[error("the service's keys cannot be had")]
    Keys(#[from] KeyError),
    #[error("the service's certificate cannot be had")]
    Identity(#[from] dmp_keys::identity::IdentityError),
    #[error("TLS cannot be set up")]
    Tls(#[from] dmp_core::tls::TlsError),
    #[error("the service's own log cannot be opened")]
    Log(#[from] LogError),
}

/// `dmp audit`: runs until SIGTERM.
///
/// # Errors
/// What it could not read or reach at start.
pub async fn run(config_path: &Path) -> Result<(), Error> {
    let config = config::load(config_path)?;
    let service = Service::start(&config, &config.service).await?;
    let trust = service.trust()?;
    let pool = dmp_core::db::connect(&config.database).await?;
    store::migrate(&pool).await?;

    let client = Client::root(&config.service.openbao)?;
    let names = identity::Names::of_service(&config.service);
    let identity = identity::of_service(&service, &config.service, names, &client).await?;
    service_key::migrate(&pool).await?;
    let index = Arc::new(BlindIndex::open(&pool, &client, BODY_KEY, DOMAIN).await?);
    let signer = TransitSigner::open(Signer::new(client.clone(), "log-audit"))
        .await
        .map_err(LogError::from)?;
    let origin = format!("{}/log/audit", config.service.domain);
    let log = Log::open(
        pool.clone(),
        &origin,
        Arc::new(signer),
        &TransitBodyKeys::new(client.clone()),
    )
    .await?;
    service.spawn(log.clone().run(service.shutdown()));

    let http = identity.http_client()?;
    let bodies = Arc::new(bodies::Bodies::new(pool.clone(), client));
    let sources = sources::Sources::new(
        pool.clone(),
        http.clone(),
        bodies.clone(),
        index.clone(),
        log.clone(),
    );
    sources.set(&config.sources)?;
    service.spawn(sources.clone().run(service.shutdown()));
    service.spawn(sources.clone().measure(service.shutdown()));
    service.spawn(sources.clone().fill(service.shutdown()));
    service.spawn(
        sources
            .clone()
            .follow(config_path.to_owned(), config.sources.clone(), service.shutdown()),
    );

    service.health().add_database("database", &pool);
    let domain = config.service.domain.clone();
    let acts = Arc::new(acts::Acts::new(pool.clone(), log.clone(), index.clone()));
    let kept = kept::Kept::new(pool.clone(), bodies.clone(), sources.clone());
    let trail = trail::Trail::new(pool.clone(), bodies.clone(), index.clone());
    let registry = registry::Registry::new(http, &config.audit.registry_url);
    let affected = affected::Affected::new(pool, bodies, index, registry.clone(), acts.clone(), &domain);
    let state = routes::State {
        trust,
        log: log.clone(),
        registry,
        sources,
        trail: Arc::new(trail),
        acts,
        affected: Arc::new(affected),
        kept: Arc::new(kept),
    };
    let router = routes::router(state, &domain).merge(dmp_tlog::routes(log, &domain));
    service.run(&identity, router).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
