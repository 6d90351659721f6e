//! The mTLS listener of every service and of the gateway.
//!
//! Accepts, shakes hands outside of the accept loop, reads the peer from its certificate and serves HTTP/1.1 or
//! HTTP/2. A connection ends (gracefully) at its maximal age, at the expiry of the peer's certificate and at
//! shutdown; before each request, and once a second, [`ServeOptions::on_connection`] may end it at once.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Request, Version, header};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use jiff::Timestamp;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::peer::Peer;
use crate::problem::Problem;

/// An HTTP/1.1 connection without a request, or a request without its headers, is closed after this.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
const KEEP_ALIVE: Duration = Duration::from_secs(20);
const MAX_STREAMS: u32 = 128;
const MAX_HEADERS_BYTES: u32 = 32 * 1024;
/// How often [`ServeOptions::on_connection`] is asked about a connection that makes no request.
const REVIEW: Duration = Duration::from_secs(1);

/// Decides whether a connection of a peer, open since a moment, may stay.
pub type Review = Arc<dyn Fn(&Peer, std::time::Instant) -> bool + Send + Sync>;

/// In the extensions of each request: ends its connection gracefully, once what is in flight has been answered.
#[derive(Clone)]
pub struct EndConnection(Arc<Gate>);

impl EndConnection {
    pub fn end(&self) {
        self.0.closing.notify_one();
    }
}

#[derive(Clone)]
pub struct ServeOptions {
    /// A connection is closed gracefully at this age.
    pub max_connection_age: Duration,
    /// How long requests in flight may take once a connection is to close.
    pub drain: Duration,
    pub handshake_timeout: Duration,
    /// Connections at once, handshakes included; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// Asked after the handshake, before each request and every second; `false` closes the connection.
    pub on_connection: Option<Review>,
    /// The answer to a request that comes on a connection that is no longer good; 403 `access-refused` when none.
    pub refusal: Option<Arc<dyn Fn() -> Response + Send + Sync>>,
    /// Whether callers may come without a certificate ([`crate::tls::Identity::open_server_config`]): their requests carry no [`Peer`].
    pub anonymous: bool,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            max_connection_age: Duration::from_secs(600),
            drain: Duration::from_secs(15),
            handshake_timeout: Duration::from_secs(5),
            max_connections: 4096,
            on_connection: None,
            refusal: None,
            anonymous: false,
        }
    }
}

/// Serves `router` until `shutdown`, then drains. Each request carries a [`Peer`], unless callers may be anonymous.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    router: Router,
    options: ServeOptions,
    shutdown: CancellationToken,
) {
    let acceptor = TlsAcceptor::from(tls);
    let permits = Arc::new(Semaphore::new(options.max_connections));
    let connections = TaskTracker::new();
    let abort = CancellationToken::new();
    let drain = options.drain;
    let options = Arc::new(options);
    loop {
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await.ok()?;
            match listener.accept().await {
                Ok((stream, _)) => Some((permit, stream)),
                Err(error) => {
                    // out of file descriptors and the like: give others time to close theirs
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    None
                }
            }
        };
        let (permit, stream) = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accepted => match accepted {
                Some(accepted) => accepted,
                None => continue,
            },
        };
        let connection = Connection {
            acceptor: acceptor.clone(),
            router: router.clone(),
            options: Arc::clone(&options),
            shutdown: shutdown.clone(),
        };
        let abort = abort.clone();
        connections.spawn(async move {
            let _permit = permit;
            abort.run_until_cancelled(connection.run(stream)).await;
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(drain, connections.wait()).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "connections cut at the end of the drain"
        );
        abort.cancel();
        connections.wait().await;
    }
}

struct Connection {
    acceptor: TlsAcceptor,
    router: Router,
    options: Arc<ServeOptions>,
    shutdown: CancellationToken,
}

