//! HTTP clients for the platform's own services, each bound to the SPIFFE id it expects.
//!
//! The certificate must chain to the root, name the host, and name the service: a certificate of another service
//! under a hijacked DNS name does not get a request, let alone a token.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dmp_core::peer::{Peer, SpiffeId};
use dmp_core::tls::{Identity, TlsError};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Below the 30 s after which a service closes an idle connection.
const POOL_IDLE: Duration = Duration::from_secs(20);
const KEEP_ALIVE: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("the client's TLS cannot be set up")]
    Tls(#[from] TlsError),
    #[error("the verifier of services cannot be set up")]
    Verifier(#[from] rustls::client::VerifierBuilderError),
    #[error("the HTTP client cannot be built")]
    Http(#[from] reqwest::Error),
}

/// One HTTP client per service identity, all with this process's own certificate of the moment.
pub struct Clients {
    identity: Identity,
    clients: Mutex<HashMap<SpiffeId, reqwest::Client>>,
}

impl Clients {
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            clients: Mutex::default(),
        }
    }

    /// The client that speaks to `service` only.
    ///
    /// # Errors
    /// [`ClientError`] when the trusted roots are unusable.
    pub fn of(&self, service: &SpiffeId) -> Result<reqwest::Client, ClientError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(service) {
            return Ok(client.clone());
        }
        let client = build(&self.identity, service)?;
        clients.insert(service.clone(), client.clone());
        Ok(client)
    }
}

fn build(identity: &Identity, service: &SpiffeId) -> Result<reqwest::Client, ClientError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(identity.roots()), provider).build()?;
    let mut config = identity.client_config()?;
    config
        .dangerous()
        .set_certificate_verifier(Arc::new(NamedService {
            inner,
            expected: service.clone(),
        }));
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .https_only(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http2_keep_alive_timeout(KEEP_ALIVE)
        .build()?)
}

/// Everything web PKI checks, then the SPIFFE id.
#[derive(Debug)]
struct NamedService {
    inner: Arc<WebPkiServerVerifier>,
    expected: SpiffeId,
}

impl ServerCertVerifier for NamedService {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified =
            self.inner
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        match Peer::of_certificate(end_entity) {
            Ok(peer) if peer.spiffe == self.expected => Ok(verified),
            _ => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
