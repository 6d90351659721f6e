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

/// `[records]`, as the operator writes it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordsConfig {
    pub(crate) group: GroupName,
    /// Of the `HealthGroup`. Shown with the configuration in force; which people may come is the gateway's to decide.
    pub(crate) mode: Mode,
    #[serde(default = "default_registry")]
    pub(crate) registry_url: String,
    #[serde(default = "default_consent")]
    pub(crate) consent_url: String,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    Sandbox,
    Production,
}

fn default_registry() -> String {
    "https://registry.dmp-national.svc:8443".to_owned()
}

fn default_consent() -> String {
    "https://consent.dmp-national.svc:8443".to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::Config;

    /// The text that the operator writes (operator/controller, `plane/config.rs`).
    #[test]
    fn the_operators_configuration_is_understood() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let text = r#"
[service]
domain = "dmp.test"
name = "records"
namespace = "dmp-a"
issuer = "https://gateway.dmp.test"

[service.openbao]
address = "https://openbao.dmp-system.svc:8200"
ca = "/etc/dmp/trust/openbao-ca.crt"
namespace = "group-a"

[service.openbao.auth]
kind = "kubernetes"
role = "dmp-a.records"

[database]
host = "records-rw.dmp-a.svc"
credentials = "/etc/dmp/db/records"
ca = "/etc/dmp/db/records-ca/ca.crt"

[keystore]
host = "keystore-rw.dmp-a.svc"
credentials = "/etc/dmp/db/keystore"
ca = "/etc/dmp/db/keystore-ca/ca.crt"

[records]
group = "a"
mode = "sandbox"
"#;
        std::fs::write(&path, text).unwrap();
        let config: Config = dmp_core::config::load_from(&path, "DMP_", []).unwrap();
        assert_eq!(config.records.group.as_str(), "a");
        assert_eq!(
            config.records.registry_url,
            "https://registry.dmp-national.svc:8443"
        );
    }
}
