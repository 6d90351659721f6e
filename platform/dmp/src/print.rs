//! `--print-config`: the file with the environment applied, secrets hidden.
//!
//! The same for every service, without knowing its keys; the defaults are added by the service itself, which logs its
//! whole configuration when it starts. What might be a secret is hidden: a URL that may carry a password (a database's),
//! and any value whose key speaks of one.

use std::path::Path;

use dmp_core::config::{ConfigError, ENV_PREFIX, effective, load};
use toml::{Table, Value};

/// The configuration in force, as TOML.
///
/// # Errors
/// When file or environment cannot be read.
pub fn config(path: &Path) -> Result<String, ConfigError> {
    let mut table: Table = load(path, ENV_PREFIX)?;
    hide(&mut table);
    Ok(effective(&table))
}

fn hide(table: &mut Table) {
    for (key, value) in table.iter_mut() {
        hide_value(key, value);
    }
}

fn hide_value(key: &str, value: &mut Value) {
    match value {
        Value::Table(inner) => hide(inner),
        Value::Array(values) => values.iter_mut().for_each(|value| hide_value(key, value)),
        Value::String(text) if is_secret(key, text) => *text = "hidden".to_owned(),
        _ => {}
    }
}

fn is_secret(key: &str, text: &str) -> bool {
    let names_one = ["password", "secret"].iter().any(|word| key.contains(word));
    let may_carry_one = text.contains("://") && (text.contains('@') || !text.starts_with("https://"));
    names_one || may_carry_one || (key == "url" && !text.starts_with("https://"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::config;

    #[test]
    fn shows_what_is_set_and_hides_what_may_be_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let text = r#"
            [service]
            domain = "dmp.test"
            [service.openbao.auth]
            kind = "token-file"
            path = "/run/token"
            [database]
            url = "postgres://app:letmein@localhost/app"
            [keystore]
            url = "host=db password=letmein"
            [other]
            password = "letmein"
            urls = ["https://user:letmein@host", "https://host"]
            [[sources]]
            url = "https://records.dmp-a.svc:8443"
        "#;
        std::fs::write(&path, text).unwrap();
        let printed = config(&path).unwrap();
        assert!(!printed.contains("letmein"), "{printed}");
        for shown in [
            "dmp.test",
            "/run/token",
            "https://host",
            "https://records.dmp-a.svc:8443",
            "hidden",
        ] {
            assert!(printed.contains(shown), "{shown} is missing:\n{printed}");
        }
    }
}
