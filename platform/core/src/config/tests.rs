#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    service: ServiceConfig,
    database: DatabaseConfig,
}

const MINIMAL: &str = r#"
[service]
domain = "dmp.test"
name = "registry"
namespace = "dmp-national"
[service.openbao]
address = "https://openbao.dmp-system.svc:8200"
auth = { kind = "kubernetes", role = "dmp-national.registry" }
[database]
host = "registry-rw.dmp-national.svc"
credentials = "/etc/dmp/db/registry"
ca = "/etc/dmp/db/registry-ca/ca.crt"
"#;

fn read(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load_from(file.path(), ENV_PREFIX, environment)
}

/// The whole chain, as a `main` prints it.
fn message(error: &ConfigError) -> String {
    crate::problem::Chain(error).to_string()
}

#[test]
fn defaults_are_those_of_the_contract() {
    let config = read(MINIMAL, &[]).unwrap();
    assert_eq!(config.service.listen.to_string(), "0.0.0.0:8443");
    assert_eq!(config.service.health_listen.to_string(), "0.0.0.0:9090");
    assert_eq!(config.service.max_connection_age, Duration::from_secs(600));
    assert_eq!(config.service.issuer(), "https://gateway.dmp.test");
    assert!(matches!(config.service.tls, TlsConfig::OpenBao));
    assert_eq!(config.database.tls, DatabaseTls::VerifyFull);
    assert_eq!(config.database.statement_timeout, Duration::from_secs(10));
}

#[test]
fn environment_overrides_the_file() {
    let config = read(
        MINIMAL,
        &[
            ("DMP_SERVICE__LISTEN", "127.0.0.1:1"),
            ("DMP_SERVICE__DRAIN", "1m 30s"),
            ("DMP_SERVICE__OPENBAO__ADDRESS", "http://127.0.0.1:8200"),
            ("DMP_DATABASE__MAX_CONNECTIONS", "3"),
            (
                "DMP_SERVICE__TLS",
                r#"{ kind = "files", cert = "c", key = "k", ca = "a" }"#,
            ),
            ("DMP_LOG", "debug"),
            ("DMP_OPERATOR_SERVICE_HOST", "10.0.0.1"),
        ],
    )
    .unwrap();
    assert_eq!(config.service.listen.port(), 1);
    assert_eq!(config.service.drain, Duration::from_secs(90));
    assert_eq!(config.service.openbao.address, "http://127.0.0.1:8200");
    assert_eq!(config.database.max_connections, Some(3));
    assert!(matches!(config.service.tls, TlsConfig::Files { .. }));
}

#[test]
fn an_unknown_key_is_an_error_that_names_it() {
    let in_file = MINIMAL.replace("[database]", "[database]\nhosst = \"x\"");
    assert!(message(&read(&in_file, &[]).unwrap_err()).contains("hosst"));
    let in_table = MINIMAL.replace("[database]", "[databases]\n[database]");
    assert!(message(&read(&in_table, &[]).unwrap_err()).contains("databases"));
    let in_environment = read(MINIMAL, &[("DMP_SERVICE__LISTENN", "127.0.0.1:1")]).unwrap_err();
    assert!(message(&in_environment).contains("listenn"));
    let in_enum = MINIMAL.replace("role =", "mount = \"x\", role =");
    assert!(message(&read(&in_enum, &[]).unwrap_err()).contains("mount"));
}

#[test]
fn bad_values_are_errors() {
    for (from, to) in [
        ("[database]", "[database]\nstatement_timeout = \"-5s\""),
        ("[database]", "[database]\nstatement_timeout = 5"),
        ("[database]", "[database]\nstatement_timeout = \"soon\""),
        ("[database]", "[database]\ntls = \"prefer\""),
        ("[database]", "[database"),
        ("kind = \"kubernetes\"", "kind = \"none\""),
    ] {
        assert!(read(&MINIMAL.replace(from, to), &[]).is_err(), "{to}");
    }
    assert!(matches!(
        read(MINIMAL, &[("DMP_SERVICE__NAME__X", "1")]),
        Err(ConfigError::NotATable(_))
    ));
}

#[test]
fn secrets_are_hidden_everywhere() {
    let text = MINIMAL.replace("[database]", "[database]\nurl = \"postgres://u:swordfish@h/d\"");
    let config = read(&text, &[]).unwrap();
    assert_eq!(
        config.database.url.as_ref().unwrap().expose(),
        "postgres://u:swordfish@h/d"
    );
    let printed = effective(&config);
    assert!(printed.contains("url = \"hidden\""), "{printed}");
    assert!(printed.contains("statement_timeout = \"10s\""), "{printed}");
    assert!(!printed.contains("swordfish"));
    assert!(!format!("{config:?}").contains("swordfish"));
    let wrong_type = MINIMAL.replace("[database]", "[database]\nurl = [\"swordfish\"]");
    let not_toml = MINIMAL.replace("[database]", "[database]\nurl = \"swordfish");
    for text in [wrong_type, not_toml] {
        assert!(!message(&read(&text, &[]).unwrap_err()).contains("swordfish"));
    }
}

#[test]
fn the_effective_configuration_can_be_read_again() {
    let printed = effective(&read(MINIMAL, &[]).unwrap());
    assert_eq!(effective(&read(&printed, &[]).unwrap()), printed);
}
