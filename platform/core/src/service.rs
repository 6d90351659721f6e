//! The runner of every `dmp <service>`: start, serve, stop in the right order.
//!
//! [`Service::start`] opens the health port at once (`/readyz` says `starting`), so that a service may take its time
//! to reach its database and to get its certificate. [`Service::run`] serves. On SIGTERM readiness goes first, then
//! (when the endpoints have had time to leave the load balancers) the listener, then requests in flight end, then
//! background tasks, last the health port.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{ServiceConfig, effective};
use crate::health::Health;
use crate::problem::Problem;
use crate::serve::{ServeOptions, serve};
use crate::telemetry::trace::{self, TracesError};
use crate::tls::{Identity, TlsError};
use crate::trust::{TrustBundle, TrustError};
use crate::{correlation, metrics, telemetry};

/// Between "not ready" and the end of accepting: load balancers stop sending.
const LEAVE: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("cannot listen on `{address}`")]
    Listen {
        address: std::net::SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot wait for signals")]
    Signal(#[source] std::io::Error),
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
    #[error("the trust directory cannot be used")]
    Trust(#[from] TrustError),
    #[error("traces cannot be sent")]
    Traces(#[from] TracesError),
}

/// A service that has started.
pub struct Service {
    config: ServiceConfig,
    health: Health,
    /// Set when the process shall end.
    stopping: CancellationToken,
    /// Set when listeners stop accepting.
    shutdown: CancellationToken,
    health_end: CancellationToken,
    tasks: TaskTracker,
}

impl Service {
    /// Starts logs, prints the configuration in force, opens the health port and waits for SIGTERM and SIGINT.
    /// `whole` is the service's complete configuration, `config` its `[service]`.
    ///
    /// # Errors
    /// When the health port is taken, or `[service.telemetry]` cannot be used.
    pub async fn start<T: Serialize>(whole: &T, config: &ServiceConfig) -> Result<Self, ServiceError> {
        crate::install_crypto_provider();
        telemetry::init();
        tracing::info!(
            service = config.name,
            namespace = config.namespace,
            config = effective(whole),
            "starting"
        );
        trace::start(config)?;
        let service = Self {
            config: config.clone(),
            health: Health::new(),
            stopping: CancellationToken::new(),
            shutdown: CancellationToken::new(),
            health_end: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        service
            .health
            .add("starting", || async { Err::<(), _>("starting") });
        let listener = listen(config.health_listen).await?;
        let (router, end) = (service.health.router(), service.health_end.clone());
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router)
                .with_graceful_shutdown(end.cancelled_owned())
                .await
            {
                tracing::error!(%error, "the health port ended");
            }
        });
        let mut terminate = signal(SignalKind::terminate()).map_err(ServiceError::Signal)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ServiceError::Signal)?;
        let stopping = service.stopping.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = stopping.cancelled() => {}
            }
            stopping.cancel();
        });
        Ok(service)
    }

    pub const fn health(&self) -> &Health {
        &self.health
    }

    /// Cancelled when listeners shall stop accepting: for further listeners and background tasks.
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Cancelling it ends the service as SIGTERM does.
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// A task that ends by itself after [`Service::shutdown`]; the process waits for it (at most the drain time).
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// The trust directory, followed as it changes.
    ///
    /// # Errors
    /// When it cannot be read now.
    pub fn trust(&self) -> Result<TrustBundle, ServiceError> {
        let trust = TrustBundle::load(&self.config.trust_dir, &self.config.issuer())?;
        self.spawn(trust.clone().watch(self.shutdown()));
        Ok(trust)
    }

    /// Options for a listener with the configuration's times.
    pub fn serve_options(&self) -> ServeOptions {
        ServeOptions {
            max_connection_age: self.config.max_connection_age,
            drain: self.config.drain,
            ..ServeOptions::default()
        }
    }

    /// Serves `router` (through [`routes`]) on the service port until the process shall end, and winds down.
    ///
    /// # Errors
    /// When the port is taken or TLS cannot be set up.
    pub async fn run(self, identity: &Identity, router: Router) -> Result<(), ServiceError> {
        let tls = identity.server_config(identity.issuer()?)?;
        let listener = listen(self.config.listen).await?;
        self.spawn(serve(
            listener,
            tls,
            routes(router),
            self.serve_options(),
            self.shutdown(),
        ));
        self.health.remove("starting");
        tracing::info!(listen = %self.config.listen, identity = %identity.spiffe(), "serving");

        self.stopping.cancelled().await;
        tracing::info!("stopping");
        self.health.add("stopping", || async { Err::<(), _>("stopping") });
        tokio::time::sleep(LEAVE).await;
        self.shutdown.cancel();
        self.tasks.close();
        let patience = self.config.drain + Duration::from_secs(1);
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                tasks = self.tasks.len(),
                "tasks left behind at the end of the drain"
            );
        }
        trace::end().await;
        self.health_end.cancel();
        tracing::info!("stopped");
        Ok(())
    }
}

/// `router` with what surrounds every service's routes: correlation, log, metrics, our 404 and 405.
pub fn routes(router: Router) -> Router {
    router
        .fallback(|| async { Problem::not_found("no-such-route", "there is no such route") })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                http::StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "not with this method",
            )
        })
        .layer(from_fn(metrics::middleware))
        .layer(from_fn(correlation::middleware))
}

async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, ServiceError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServiceError::Listen { address, source })
}
