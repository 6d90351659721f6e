//! An HTTP/1.1 client of one connection: what a pooling client hides (reuse, resumption, the server's close) shows.

use std::sync::Arc;

use rustls::{ClientConfig, HandshakeKind};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub struct Raw(TlsStream<TcpStream>);

impl Raw {
    /// Connects and makes sure that the server has accepted the certificate: in TLS 1.3 it says so with its first bytes.
    pub async fn connect(config: ClientConfig, port: u16) -> std::io::Result<Self> {
        Self::connect_shared(Arc::new(config), port).await
    }

    pub async fn connect_shared(config: Arc<ClientConfig>, port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let name = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
        TlsConnector::from(config).connect(name, stream).await.map(Self)
    }

    pub fn handshake(&self) -> Option<HandshakeKind> {
        self.0.get_ref().1.handshake_kind()
    }

    pub fn server_certificate(&self) -> Vec<u8> {
        self.0
            .get_ref()
            .1
            .peer_certificates()
            .unwrap_or_default()
            .first()
            .unwrap()
            .to_vec()
    }

    /// The head and body of the answer to `GET path`; an error when the connection is or gets closed.
    pub async fn get(&mut self, path: &str) -> std::io::Result<String> {
        self.send(path).await?;
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = self.0.read(&mut buffer).await?;
            answer.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&answer);
            let body = text
                .split_once("\r\n\r\n")
                .map(|(head, body)| (length(head), body.len()));
            match body {
                Some((expected, read)) if read >= expected => return Ok(text.into_owned()),
                _ if read == 0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                _ => {}
            }
        }
    }

    pub async fn send(&mut self, path: &str) -> std::io::Result<()> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        self.0.write_all(request.as_bytes()).await?;
        self.0.flush().await
    }

    /// Waits until the server closes.
    pub async fn closed(&mut self) {
        let mut buffer = [0; 4096];
        while self.0.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    }
}

fn length(head: &str) -> usize {
    let lower = head.to_lowercase();
    let value = lower
        .split_once("content-length:")
        .and_then(|(_, rest)| rest.lines().next().map(str::to_owned));
    value
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or_default()
}

/// The client's configuration of an identity, HTTP/1.1 only.
pub fn http1(identity: &dmp_core::tls::Identity) -> ClientConfig {
    let mut config = identity.client_config().unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}
