//! Software renews its own certificate (EST, RFC 7030). The request is kept beside the identity before it is sent: an answer that is
//! lost is asked for again, and it is the same certificate.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use dmp_client::est;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PublicKeyData as _};
use reqwest::StatusCode;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateSigningRequestDer, PrivateKeyDer};
use serde_json::Value;

use crate::demo::GatewayOptions;
use crate::demo::gateway::{Reply, Software, unreachable};
use crate::error::{CliError, Result};
use crate::files::{read, write_secret};

const CA_CERTIFICATES: &str = "/.well-known/est/cacerts";
const REENROLL: &str = "/.well-known/est/simplereenroll";
const PKCS10: &str = "application/pkcs10";
/// How long the platform may take to judge a request.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two questions while it has not.
const PAUSE: Duration = Duration::from_secs(5);

#[derive(Args, Clone, Debug)]
pub struct RenewOptions {
    #[command(flatten)]
    pub gateway: GatewayOptions,
    /// PEM file with the software's certificate and private key. It is replaced; what it was is kept beside it (`.previous`)
    #[arg(long)]
    pub identity: PathBuf,
    /// With a new key. In production a new key needs the vendor's statement first, at the guichet
    #[arg(long)]
    pub new_key: bool,
}

/// Renews and says until when.
///
/// # Errors
/// `renewal-refused` with the platform's reason, `renewal-pending`, or what stopped it. The identity stays what it was.
pub async fn renew(options: &RenewOptions) -> Result<String> {
    let path = &options.identity;
    let identity = read(path)?;
    let software = Software::new(&options.gateway.open()?, Some(identity.clone()))?;
    let pending = beside(path, "renewing");
    let (csr, key) = request(&pending, &identity, options.new_key)?;
    let leaf = match certificate(&software, &csr, PATIENCE).await {
        Ok(leaf) => leaf,
        Err(error) => {
            if error.code == "renewal-refused" {
                forget(&pending)?;
            }
            return Err(error);
        }
    };
    if !fits(&leaf, &key) {
        return Err(not_understood("the certificate is of another key"));
    }
    let reply = software.get(CA_CERTIFICATES, None).await.map_err(unreachable)?;
    let mut new = pem(&leaf)?;
    for authority in certificates(&reply)? {
        new.push_str(&pem(&authority)?);
    }
    new.push_str(&key);
    // Whether it can be used at all is known before it replaces anything.
    Software::new(&options.gateway.open()?, Some(new.clone()))?;
    write_secret(&beside(path, "previous"), &identity)?;
    write_secret(path, &new)?;
    forget(&pending)?;
    Ok(format!("`{}` has its new certificate", path.display()))
}

/// The request of an earlier attempt, or a new one, kept: its base64 and its key (PEM).
fn request(pending: &Path, identity: &str, new_key: bool) -> Result<(String, String)> {
    if pending.exists() {
        let text = read(pending)?;
        let csr =
            CertificateSigningRequestDer::from_pem_slice(text.as_bytes()).map_err(|_| leftover(pending))?;
        return Ok((
            STANDARD.encode(&csr),
            private_key(&text).ok_or_else(|| leftover(pending))?,
        ));
    }
    let key = if new_key {
        KeyPair::generate().map_err(no_request)?
    } else {
        let der = PrivateKeyDer::from_pem_slice(identity.as_bytes()).map_err(|source| {
            CliError::new(
                "no-key",
                "the identity has no private key",
                "give the PEM file with certificate and key",
            )
            .because(source)
        })?;
        KeyPair::try_from(&der).map_err(no_request)?
    };
    let mut params = CertificateParams::default();
    // Names are the platform's to give.
    params.distinguished_name = DistinguishedName::new();
    let made = params.serialize_request(&key).map_err(no_request)?;
    let key = key.serialize_pem();
    write_secret(pending, &format!("{}{key}", made.pem().map_err(no_request)?))?;
    Ok((STANDARD.encode(made.der()), key))
}

async fn certificate(software: &Software, csr: &str, patience: Duration) -> Result<Vec<u8>> {
    let start = Instant::now();
    loop {
        let reply = software.post(REENROLL, PKCS10, csr.to_owned()).await;
        let reply = reply.map_err(unreachable)?;
        if reply.status != StatusCode::ACCEPTED {
            let mut issued = certificates(&reply)?.into_iter();
            return match (issued.next(), issued.next()) {
                (Some(leaf), None) => Ok(leaf),
                _ => Err(not_understood("it is not one certificate")),
            };
        }
        if start.elapsed() + PAUSE > patience {
            return Err(CliError::new(
                "renewal-pending",
                "the platform has not judged the request yet",
                "run the command again later: it asks for the same certificate",
            ));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The certificates of a good answer (DER).
fn certificates(reply: &Reply) -> Result<Vec<Vec<u8>>> {
    if reply.status == StatusCode::OK {
        return est::certificates_of(&reply.body).map_err(|error| not_understood(&error.to_string()));
    }
    let body = reply.json();
    let says = body
        .pointer("/detail")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let code = if reply.status == StatusCode::FORBIDDEN {
        "renewal-refused"
    } else {
        "renewal-failed"
    };
    Err(CliError::new(
        code,
        format!("the gateway answered {}: {says}", reply.summary()),
        "look up the code and the reason in docs/errors.md",
    ))
}

/// Whether a certificate (DER) is of a key (PEM).
fn fits(leaf: &[u8], key: &str) -> bool {
    let own = KeyPair::from_pem(key).map(|key| key.subject_public_key_info());
    est::key_of(leaf).is_ok_and(|key| own.is_ok_and(|own| own == key))
}

/// A file's private key, as PEM of its own.
fn private_key(text: &str) -> Option<String> {
    let der = PrivateKeyDer::from_pem_slice(text.as_bytes()).ok()?;
    KeyPair::try_from(&der).ok().map(|key| key.serialize_pem())
}

fn pem(der: &[u8]) -> Result<String> {
    est::certificate_pem(der).map_err(|error| not_understood(&error.to_string()))
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{what}"));
    name.into()
}

fn forget(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(CliError::file(path, error)),
        _ => Ok(()),
    }
}

fn leftover(path: &Path) -> CliError {
    CliError::new(
        "renewal-leftover",
        format!("`{}` is not what an earlier renewal left", path.display()),
        "remove it, if the certificate in use still works",
    )
}

fn no_request(source: rcgen::Error) -> CliError {
    CliError::new(
        "csr",
        "the certificate request could not be made",
        "the key is P-256, P-384, Ed25519 or RSA, as PKCS #8",
    )
    .because(source)
}

fn not_understood(what: &str) -> CliError {
    CliError::new(
        "renewal-not-understood",
        format!("the gateway's answer is not understood: {what}"),
        "use the dmpctl of the platform's release",
    )
}

#[cfg(test)]
mod tests;
