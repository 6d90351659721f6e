//! The service's own identity in TLS: its certificate and key, replaced while connections live.
//!
//! Every handshake, in and out, takes the certificate of that moment. TLS 1.3 only, certificates on both sides, no
//! resumption: a resumed session would outlive the certificate that opened it. Where the certificate comes from is
//! not known here (`dmp-keys` gets it from OpenBao; [`Identity::from_pem_files`] for another PKI).

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use prometheus::{IntGaugeVec, Opts};
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::metrics::registered;
use crate::peer::{CertificateError, Peer, SpiffeId};

/// How long a client keeps an idle connection; below the server's own limit (30 s), so that none is lost in use.
const POOL_IDLE: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

static NOT_AFTER: LazyLock<Option<IntGaugeVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_certificate_not_after_seconds",
        "When a certificate of this process expires (Unix time): its own, and the one of the CA that issued it.",
    );
    registered(IntGaugeVec::new(options, &["certificate"]))
});

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read `{path}` as PEM")]
    Pem {
        path: PathBuf,
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    #[error("`{0}` holds no certificate")]
    Empty(PathBuf),
    #[error("the certificate chain is empty")]
    NoCertificate,
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error("certificate and key are not usable")]
    Key(#[source] rustls::Error),
    #[error("a trusted certificate is not usable")]
    Root(#[source] rustls::Error),
    #[error("the trusted certificates are not usable")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    #[error("the HTTP client cannot be built")]
    Client(#[from] reqwest::Error),
}

/// Certificate, key and trusted roots of this process. A clone is the same identity.
#[derive(Clone, Debug)]
pub struct Identity(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    current: ArcSwap<Current>,
    roots: Arc<RootCertStore>,
}

#[derive(Debug)]
struct Current {
    key: Arc<CertifiedKey>,
    own: Peer,
}

impl Current {
    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, TlsError> {
        let own = Peer::of_certificate(chain.first().ok_or(TlsError::NoCertificate)?)?;
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let key = CertifiedKey::from_der(chain, key, &provider).map_err(TlsError::Key)?;
        let current = Self {
            key: Arc::new(key),
            own,
        };
        current.measure();
        Ok(current)
    }

    fn measure(&self) {
        let Some(gauge) = &*NOT_AFTER else { return };
        gauge
            .with_label_values(&["own"])
            .set(self.own.not_after.as_second());
        let issuer = self.key.cert.get(1);
        if let Some((_, issuer)) = issuer.and_then(|der| X509Certificate::from_der(der).ok()) {
            gauge
                .with_label_values(&["issuer"])
                .set(issuer.validity().not_after.timestamp());
        }
    }
}

/// What all listeners have: both versions of HTTP, no resumption.
fn finish(config: &mut ServerConfig) {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
}

impl Identity {
    /// `chain` leaf first; `roots` is what this process trusts when it calls others.
    ///
    /// # Errors
    /// When the leaf has no SPIFFE id or the key does not belong to it.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        roots: RootCertStore,
    ) -> Result<Self, TlsError> {
        let current = ArcSwap::from_pointee(Current::new(chain, key)?);
        Ok(Self(Arc::new(Inner {
            current,
            roots: Arc::new(roots),
        })))
    }

    /// From PEM files: chain (leaf first), key, trusted CAs.
    ///
    /// # Errors
    /// Names the file that is not readable.
    pub fn from_pem_files(certificate: &Path, key: &Path, ca: &Path) -> Result<Self, TlsError> {
        let chain = certificates(certificate)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::Pem {
            path: key.to_owned(),
            source,
        })?;
        Self::new(chain, key, roots_of_file(ca)?)
    }

    /// Every handshake from here on uses the new certificate.
    ///
    /// # Errors
    /// As [`Identity::new`]; then the old one stays.
    pub fn replace(
        &self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<(), TlsError> {
        self.0.current.store(Arc::new(Current::new(chain, key)?));
        Ok(())
    }

    /// When the certificate in use expires.
    pub fn not_after(&self) -> Timestamp {
        self.0.current.load().own.not_after
    }

    pub fn spiffe(&self) -> SpiffeId {
        self.0.current.load().own.spiffe.clone()
    }

    /// The certificate in use, as others see it.
    pub fn as_peer(&self) -> Peer {
        self.0.current.load().own.clone()
    }

    /// What this process trusts when it calls others.
    pub fn roots(&self) -> RootCertStore {
        (*self.0.roots).clone()
    }

    /// Who issued this identity's certificate (the second of its chain), or [`Identity::roots`] when it came alone:
    /// what the service listener trusts, so that a certificate of another intermediate under the same root
    /// (a solution's) does not pass the handshake.
    ///
    /// # Errors
    /// When the issuer's certificate cannot be a trust anchor.
    pub fn issuer(&self) -> Result<RootCertStore, TlsError> {
        match self.0.current.load().key.cert.get(1) {
            Some(issuer) => roots([issuer.clone()]),
            None => Ok(self.roots()),
        }
    }

    /// A listener's configuration: callers need a live certificate of `client_roots`.
    ///
    /// # Errors
    /// When `client_roots` is empty.
    pub fn server_config(&self, client_roots: RootCertStore) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(client_roots), Arc::clone(&provider))
                .build()?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(TlsError::Key)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(self.clone()));
        finish(&mut config);
        Ok(Arc::new(config))
    }

    /// Configuration of a listener that asks callers for no certificate: what passes there is no software's.
    ///
    /// # Errors
    /// When the protocol's parameters are not available.
    pub fn open_server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(TlsError::Key)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        finish(&mut config);
        Ok(Arc::new(config))
    }

    /// A client's configuration: shows the certificate of the moment, trusts [`Identity::roots`].
    ///
    /// # Errors
    /// When rustls refuses the protocol version (never with this provider).
    pub fn client_config(&self) -> Result<ClientConfig, TlsError> {
        let mut config =
            client_builder(Arc::clone(&self.0.roots))?.with_client_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }

    /// An HTTP client for calls to other services: HTTPS only, connects within 3 s, answers within 10 s,
    /// follows no redirect, uses no proxy.
    ///
    /// # Errors
    /// When the client cannot be built.
    pub fn http_client(&self) -> Result<reqwest::Client, TlsError> {
        Ok(http_client_builder(self.client_config()?)
            .https_only(true)
            .build()?)
    }
}

