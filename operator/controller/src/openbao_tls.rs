//! `dmp-operator openbao-tls`: the certificate of OpenBao's own listener.
//!
//! OpenBao issues everybody's certificates but needs one before it can run. Its pod makes one on the first start:
//! the key stays on the pod's volume (never in a Secret), the certificate goes to the ConfigMap `openbao-ca`, where
//! every client finds whom to trust. The CA that signs it exists for the time of that signature only, so the
//! published certificate can vouch for nothing but this one key.
//!
//! A certificate that nears its end is replaced at a start of the pod; the ConfigMap keeps the former CA beside the
//! new one, so that clients which have not read it again go on.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

/// Life of the certificate: the pod is restarted far more often than that.
const LIFETIME_DAYS: i64 = 5 * 365;
/// A certificate with less than this left is replaced.
const RENEW_DAYS: i64 = 365;
const KEY_FILE: &str = "tls.key";
const CERTIFICATE_FILE: &str = "tls.crt";
const CA_FILE: &str = "ca.crt";
/// Key of the ConfigMap.
pub const CA_KEY: &str = "ca.crt";

/// Arguments of the subcommand.
#[derive(clap::Args, Clone, Debug)]
pub struct OpenbaoTls {
    /// Directory for key, certificate and CA, on the pod's own volume.
    #[arg(long)]
    pub directory: PathBuf,
    /// Namespace of the ConfigMap.
    #[arg(long, default_value = "dmp-system")]
    pub namespace: String,
    /// ConfigMap that gets the certificate clients trust (key `ca.crt`). It must exist.
    #[arg(long, default_value = "openbao-ca")]
    pub config_map: String,
    /// DNS name the certificate is valid for; may be given several times.
    #[arg(long = "name", required = true)]
    pub names: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenbaoTlsError {
    #[error("`{path}` cannot be read or written")]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the certificate could not be made")]
    Certificate(#[source] rcgen::Error),
    #[error("`{path}` does not hold a certificate; remove the directory to have another one made")]
    Unreadable { path: PathBuf },
    #[error("the clock or the lifetime is out of range")]
    Clock,
    #[error("the ConfigMap `{name}` could not be written")]
    Publish {
        name: String,
        #[source]
        source: Box<kube::Error>,
    },
}

/// Makes the certificate unless there is a good one, and publishes its CA.
///
/// # Errors
/// See [`OpenbaoTlsError`]; the pod's init container is tried again.
pub async fn run(args: &OpenbaoTls, client: kube::Client) -> Result<(), OpenbaoTlsError> {
    let made = ensure(&args.directory, &args.names, Timestamp::now())?;
    tracing::info!(directory = %args.directory.display(), made, "certificate of OpenBao's listener is in place");
    let published = read(&args.directory.join(CA_FILE))?;
    let api: Api<ConfigMap> = Api::namespaced(client, &args.namespace);
    let patch = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": args.config_map },
        "data": { CA_KEY: published },
    });
    let parameters = PatchParams::apply("dmp-operator/openbao-tls").force();
    api.patch(&args.config_map, &parameters, &Patch::Apply(&patch))
        .await
        .map_err(|source| OpenbaoTlsError::Publish {
            name: args.config_map.clone(),
            source: Box::new(source),
        })?;
    Ok(())
}

/// Whether a new certificate was made. After it, the directory holds `tls.key`, `tls.crt` and `ca.crt`.
///
/// # Errors
/// See [`OpenbaoTlsError`].
fn ensure(directory: &Path, names: &[String], now: Timestamp) -> Result<bool, OpenbaoTlsError> {
    std::fs::create_dir_all(directory).map_err(|source| file(directory, source))?;
    let former = if directory.join(CA_FILE).exists() {
        Some(read(&directory.join(CA_FILE))?)
    } else {
        None
    };
    let complete =
        former.is_some() && directory.join(KEY_FILE).exists() && directory.join(CERTIFICATE_FILE).exists();
    if complete && is_good(directory, names, now)? {
        return Ok(false);
    }
    let certificate = issue(names, now)?;
    // The former CA stays beside the new one; older ones go.
    let former = former
        .as_deref()
        .and_then(|pem| x509_parser::pem::Pem::iter_from_buffer(pem.as_bytes()).next());
    let mut published = certificate.ca;
    if let Some(Ok(former)) = former {
        published.push_str(&pem("CERTIFICATE", &former.contents));
    }
    // The certificate is written last: with it the directory is complete.
    write(&directory.join(CA_FILE), published.as_bytes(), 0o644)?;
    write(&directory.join(KEY_FILE), certificate.key.as_bytes(), 0o600)?;
    write(
        &directory.join(CERTIFICATE_FILE),
        certificate.certificate.as_bytes(),
        0o644,
    )?;
    Ok(true)
}

