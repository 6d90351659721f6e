//! What watches the platform: alert rules, dashboards, and what their tests share.
//!
//! Rules are written by hand in `manifests/observability/rules`; dashboards are described here ([`dashboards`]). The
//! program `observability` writes from both what Grafana and the Prometheus operator read. [`names`] says which metrics
//! an expression reads, so that tests can look for each in a real `/metrics`.

pub mod dashboard;
pub mod dashboards;
pub mod generate;
pub mod names;
pub mod rules;

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{path}` cannot be read or written")]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{path}` is not a file of alert rules")]
    Rules {
        path: PathBuf,
        #[source]
        source: Box<serde_saphyr::Error>,
    },
    #[error("a manifest cannot be written")]
    Json(#[from] serde_json::Error),
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `manifests/observability`.
pub fn manifests() -> PathBuf {
    repository().join("manifests/observability")
}

/// Every metric that a rule or a dashboard reads.
///
/// # Errors
/// When the rules cannot be read.
pub fn metrics_read() -> Result<std::collections::BTreeSet<String>, Error> {
    let rules = rules::read()?;
    let of_rules = rules
        .iter()
        .flat_map(|file| file.rules())
        .map(|rule| rule.expr.clone());
    let dashboards = dashboards::all();
    let of_dashboards = dashboards.iter().flat_map(|dashboard| dashboard.expressions());
    Ok(of_rules
        .chain(of_dashboards)
        .flat_map(|expression| names::metrics(&expression))
        .collect())
}
