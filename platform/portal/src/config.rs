//! The configuration file of `dmp portal`.

use dmp_core::config::ServiceConfig;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) service: ServiceConfig,
    #[serde(default)]
    pub(crate) portal: PortalConfig,
}

/// `[portal]`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PortalConfig {
    /// Whether there is an API server: without one the suite works, and the guichet answers 503.
    #[serde(default)]
    pub(crate) cluster: bool,
    /// `https://registry.dmp-national.svc:8443`; without it a vendor gets no synthetic people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) registry_url: Option<String>,
    /// `https://audit.dmp-national.svc:8443`; without it nothing can be done at the guichet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) audit_url: Option<String>,
}
