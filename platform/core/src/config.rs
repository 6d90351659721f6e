//! Configuration: a TOML file, then the environment, into typed structs.
//!
//! `DMP_<SECTION>__<KEY>` overrides `key` in `[section]` (deeper tables by more `__`). A variable without `__`
//! is not configuration. A value that reads as TOML (number, boolean, array, quoted string) is that; anything
//! else is text. Structs of configuration carry `#[serde(deny_unknown_fields)]`, so that a misspelt key is an
//! error. What is read in force can be printed: [`effective`] hides every [`Secret`].

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

mod sections;
#[cfg(test)]
mod tests;

pub use sections::{
    DatabaseConfig, DatabaseTls, OpenBaoAuth, OpenBaoConfig, ServiceConfig, TelemetryConfig, TlsConfig,
};

/// The prefix of the platform's variables.
pub const ENV_PREFIX: &str = "DMP_";

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the configuration `{path}`")]
    Read {
        path: String,
        #[source]
        source: std::io::Error,
    },
    /// Without the text that stands there: it may be a secret.
    #[error("the configuration `{path}` is not TOML at line {line}: {message}")]
    Syntax {
        path: String,
        line: usize,
        message: String,
    },
    #[error("the variable `{0}` names a key below something that is not a table")]
    NotATable(String),
    #[error("the configuration of `{path}` with its environment is not valid")]
    Invalid {
        path: String,
        #[source]
        source: toml::de::Error,
    },
}

/// Reads `path`, applies the variables that begin with `env_prefix` (use [`ENV_PREFIX`]).
///
/// # Errors
/// Names the file, and the key that is unknown, missing or of the wrong type; the value of a [`Secret`] is never
/// repeated.
pub fn load<T: DeserializeOwned>(path: &Path, env_prefix: &str) -> Result<T, ConfigError> {
    load_from(path, env_prefix, std::env::vars())
}

/// [`load`] with the environment as an argument.
///
/// # Errors
/// As [`load`].
pub fn load_from<T: DeserializeOwned>(
    path: &Path,
    env_prefix: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<T, ConfigError> {
    let name = || path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: name(), source })?;
    let mut table: toml::Table =
        toml::from_str(&text).map_err(|error: toml::de::Error| ConfigError::Syntax {
            path: name(),
            line: error.span().map_or(0, |span| {
                text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1
            }),
            message: error.message().to_owned(),
        })?;
    for (variable, value) in environment {
        let Some(keys) = variable
            .strip_prefix(env_prefix)
            .filter(|rest| rest.contains("__"))
        else {
            continue;
        };
        let keys: Vec<String> = keys.split("__").map(str::to_lowercase).collect();
        set(&mut table, &keys, environment_value(value)).ok_or(ConfigError::NotATable(variable))?;
    }
    table
        .try_into()
        .map_err(|source| ConfigError::Invalid { path: name(), source })
}

/// The configuration in force as TOML, with secrets as `hidden`.
pub fn effective<T: Serialize>(config: &T) -> String {
    toml::to_string_pretty(config).unwrap_or_else(|error| format!("# cannot be printed: {error}"))
}

fn set(table: &mut toml::Table, keys: &[String], value: toml::Value) -> Option<()> {
    match keys {
        [] => None,
        [key] => {
            table.insert(key.clone(), value);
            Some(())
        }
        [key, deeper @ ..] => table
            .entry(key.clone())
            .or_insert_with(|| toml::Value::Table(toml::Table::new()))
            .as_table_mut()
            .and_then(|inner| set(inner, deeper, value)),
    }
}

fn environment_value(text: String) -> toml::Value {
    let as_toml = toml::from_str::<toml::Table>(&format!("value = {text}"));
    match as_toml.ok().and_then(|mut table| table.remove("value")) {
        Some(toml::Value::Datetime(_)) | None => toml::Value::String(text),
        Some(value) => value,
    }
}

/// A value that no print, log or dump shows: `Debug` and `Serialize` write `hidden`. Wiped when dropped.
#[derive(Clone)]
pub struct Secret<T: zeroize::Zeroize>(T);

impl<T: zeroize::Zeroize> Secret<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: zeroize::Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: zeroize::Zeroize> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hidden")
    }
}

impl<'de, T: zeroize::Zeroize + serde::Deserialize<'de>> serde::Deserialize<'de> for Secret<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // the error of the value itself would repeat it
        T::deserialize(deserializer)
            .map(Self)
            .map_err(|_| serde::de::Error::custom("the secret is of a wrong type"))
    }
}

impl<T: zeroize::Zeroize> Serialize for Secret<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("hidden")
    }
}

/// `#[serde(with = "dmp_core::config::duration")]`: a [`std::time::Duration`] as text, `"5s"`, `"10m"`, `"1h 30m"`.
pub mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// # Errors
    /// When the text is not a duration, or a negative one.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        let duration: jiff::SignedDuration = text
            .parse()
            .map_err(|_| D::Error::custom(format!("`{text}` is not a duration like `5s` or `10m`")))?;
        Duration::try_from(duration).map_err(|_| D::Error::custom(format!("`{text}` is negative")))
    }

    /// # Errors
    /// When the duration is longer than 292 billion years.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        let duration = jiff::SignedDuration::try_from(*duration).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&format!("{duration:#}"))
    }
}