/// Long enough to live, and for these names.
fn is_good(directory: &Path, names: &[String], now: Timestamp) -> Result<bool, OpenbaoTlsError> {
    let path = directory.join(CERTIFICATE_FILE);
    let text = read(&path)?;
    let unreadable = || OpenbaoTlsError::Unreadable { path: path.clone() };
    let (_, pem) = x509_parser::pem::parse_x509_pem(text.as_bytes()).map_err(|_| unreadable())?;
    let certificate = pem.parse_x509().map_err(|_| unreadable())?;
    let left = certificate.validity().not_after.timestamp() - now.as_second();
    let mut dns: Vec<&str> = Vec::new();
    if let Ok(Some(extension)) = certificate.subject_alternative_name() {
        for name in &extension.value.general_names {
            if let x509_parser::extensions::GeneralName::DNSName(name) = name {
                dns.push(name);
            }
        }
    }
    Ok(left > RENEW_DAYS * 86_400 && names.iter().all(|name| dns.contains(&name.as_str())))
}

struct Issued {
    key: String,
    certificate: String,
    ca: String,
}

fn issue(names: &[String], now: Timestamp) -> Result<Issued, OpenbaoTlsError> {
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
        KeyUsagePurpose,
    };
    // Whole days, from yesterday: clocks differ.
    let day = |days: i64| {
        let second = now.as_second().saturating_add(days.saturating_mul(86_400));
        let date = Timestamp::from_second(second)
            .map_err(|_| OpenbaoTlsError::Clock)?
            .to_zoned(TimeZone::UTC)
            .date();
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        Ok::<_, OpenbaoTlsError>(rcgen::date_time_ymd(i32::from(date.year()), month, day))
    };
    let (not_before, not_after) = (day(-1)?, day(LIFETIME_DAYS)?);

    let mut ca = CertificateParams::default();
    ca.distinguished_name
        .push(DnType::CommonName, format!("DMP OpenBao TLS {}", now.as_second()));
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    (ca.not_before, ca.not_after) = (not_before, not_after);
    let ca_key = KeyPair::generate().map_err(OpenbaoTlsError::Certificate)?;
    let ca_certificate = ca.self_signed(&ca_key).map_err(OpenbaoTlsError::Certificate)?;

    let mut leaf = CertificateParams::new(names.to_vec()).map_err(OpenbaoTlsError::Certificate)?;
    leaf.distinguished_name.push(DnType::CommonName, "openbao");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    (leaf.not_before, leaf.not_after) = (not_before, not_after);
    let key = KeyPair::generate().map_err(OpenbaoTlsError::Certificate)?;
    let issuer = Issuer::from_params(&ca, &ca_key);
    let certificate = leaf
        .signed_by(&key, &issuer)
        .map_err(OpenbaoTlsError::Certificate)?;
    Ok(Issued {
        key: key.serialize_pem(),
        certificate: certificate.pem(),
        ca: ca_certificate.pem(),
    })
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

fn file(path: &Path, source: std::io::Error) -> OpenbaoTlsError {
    OpenbaoTlsError::File {
        path: path.to_owned(),
        source,
    }
}

fn read(path: &Path) -> Result<String, OpenbaoTlsError> {
    std::fs::read_to_string(path).map_err(|source| file(path, source))
}

/// Whole or not at all: a pod that dies in between leaves the former file.
fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), OpenbaoTlsError> {
    let draft = path.with_extension("draft");
    let _ = std::fs::remove_file(&draft);
    let mut out = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&draft)
        .map_err(|source| file(&draft, source))?;
    out.write_all(bytes)
        .and_then(|()| out.sync_all())
        .map_err(|source| file(&draft, source))?;
    std::fs::rename(&draft, path).map_err(|source| file(path, source))
}

#[cfg(test)]
mod tests;