impl Connection {
    async fn run(self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let handshake = tokio::time::timeout(self.options.handshake_timeout, self.acceptor.accept(stream));
        let stream = match handshake.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::info!(%error, "handshake refused"),
            Err(_) => return tracing::info!("handshake too slow"),
        };
        let peer = match peer_of(&stream) {
            Ok(peer) => Some(peer),
            Err(NO_CERTIFICATE) if self.options.anonymous => None,
            Err(reason) => return tracing::info!(reason, "peer refused"),
        };
        let gate = Arc::new(Gate {
            peer,
            since: std::time::Instant::now(),
            options: self.options,
            closing: Notify::new(),
        });
        if !gate.is_open() {
            return tracing::info!(peer = gate.name(), "peer refused after its handshake");
        }
        serve_connection(stream, self.router, gate, self.shutdown).await;
    }
}

const NO_CERTIFICATE: &str = "no certificate";

fn peer_of(stream: &TlsStream<TcpStream>) -> Result<Peer, &'static str> {
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let certificate = certificates.first().ok_or(NO_CERTIFICATE)?;
    Peer::of_certificate(certificate).map_err(|_| "certificate without a SPIFFE id")
}

/// Whether the peer of one connection may go on.
struct Gate {
    /// `None`: anonymous, as the listener's options allow.
    peer: Option<Peer>,
    since: std::time::Instant,
    options: Arc<ServeOptions>,
    closing: Notify,
}

impl Gate {
    /// For the log.
    fn name(&self) -> &str {
        self.peer
            .as_ref()
            .map_or("anonymous", |peer| peer.spiffe.as_str())
    }

    fn is_reviewed_well(&self) -> bool {
        let reviewed = self.peer.as_ref().zip(self.options.on_connection.as_ref());
        reviewed.is_none_or(|(peer, review)| review(peer, self.since))
    }

    fn is_open(&self) -> bool {
        let live = |peer: &Peer| Timestamp::now() < peer.not_after;
        self.peer.as_ref().is_none_or(live) && self.is_reviewed_well()
    }

    /// Until the peer's certificate expires.
    fn remaining(&self) -> Duration {
        let left = |peer: &Peer| {
            Duration::try_from(Timestamp::now().duration_until(peer.not_after)).unwrap_or_default()
        };
        self.peer.as_ref().map_or(Duration::MAX, left)
    }

    fn refuse(&self, version: Version) -> Response {
        tracing::info!(peer = self.name(), "request refused on a live connection");
        self.closing.notify_one();
        let mut response = self
            .options
            .refusal
            .as_ref()
            .map_or_else(|| Problem::access_refused().into_response(), |refusal| refusal());
        if version <= Version::HTTP_11 {
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Returns when the peer is no longer good in the eyes of the review.
    async fn watch(&self) {
        if self.options.on_connection.is_none() {
            return std::future::pending().await;
        }
        while self.is_reviewed_well() {
            tokio::time::sleep(REVIEW).await;
        }
    }
}

async fn serve_connection(
    stream: TlsStream<TcpStream>,
    router: Router,
    gate: Arc<Gate>,
    shutdown: CancellationToken,
) {
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADERS_BYTES);
    let builder = if is_http2 {
        builder.http2_only()
    } else {
        builder.http1_only()
    };

    let at_request = Arc::clone(&gate);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let gate = Arc::clone(&at_request);
        let router = router.clone();
        async move {
            if !gate.is_open() {
                return Ok::<_, Infallible>(gate.refuse(request.version()));
            }
            if let Some(peer) = gate.peer.clone() {
                request.extensions_mut().insert(peer);
            }
            request.extensions_mut().insert(EndConnection(gate));
            router.oneshot(request.map(Body::new)).await
        }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));

    let end_of_life = Instant::now() + gate.options.max_connection_age.min(gate.remaining());
    let closing = async {
        tokio::select! {
            () = tokio::time::sleep_until(end_of_life) => {}
            () = shutdown.cancelled() => {}
            () = gate.closing.notified() => {}
        }
    };
    tokio::select! {
        result = connection.as_mut() => return log_end(result),
        () = gate.watch() => return tracing::info!(peer = gate.name(), "connection closed by review"),
        () = closing => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        result = connection => log_end(result),
        () = gate.watch() => tracing::info!(peer = gate.name(), "connection closed by review"),
        () = tokio::time::sleep(gate.options.drain) => {
            tracing::info!(peer = gate.name(), "connection cut at the end of its drain");
        }
    }
}

fn log_end(result: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
}
