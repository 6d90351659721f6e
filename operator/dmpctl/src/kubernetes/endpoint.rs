//! JSON over HTTPS to one server: a pod through the API server's port-forward, or an address.
//!
//! The TLS goes to the server itself, checked against its own CA and name: the API server in between sees
//! ciphertext only.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

/// Longest answer, in bytes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(20);

/// How to get there.
pub enum Dial {
    PortForward {
        pods: Box<Api<Pod>>,
        pod: String,
        port: u16,
    },
    Tcp(SocketAddr),
}

/// A server with its name and whom to trust.
pub struct Endpoint {
    dial: Dial,
    tls: tokio_rustls::TlsConnector,
    name: ServerName<'static>,
    host: String,
}

#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    #[error("the CA or the name of the server is not usable")]
    Trust,
    #[error("the port-forward to `{0}` did not come about")]
    PortForward(String, #[source] Box<kube::Error>),
    #[error("the connection failed")]
    Connection(#[source] std::io::Error),
    #[error("the HTTP exchange failed")]
    Http(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    #[error("the answer is not JSON")]
    NotJson,
}

/// Status, and body (`Null` when empty).
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Endpoint {
    /// # Errors
    /// [`EndpointError::Trust`].
    pub fn new(dial: Dial, name: &str, ca_pem: &str) -> Result<Self, EndpointError> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
            let certificate = certificate.map_err(|_| EndpointError::Trust)?;
            roots.add(certificate).map_err(|_| EndpointError::Trust)?;
        }
        if roots.is_empty() {
            return Err(EndpointError::Trust);
        }
        let tls = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            dial,
            tls: tokio_rustls::TlsConnector::from(Arc::new(tls)),
            name: ServerName::try_from(name.to_owned()).map_err(|_| EndpointError::Trust)?,
            host: name.to_owned(),
        })
    }

    /// One call on a connection of its own.
    ///
    /// # Errors
    /// Anything but an answer; a refusal is an answer.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, EndpointError> {
        tokio::time::timeout(TIMEOUT, self.exchange(method, path, headers, body))
            .await
            .map_err(|_| EndpointError::Timeout)?
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, EndpointError> {
        let http = |source: Box<dyn std::error::Error + Send + Sync>| EndpointError::Http(source);
        let stream = self
            .tls
            .connect(self.name.clone(), self.dial().await?)
            .await
            .map_err(EndpointError::Connection)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|e| http(Box::new(e)))?;
        let driver = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let bytes = match body {
            None => Bytes::new(),
            Some(body) => {
                request = request.header("content-type", "application/json");
                Bytes::from(body.to_string())
            }
        };
        let request = request.body(Full::new(bytes)).map_err(|e| http(Box::new(e)))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|e| http(Box::new(e)))?;
        let status = response.status();
        let bytes = Limited::new(response.into_body(), MAX_ANSWER)
            .collect()
            .await
            .map_err(http)?
            .to_bytes();
        driver.abort();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).map_err(|_| EndpointError::NotJson)?
        };
        Ok(Answer { status, body })
    }

    async fn dial(&self) -> Result<Box<dyn Stream>, EndpointError> {
        match &self.dial {
            Dial::Tcp(address) => {
                let stream = tokio::net::TcpStream::connect(address)
                    .await
                    .map_err(EndpointError::Connection)?;
                Ok(Box::new(stream))
            }
            Dial::PortForward { pods, pod, port } => {
                let mut forward = pods
                    .portforward(pod, &[*port])
                    .await
                    .map_err(|source| EndpointError::PortForward(pod.clone(), Box::new(source)))?;
                let stream = forward.take_stream(*port).ok_or_else(|| {
                    EndpointError::Connection(std::io::Error::other("the forward has no stream"))
                })?;
                // The forwarding task ends with its streams.
                Ok(Box::new(stream))
            }
        }
    }
}
