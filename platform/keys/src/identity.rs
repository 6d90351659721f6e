//! The certificate of a running process: key pair in memory, CSR signed by `pki-services`, renewed at half its life.
//!
//! The private key never leaves the process; `dmp_core::tls::Identity` serves it and takes the renewed one without
//! a restart. What names the certificate may carry is decided by the role in OpenBao, not here.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dmp_core::config::{ServiceConfig, TlsConfig};
use dmp_core::peer::SpiffeId;
use dmp_core::problem::Chain;
use dmp_core::service::Service;
use dmp_core::tls::{Identity, TlsError, roots_of_file};
use jiff::Timestamp;
use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_util::sync::CancellationToken;

use crate::openbao::{CertificateRequest, Client, Error};
use crate::secret::random_bytes;

/// Mount of the intermediate CA for services.
pub const MOUNT: &str = "pki-services";
/// Life of a certificate.
const TTL: &str = "1h";
/// A start waits this long for OpenBao.
const START_WAIT: Duration = Duration::from_secs(120);
const RETRY: Duration = Duration::from_secs(5);
/// Below this part of its life the process is not ready: the renewal has been failing for long.
const READY_PART: u32 = 12;

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("the certificate could not be had from OpenBao")]
    OpenBao(#[from] Error),
    #[error("the certificate request cannot be made")]
    Request(#[from] rcgen::Error),
    #[error("the certificate's chain is not PEM")]
    Chain(#[source] rustls_pki_types::pem::Error),
    #[error("the certificate is not usable")]
    Tls(#[from] TlsError),
}

/// The names a process asks for.
#[derive(Clone, Debug)]
pub struct Names {
    /// Role of [`MOUNT`] that signs: `service`, or `gateway` for public names.
    pub role: String,
    pub spiffe: SpiffeId,
    pub dns: Vec<String>,
    pub ips: Vec<IpAddr>,
}

impl Names {
    /// Those of `docs/interfaces.md` for a service.
    pub fn of_service(config: &ServiceConfig) -> Self {
        let (name, namespace) = (&config.name, &config.namespace);
        Self {
            role: "service".to_owned(),
            spiffe: SpiffeId::service(&config.domain, namespace, name),
            dns: vec![
                format!("{name}.{namespace}.svc"),
                format!("{name}.{namespace}.svc.cluster.local"),
                format!("{name}.{namespace}"),
            ],
            ips: Vec::new(),
        }
    }

    /// With public names beside the service's own, signed by the role `gateway`.
    #[must_use]
    pub fn with_public(
        mut self,
        dns: impl IntoIterator<Item = String>,
        ips: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        self.role = "gateway".to_owned();
        self.dns.extend(dns);
        self.ips.extend(ips);
        self
    }
}

/// The identity of a service as its configuration says: from OpenBao (waiting for it up to two minutes, renewed in the
/// background, with the readiness check `certificate`) or from files.
///
/// # Errors
/// See [`IdentityError`].
pub async fn of_service(
    service: &Service,
    config: &ServiceConfig,
    names: Names,
    client: &Client,
) -> Result<Identity, IdentityError> {
    if let TlsConfig::Files { cert, key, ca } = &config.tls {
        return Ok(Identity::from_pem_files(cert, key, ca)?);
    }
    let identity = first(client, &names, &config.trust_dir.join("ca.crt")).await?;
    let life = Arc::new(AtomicU64::new(rest(&identity).as_secs()));
    let (checked, whole) = (identity.clone(), Arc::clone(&life));
    service.health().add("certificate", move || {
        let (identity, whole) = (
            checked.clone(),
            Duration::from_secs(whole.load(Ordering::Relaxed)),
        );
        async move {
            if rest(&identity) > whole / READY_PART {
                Ok(())
            } else {
                Err("the certificate is about to expire")
            }
        }
    });
    service.spawn(keep(
        identity.clone(),
        client.clone(),
        names,
        life,
        service.shutdown(),
    ));
    Ok(identity)
}

/// The first certificate, with patience for an OpenBao (or a pod's token) that is not there yet.
async fn first(client: &Client, names: &Names, root_ca: &Path) -> Result<Identity, IdentityError> {
    let start = std::time::Instant::now();
    loop {
        match obtain(client, names, root_ca).await {
            Err(IdentityError::OpenBao(error)) if start.elapsed() < START_WAIT => {
                tracing::warn!(error = %Chain(&error), "no certificate yet");
                tokio::time::sleep(RETRY).await;
            }
            outcome => return outcome,
        }
    }
}

/// A new key pair and its certificate; `root_ca` is what the process trusts when it calls others.
///
/// # Errors
/// See [`IdentityError`].
pub async fn obtain(client: &Client, names: &Names, root_ca: &Path) -> Result<Identity, IdentityError> {
    let (chain, key) = certificate(client, names).await?;
    Ok(Identity::new(chain, key, roots_of_file(root_ca)?)?)
}

/// Renews at half of the certificate's life (`life`, in seconds, of the newest) until `shutdown`; goes on trying when
/// OpenBao does not answer.
pub(crate) async fn keep(
    identity: Identity,
    client: Client,
    names: Names,
    life: Arc<AtomicU64>,
    shutdown: CancellationToken,
) {
    loop {
        let wait = rest(&identity).div_f64(2.0).mul_f64(jitter());
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        loop {
            match renew(&identity, &client, &names).await {
                Ok(()) => {
                    life.store(rest(&identity).as_secs(), Ordering::Relaxed);
                    break tracing::info!(not_after = %identity.not_after(), "certificate renewed");
                }
                Err(error) => tracing::warn!(error = %Chain(&error), "certificate not renewed"),
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(RETRY.mul_f64(jitter())) => {}
            }
        }
    }
}

async fn renew(identity: &Identity, client: &Client, names: &Names) -> Result<(), IdentityError> {
    let (chain, key) = certificate(client, names).await?;
    identity.replace(chain, key)?;
    Ok(())
}

async fn certificate(
    client: &Client,
    names: &Names,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), IdentityError> {
    let key = KeyPair::generate()?;
    let request = CertificateRequest {
        csr: request(names)?.serialize_request(&key)?.pem()?,
        common_name: names.dns.first().cloned().unwrap_or_default(),
        uri_sans: vec![names.spiffe.to_string()],
        dns_sans: names.dns.clone(),
        ip_sans: names.ips.clone(),
        ttl: TTL.to_owned(),
        serial_number: None,
    };
    let signed = client.sign_certificate(MOUNT, &names.role, &request).await?;
    let chain = CertificateDer::pem_slice_iter(signed.chain_pem().as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(IdentityError::Chain)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    Ok((chain, key))
}

fn request(names: &Names) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if let Some(name) = names.dns.first() {
        params.distinguished_name.push(DnType::CommonName, name);
    }
    params
        .subject_alt_names
        .push(SanType::URI(Ia5String::try_from(names.spiffe.as_str())?));
    for name in &names.dns {
        params
            .subject_alt_names
            .push(SanType::DnsName(Ia5String::try_from(name.as_str())?));
    }
    for address in &names.ips {
        params.subject_alt_names.push(SanType::IpAddress(*address));
    }
    Ok(params)
}

/// What is left of the certificate's life.
fn rest(identity: &Identity) -> Duration {
    Duration::try_from(Timestamp::now().duration_until(identity.not_after())).unwrap_or_default()
}

/// 0.9 … 1.0, so that replicas do not renew together.
fn jitter() -> f64 {
    random_bytes::<1>().map_or(0.95, |[byte]| 0.9 + f64::from(byte) / 2550.0)
}
