//! A handshake in one version that leads nowhere: what the server shows is kept and judged, and never believed.
//!
//! Whatever its certificate is the handshake goes on, so that a bad one is a finding and not an end.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::probe::PATIENCE;

/// After a handshake of 1.3 the server may still say that it wanted a certificate.
const AFTERTHOUGHT: Duration = Duration::from_secs(2);

/// What a server showed in one handshake.
#[derive(Debug)]
pub struct Shown {
    /// Its own certificate (DER).
    pub leaf: CertificateDer<'static>,
    /// That the certificates are good and it has the key; else why not.
    pub chain: Result<(), String>,
    /// It asked for a client's certificate, and ended the connection without one (as far as that was waited for).
    pub asks: bool,
}

/// Shakes hands with `name`; `None` when the server showed no certificate in this version: it does not speak it.
///
/// `roots`: whom its certificates must come from; without, they are looked at for their name and their time alone.
/// `wait`: whether to wait for a server's word after the handshake.
///
/// # Errors
/// When rustls cannot be set up so: never with roots that are not empty.
pub async fn shake_hands(
    stream: TcpStream,
    version: &'static SupportedProtocolVersion,
    name: &ServerName<'static>,
    roots: Option<Arc<RootCertStore>>,
    wait: bool,
) -> Result<Option<Shown>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let witness = Arc::new(Witness::new(Arc::clone(&provider), roots)?);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&witness) as Arc<dyn ServerCertVerifier>)
        .with_client_cert_resolver(Arc::clone(&witness) as Arc<dyn ResolvesClientCert>);
    config.resumption = Resumption::disabled();
    let connector = TlsConnector::from(Arc::new(config));
    let ended = match timeout(PATIENCE, connector.connect(name.clone(), stream)).await {
        Ok(Ok(mut stream)) if wait && witness.asked() => {
            let word = timeout(AFTERTHOUGHT, stream.read_u8()).await;
            matches!(word, Ok(Err(error)) if is_alert(&error))
        }
        Ok(Ok(_)) => false,
        Ok(Err(error)) => is_alert(&error),
        Err(_) => false,
    };
    Ok(witness.shown(ended))
}

fn is_alert(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(inner, Some(rustls::Error::AlertReceived(_)))
}

/// Sees what the server shows and asks for.
#[derive(Debug)]
struct Witness {
    provider: Arc<CryptoProvider>,
    judge: Option<Arc<WebPkiServerVerifier>>,
    seen: Mutex<Option<Seen>>,
    asked: AtomicBool,
}

#[derive(Debug)]
struct Seen {
    leaf: CertificateDer<'static>,
    chain: Result<(), String>,
    /// It has signed with the certificate's key.
    proved: bool,
}

impl Witness {
    fn new(provider: Arc<CryptoProvider>, roots: Option<Arc<RootCertStore>>) -> Result<Self, rustls::Error> {
        let judge = roots.map(|roots| {
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
            verifier.map_err(|error| rustls::Error::General(error.to_string()))
        });
        Ok(Self {
            provider,
            judge: judge.transpose()?,
            seen: Mutex::default(),
            asked: AtomicBool::new(false),
        })
    }

    fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self, ended: bool) -> Option<Shown> {
        let seen = self.seen().take()?;
        let unproved = || "it does not have the key of its certificate".to_owned();
        Some(Shown {
            leaf: seen.leaf,
            chain: seen
                .chain
                .and_then(|()| seen.proved.then_some(()).ok_or_else(unproved)),
            asks: self.asked() && ended,
        })
    }

    fn proved(
        &self,
        valid: Result<HandshakeSignatureValid, rustls::Error>,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if let Some(seen) = &mut *self.seen() {
            seen.proved = valid.is_ok();
        }
        valid
    }
}

/// What can be said of a certificate without its authority.
fn name_and_time(
    leaf: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), rustls::Error> {
    verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
    let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| CertificateError::BadEncoding)?;
    // What is before 1970 is 1970: nothing is valid that long.
    let at = |second: i64| {
        UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(second).unwrap_or_default()))
    };
    let validity = certificate.validity();
    let not_before = at(validity.not_before.timestamp());
    let not_after = at(validity.not_after.timestamp());
    if now < not_before {
        return Err(CertificateError::NotValidYetContext {
            time: now,
            not_before,
        }
        .into());
    }
    if now > not_after {
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    Ok(())
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = match &self.judge {
            Some(judge) => judge
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .map(|_| ()),
            None => name_and_time(end_entity, server_name, now),
        };
        *self.seen() = Some(Seen {
            leaf: end_entity.clone().into_owned(),
            chain: chain.map_err(|error| error.to_string()),
            proved: false,
        });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.proved(rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            algorithms,
        ))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.proved(rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            algorithms,
        ))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

impl ResolvesClientCert for Witness {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}
