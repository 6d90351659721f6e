//! The configuration file of `dmp registry`.

use dmp_core::config::{DatabaseConfig, ServiceConfig};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) service: ServiceConfig,
    /// CNPG cluster `registry`.
    pub(crate) database: DatabaseConfig,
}