/// An HTTP client without a certificate of its own that trusts `roots` only (OpenBao, OIDC issuers).
///
/// # Errors
/// When the client cannot be built.
pub fn plain_http_client(roots: RootCertStore) -> Result<reqwest::Client, TlsError> {
    let mut config = client_builder(Arc::new(roots))?.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(http_client_builder(config).build()?)
}

fn client_builder(
    roots: Arc<RootCertStore>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::Key)?
        .with_root_certificates(roots))
}

fn http_client_builder(config: ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE)
        .http2_keep_alive_interval(Duration::from_secs(5))
        .http2_keep_alive_timeout(Duration::from_secs(5))
}

/// The certificates of a PEM file.
///
/// # Errors
/// When the file is not readable, not PEM, or holds none.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = |source| TlsError::Pem {
        path: path.to_owned(),
        source,
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(pem)?
        .collect::<Result<_, _>>()
        .map_err(pem)?;
    if certificates.is_empty() {
        Err(TlsError::Empty(path.to_owned()))
    } else {
        Ok(certificates)
    }
}

/// The certificates of a PEM file as trust anchors.
///
/// # Errors
/// As [`certificates`].
pub fn roots_of_file(path: &Path) -> Result<RootCertStore, TlsError> {
    roots(certificates(path)?)
}

/// Trust anchors.
///
/// # Errors
/// When a certificate cannot be one.
pub fn roots(
    certificates: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates {
        store.add(certificate).map_err(TlsError::Root)?;
    }
    Ok(store)
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.current.load().key))
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.current.load().key))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
