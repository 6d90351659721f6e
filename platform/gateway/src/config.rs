//! Configuration of the gateway: `[service]` as every service, `[gateway]` for what is its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use dmp_client::quota::Quotas;
use dmp_core::config::ServiceConfig;
use dmp_core::peer::{NATIONAL_NAMESPACE, SYSTEM_NAMESPACE, SpiffeId};
use serde::{Deserialize, Serialize};

/// The whole of `config.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub service: ServiceConfig,
    pub gateway: GatewayConfig,
}

/// `[gateway]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    /// mTLS for solutions.
    #[serde(default = "public_listen")]
    pub public_listen: SocketAddr,
    /// TLS for people at the guichet.
    #[serde(default = "guichet_listen")]
    pub guichet_listen: SocketAddr,
    /// DNS names and IP addresses under which solutions reach the gateway; they go into its certificate.
    pub public_names: Vec<String>,
    /// What clients put before `/fhir`, without a final slash; the tokens' `iss` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Base URLs of the operator, asked in turn: `https://dmp-operator.dmp-system.svc:8443`.
    pub operator_urls: Vec<String>,
    /// File that remembers the highest facts number across restarts of the process (on an `emptyDir`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts_seen: Option<PathBuf>,
    /// `https://registry.dmp-national.svc:8443`.
    pub registry_url: String,
    /// `https://consent.dmp-national.svc:8443`.
    pub consent_url: String,
    /// `https://audit.dmp-national.svc:8443`.
    pub audit_url: String,
    /// `https://portal.dmp-national.svc:8443`.
    pub portal_url: String,
    /// How long a service may take to answer. A submission and a document get six times as long.
    #[serde(default = "upstream_timeout", with = "dmp_core::config::duration")]
    pub upstream_timeout: Duration,
    /// Bytes of request bodies held at once; further requests wait. The process may need three times as much.
    #[serde(default = "body_memory")]
    pub body_memory: u32,
    /// Requests by kind of software, of each process of the gateway: `[gateway.quotas.cabinet] credential = { per_second = 10, burst = 40 }`.
    #[serde(default)]
    pub quotas: Quotas,
}

impl Config {
    /// The base of the FHIR routes, as clients see it.
    pub fn fhir_base(&self) -> String {
        let url = self
            .gateway
            .public_url
            .clone()
            .unwrap_or_else(|| self.service.issuer());
        format!("{}/fhir", url.trim_end_matches('/'))
    }

    /// Who a national service must be.
    pub fn national(&self, name: &str) -> SpiffeId {
        SpiffeId::service(&self.service.domain, NATIONAL_NAMESPACE, name)
    }

    /// Who the operator must be.
    pub fn operator(&self) -> SpiffeId {
        SpiffeId::service(&self.service.domain, SYSTEM_NAMESPACE, "dmp-operator")
    }
}

fn public_listen() -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, 9443).into()
}

fn guichet_listen() -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, 9444).into()
}

const fn upstream_timeout() -> Duration {
    Duration::from_secs(5)
}

const fn body_memory() -> u32 {
    128 * 1024 * 1024
}
