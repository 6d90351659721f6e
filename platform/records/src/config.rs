//! The configuration file of `dmp records`.

use dmp_core::config::{DatabaseConfig, ServiceConfig};
use dmp_core::ids::GroupName;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) service: ServiceConfig,
    pub(crate) records: RecordsConfig,
    /// CNPG cluster `records`: documents and the log.
    pub(crate) database: DatabaseConfig,
    /// CNPG cluster `keystore`: patients' wrapped keys, nothing else.
    pub(crate) keystore: DatabaseConfig,
}

/// `[records]`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordsConfig {
    pub(crate) group: GroupName,
    /// `https://registry.dmp-national.svc:8443`.
    pub(crate) registry_url: String,
    /// `https://consent.dmp-national.svc:8443`.
    pub(crate) consent_url: String,
}
