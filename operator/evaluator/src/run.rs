//! The process: a pass, a pause, a pass; health and metrics beside it.
//!
//! Several of it do no harm: they write the same. It holds no certificate and speaks to nothing but the API server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dmp_core::health::Health;
use dmp_core::problem::Chain;
use dmp_policies::{Catalogue, CatalogueError};
use jiff::Timestamp;
use kube::Client;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::EvaluatorConfig;
use crate::history::Posture;
use crate::metrics;
use crate::pass::{Judged, pass};
use crate::profile;
use crate::publish::{PublishError, Publisher, dated};
use crate::report::reports;
use crate::world::World;

/// Passes that may fail in a row before the process is not ready.
const PATIENCE: u32 = 3;

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("the catalogue of controls in this program is not usable")]
    Catalogue(#[from] CatalogueError),
    #[error("the API server's address or credentials cannot be found")]
    Kubernetes(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("cannot listen on `{address}`")]
    Listen {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot wait for signals")]
    Signal(#[source] std::io::Error),
}

/// Runs until SIGTERM.
///
/// # Errors
/// When the process cannot start; an API server that goes away is waited for.
pub async fn run(config: EvaluatorConfig) -> Result<(), RunError> {
    dmp_core::telemetry::init();
    let catalogue = Catalogue::embedded()?;
    let client = Client::try_default()
        .await
        .map_err(|error| RunError::Kubernetes(error.into()))?;
    let address = config.health_listen;
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|source| RunError::Listen { address, source })?;
    let health = Health::new();
    let reported = Arc::new(Mutex::new(None::<Instant>));
    let (seen, within) = (Arc::clone(&reported), config.period() * PATIENCE);
    health.add("reported", move || {
        let last = *seen.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = last.is_some_and(|last| last.elapsed() < within + Duration::from_secs(60));
        async move {
            recent
                .then_some(())
                .ok_or("no pass has reported everything lately")
        }
    });
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, health.router()).await {
            tracing::error!(%error, "the health port ended");
        }
    });
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signal)?;
    let passes = async {
        let mut publisher = Publisher::new(&config);
        loop {
            match once(&client, &catalogue, &mut publisher, Timestamp::now()).await {
                Ok(()) => *reported.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now()),
                Err(error) => tracing::warn!(error = %Chain(&error), "not everything was reported"),
            }
            tokio::time::sleep(config.period()).await;
        }
    };
    tokio::select! {
        () = passes => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// One pass, from the API to the API.
///
/// # Errors
/// When something could not be written; the rest is.
pub async fn once(
    client: &Client,
    catalogue: &Catalogue,
    publisher: &mut Publisher,
    now: Timestamp,
) -> Result<(), PublishError> {
    let begun = Instant::now();
    let world = World::read(client, now).await;
    let in_force = profile::in_force(catalogue, &world);
    let judged = pass(&in_force, &world);
    metrics::passed(&judged, begun.elapsed());
    let cluster = world.report.as_ref().map_err(Clone::clone)?.as_ref();
    let before = publisher.before(client, cluster).await?;
    let wanted = reports(&judged, &before, now);
    let posture = Posture::of(&judged);
    let evidence = dated(evidence_of(judged), &wanted);
    publisher.publish(client, wanted, cluster, &evidence).await?;
    // Of one that cannot be read now the next pass keeps the documents.
    let platform = world.platform.as_ref().ok().and_then(Option::as_ref);
    publisher.keep(client, &in_force, &posture, platform, now).await?;
    metrics::reported(now);
    Ok(())
}

fn evidence_of(judged: Vec<Judged<'_>>) -> Vec<crate::evidence::Evidence> {
    judged
        .into_iter()
        .flat_map(|one| one.evidence.into_values())
        .collect()
}
