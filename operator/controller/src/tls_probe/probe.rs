//! One endpoint, asked for each version by a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use dmp_api::tls_probe::{Chain, Endpoint, Role, Version};
use jiff::Timestamp;
use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::handshake::{Shown, shake_hands};
use super::hello;
use super::targets::{Authority, Target};

/// For a connection to be made, for a handshake, for an answer.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Longest reason that is kept, in characters.
const LONGEST: usize = 200;

/// PostgreSQL's `SSLRequest` (Frontend/Backend Protocol, message formats): length 8, code 80877103; the answer is one byte.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const TLS_FOLLOWS: u8 = b'S';

/// Who may have signed what.
#[derive(Clone, Debug)]
pub struct Roots {
    /// The platform's root.
    pub platform: Arc<RootCertStore>,
    /// Of OpenBao's own listener.
    pub openbao: Arc<RootCertStore>,
}

/// Nobody was there to ask.
#[derive(Debug, thiserror::Error)]
#[error("it cannot be reached ({0})")]
pub struct Unreachable(String);

/// Asks one endpoint. What answers but speaks no TLS has no version.
///
/// # Errors
/// When no connection came about, be it for one of the versions: half an answer is none.
pub async fn probe(target: &Target, roots: &Roots) -> Result<Endpoint, Unreachable> {
    let name = ServerName::try_from(target.host.clone())
        .map_err(|_| Unreachable("its name is none of a host".to_owned()))?;
    let mut versions = Vec::new();
    for version in [Version::V1_0, Version::V1_1, Version::V1_2] {
        if is_offered(target, version).await? {
            versions.push(version);
        }
    }
    let authority = match target.authority {
        Authority::Platform => Some(&roots.platform),
        Authority::OpenBao => Some(&roots.openbao),
        Authority::Unknown => None,
    };
    let shake = async |version| {
        let Some(stream) = connect(target).await? else {
            return Ok(None);
        };
        let wait = target.role != Role::Store;
        shake_hands(stream, version, &name, authority.map(Arc::clone), wait)
            .await
            .map_err(|error| Unreachable(error.to_string()))
    };
    let mut shown = shake(&rustls::version::TLS13).await?;
    if shown.is_some() {
        versions.push(Version::V1_3);
    } else if versions.contains(&Version::V1_2) {
        shown = shake(&rustls::version::TLS12).await?;
    }
    Ok(endpoint(target, versions, shown))
}

fn endpoint(target: &Target, versions: Vec<Version>, shown: Option<Shown>) -> Endpoint {
    let good = match target.authority {
        Authority::Unknown => Chain::NameAndTime,
        Authority::Platform | Authority::OpenBao => Chain::Verified,
    };
    let nothing = if versions.is_empty() {
        "it speaks no TLS"
    } else {
        "it showed no certificate"
    };
    let (chain, why) = match shown.as_ref().map(|shown| &shown.chain) {
        Some(Ok(())) => (good, String::new()),
        Some(Err(why)) => (Chain::Bad, why.chars().take(LONGEST).collect()),
        None => (Chain::Bad, nothing.to_owned()),
    };
    let times = shown.as_ref().and_then(|shown| times(&shown.leaf));
    Endpoint {
        name: target.name.clone(),
        role: target.role,
        versions,
        chain,
        asks_for_certificate: shown.is_some_and(|shown| shown.asks),
        not_before: times.map(|(from, _)| from),
        not_after: times.map(|(_, to)| to),
        why,
    }
}

/// Of one that has not been reached for too long.
pub fn silent(target: &Target, why: &Unreachable) -> Endpoint {
    Endpoint {
        why: why.to_string().chars().take(LONGEST).collect(),
        ..endpoint(target, Vec::new(), None)
    }
}

fn times(leaf: &CertificateDer<'_>) -> Option<(Timestamp, Timestamp)> {
    let (_, certificate) = X509Certificate::from_der(leaf).ok()?;
    let validity = certificate.validity();
    let at = |second| Timestamp::from_second(second).ok();
    Some((
        at(validity.not_before.timestamp())?,
        at(validity.not_after.timestamp())?,
    ))
}

/// Up to where TLS begins; `None` when what answers does not begin it.
async fn connect(target: &Target) -> Result<Option<TcpStream>, Unreachable> {
    let slow = |_| Unreachable(format!("no answer within {PATIENCE:?}"));
    let failed = |error: std::io::Error| Unreachable(error.kind().to_string());
    let mut stream = timeout(PATIENCE, TcpStream::connect((target.host.as_str(), target.port)))
        .await
        .map_err(slow)?
        .map_err(failed)?;
    if !target.postgresql {
        return Ok(Some(stream));
    }
    let preface = async {
        stream.write_all(&SSL_REQUEST).await?;
        stream.read_u8().await
    };
    match timeout(PATIENCE, preface).await {
        Ok(Ok(TLS_FOLLOWS)) => Ok(Some(stream)),
        Ok(Ok(_)) | Err(_) => Ok(None),
        Ok(Err(error)) => Err(failed(error)),
    }
}

/// Whether the server answers a ClientHello of that version with the same. An alert, an end, silence: it does not.
async fn is_offered(target: &Target, version: Version) -> Result<bool, Unreachable> {
    let Some(hello) = hello::client_hello(version, &target.host, &rand::random()) else {
        return Ok(false);
    };
    let Some(mut stream) = connect(target).await? else {
        return Ok(false);
    };
    let mut answer = [0; hello::ENOUGH];
    let exchange = async {
        stream.write_all(&hello).await?;
        stream.read_exact(&mut answer).await
    };
    let answered = matches!(timeout(PATIENCE, exchange).await, Ok(Ok(_)));
    Ok(answered && hello::is_offered(version, &answer))
}
