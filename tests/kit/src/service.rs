//! A service's routes behind real mTLS on a loopback port.

use axum::Router;
use dmp_core::serve::{ServeOptions, serve};
use dmp_core::tls::Identity;
use rustls::RootCertStore;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A running service; dropped, it stops.
pub struct TestService {
    pub port: u16,
    shutdown: CancellationToken,
}

impl TestService {
    /// Serves `router` (with correlation and metrics around it) to holders of a certificate of `identity`'s issuer.
    pub async fn start(identity: &Identity, router: Router) -> Self {
        let clients = identity.issuer().expect("the issuer of the identity");
        Self::start_with(identity, clients, router, ServeOptions::default()).await
    }

    /// The same with its own trusted clients and options (`pki.solutions_ca()` for a public listener).
    pub async fn start_with(
        identity: &Identity,
        clients: RootCertStore,
        router: Router,
        options: ServeOptions,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a loopback port");
        let port = listener.local_addr().expect("its address").port();
        let tls = identity.server_config(clients).expect("TLS");
        let shutdown = CancellationToken::new();
        let router = dmp_core::service::routes(router);
        tokio::spawn(serve(listener, tls, router, options, shutdown.clone()));
        Self { port, shutdown }
    }

    /// `https://localhost:<port>` and the path (which begins with `/`).
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// Without a path: what a typed client takes.
    pub fn base(&self) -> String {
        self.url("")
    }

    /// Begins the shutdown, as SIGTERM would.
    pub fn stop(&self) {
        self.shutdown.cancel();
    }
}

impl Drop for TestService {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}
