//! TLS for the API server alone: its client certificate is of an authority that signs nothing else.
//!
//! The files come from a Secret that may be made after the operator has started, and may be renewed: they are looked
//! at again every few seconds.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use dmp_core::problem::Chain;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::AbortOnDropHandle;

use super::Config;

const LOOK_EVERY: Duration = Duration::from_secs(5);
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Handshakes at once.
const HANDSHAKES: usize = 32;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("`{0}` cannot be read")]
    File(&'static str, #[source] io::Error),
    #[error("`{0}` is not PEM")]
    Pem(&'static str, #[source] rustls_pki_types::pem::Error),
    #[error("the authority of the API server cannot be used")]
    Authority(#[source] rustls::server::VerifierBuilderError),
    #[error("certificate and key cannot be used")]
    Certificate(#[from] rustls::Error),
}

/// The three files, as they are now.
#[derive(Clone, PartialEq, Eq)]
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authority: Vec<u8>,
}

impl Files {
    fn read(folder: &Path) -> Result<Self, Error> {
        let read =
            |name: &'static str| std::fs::read(folder.join(name)).map_err(|source| Error::File(name, source));
        Ok(Self {
            certificate: read("tls.crt")?,
            key: read("tls.key")?,
            authority: read("ca.crt")?,
        })
    }

    fn server(&self) -> Result<Arc<ServerConfig>, Error> {
        let certificates = |name: &'static str, pem: &[u8]| {
            CertificateDer::pem_slice_iter(pem)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|source| Error::Pem(name, source))
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates("ca.crt", &self.authority)? {
            roots.add(certificate)?;
        }
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots))
            .build()
            .map_err(Error::Authority)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|source| Error::Pem("tls.key", source))?;
        let mut server = ServerConfig::builder()
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates("tls.crt", &self.certificate)?, key)?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A resumed session would not look at the client's certificate again.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        Ok(Arc::new(server))
    }
}

/// Serves as soon as the files are there, for ever.
pub async fn serve(config: &Config, router: Router) {
    let (sender, tls) = watch::channel(None);
    let follow = follow(&config.files, sender);
    let serve = async {
        let mut present = tls.clone();
        if present.wait_for(Option::is_some).await.is_err() {
            return;
        }
        let listener = loop {
            match TcpListener::bind(config.listen).await {
                Ok(listener) => break listener,
                Err(error) => {
                    tracing::error!(listen = %config.listen, %error, "the audit receiver cannot listen")
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        };
        tracing::info!(listen = %config.listen, "receiving the API server's audit events");
        match Tls::new(listener, tls) {
            Ok(listener) => {
                if let Err(error) = axum::serve(listener, router).await {
                    tracing::error!(%error, "the audit receiver ended");
                }
            }
            Err(error) => tracing::error!(%error, "the audit receiver cannot listen"),
        }
    };
    tokio::join!(follow, serve);
}

/// Keeps what the files say; what cannot be used leaves the old in force.
async fn follow(folder: &Path, sender: watch::Sender<Option<Arc<ServerConfig>>>) {
    let mut last = None;
    let mut interval = tokio::time::interval(LOOK_EVERY);
    loop {
        interval.tick().await;
        let files = match Files::read(folder) {
            Ok(files) => files,
            // Not switched on: the condition `KubernetesAudit` says so.
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "no certificate for the audit receiver");
                continue;
            }
        };
        if last.as_ref() == Some(&files) {
            continue;
        }
        match files.server() {
            Ok(server) => {
                let _ = sender.send_replace(Some(server));
            }
            Err(error) => tracing::error!(error = %Chain(&error), "certificate of the audit receiver"),
        }
        last = Some(files);
    }
}

/// A listener whose connections have shaken hands.
struct Tls {
    connections: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
    _accepting: AbortOnDropHandle<()>,
}

impl Tls {
    fn new(listener: TcpListener, tls: watch::Receiver<Option<Arc<ServerConfig>>>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, connections) = mpsc::channel(HANDSHAKES);
        let accepting = AbortOnDropHandle::new(tokio::spawn(accept(listener, tls, sender)));
        Ok(Self {
            connections,
            address,
            _accepting: accepting,
        })
    }
}

async fn accept(
    listener: TcpListener,
    tls: watch::Receiver<Option<Arc<ServerConfig>>>,
    sender: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let permits = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(server) = tls.borrow().clone() else {
            continue;
        };
        let sender = sender.clone();
        tokio::spawn(async move {
            let _permit = permit;
            match tokio::time::timeout(HANDSHAKE, TlsAcceptor::from(server).accept(stream)).await {
                Ok(Ok(stream)) => {
                    let _ = sender.send((stream, peer)).await;
                }
                Ok(Err(error)) => tracing::info!(%error, "handshake refused"),
                Err(_) => tracing::info!("handshake too slow"),
            }
        });
    }
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.connections.recv().await {
            Some(connection) => connection,
            // The task that accepts lives as long as this does.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}
