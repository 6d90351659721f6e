//! The configuration file of `dmp consent`.

use dmp_core::config::{DatabaseConfig, ServiceConfig};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) service: ServiceConfig,
    /// CNPG cluster `consent`.
    pub(crate) database: DatabaseConfig,
    pub(crate) consent: ConsentConfig,
}

/// `[consent]`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsentConfig {
    /// `https://registry.dmp-national.svc:8443`.
    pub(crate) registry_url: String,
}
