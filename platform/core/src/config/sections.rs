//! The sections that several services share. Defaults are those of `docs/interfaces.md`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Secret;

/// `[service]`: who the process is and where it listens.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceConfig {
    /// Trust domain, `Platform.spec.domain`.
    pub domain: String,
    /// `registry`, `records`…: Service and ServiceAccount carry the same name.
    pub name: String,
    /// Kubernetes namespace.
    pub namespace: String,
    /// mTLS for services.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Plain HTTP: `/livez`, `/readyz`, `/metrics`.
    #[serde(default = "default_health_listen")]
    pub health_listen: SocketAddr,
    /// Where ConfigMap `dmp-trust` is mounted.
    #[serde(default = "default_trust_dir")]
    pub trust_dir: PathBuf,
    /// `iss` of the platform's tokens; `https://gateway.<domain>` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// A connection is closed (gracefully) at this age; it stays below the life of a certificate.
    #[serde(default = "default_max_connection_age", with = "super::duration")]
    pub max_connection_age: Duration,
    /// How long requests in flight may take to end at shutdown.
    #[serde(default = "default_drain", with = "super::duration")]
    pub drain: Duration,
    #[serde(default)]
    pub tls: TlsConfig,
    pub openbao: OpenBaoConfig,
    #[serde(default)]
    pub telemetry: TelemetryConfig,
}

impl ServiceConfig {
    /// `iss` that tokens must carry.
    pub fn issuer(&self) -> String {
        self.issuer
            .clone()
            .unwrap_or_else(|| format!("https://gateway.{}", self.domain))
    }
}

/// `[service.tls]`: where the service's own certificate comes from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum TlsConfig {
    /// Signed at start by OpenBao's `pki-services`, key in memory, renewed at half its life.
    #[default]
    OpenBao,
    /// PEM files of another PKI (and of tests).
    Files {
        cert: PathBuf,
        key: PathBuf,
        ca: PathBuf,
    },
}

/// `[service.openbao]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenBaoConfig {
    /// `https://openbao.dmp-system.svc:8200`.
    pub address: String,
    /// OpenBao namespace of the service's group (`group-<group>`); absent for national services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// PEM of the CA of `address`; none for plain HTTP (tests).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    pub auth: OpenBaoAuth,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OpenBaoAuth {
    /// Kubernetes auth with the projected ServiceAccount token.
    Kubernetes {
        role: String,
        #[serde(default = "default_token_path")]
        token_path: PathBuf,
    },
    /// A file that holds an OpenBao token, read at each log-in.
    TokenFile { path: PathBuf },
}

/// `[service.telemetry]`: traces by OTLP (HTTP/protobuf); none without an endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// `https://collector.monitoring.svc:4318/v1/traces`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_endpoint: Option<String>,
    /// PEM of the CA of an `https` endpoint; the platform's own, `<trust_dir>/ca.crt`, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_ca: Option<PathBuf>,
    /// Part of the requests at the gateway that begin a trace, 0 to 1. The services behind follow the gateway.
    pub sample_ratio: f64,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            otlp_ca: None,
            sample_ratio: 0.1,
        }
    }
}

/// `[database]` (or another table name, when a service has two).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseConfig {
    /// `<cluster>-rw.<namespace>.svc`. Not with `url`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `app` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Folder with the files `username` and `password`: `/etc/dmp/db/<cluster>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<PathBuf>,
    /// PEM of the CA that signs the server's certificate: `/etc/dmp/db/<cluster>-ca/ca.crt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    pub tls: DatabaseTls,
    /// Everything in one URL (tests, other installations); then the fields above are not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret<String>>,
    /// Default 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u32>,
    /// The server ends a statement that runs longer. Default 10 s.
    #[serde(default = "default_statement_timeout", with = "super::duration")]
    pub statement_timeout: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseTls {
    /// The server's certificate must be of `ca` and name `host`.
    #[default]
    VerifyFull,
    /// No TLS: a socket of this machine.
    Disable,
}

fn default_listen() -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, 8443).into()
}

fn default_health_listen() -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, 9090).into()
}

fn default_trust_dir() -> PathBuf {
    "/etc/dmp/trust".into()
}

const fn default_max_connection_age() -> Duration {
    Duration::from_secs(600)
}

const fn default_drain() -> Duration {
    Duration::from_secs(15)
}

fn default_token_path() -> PathBuf {
    "/var/run/dmp/openbao/token".into()
}

const fn default_statement_timeout() -> Duration {
    Duration::from_secs(10)
}
