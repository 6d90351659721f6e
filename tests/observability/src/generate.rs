//! The files made from others: dashboards as Grafana reads them, the rules as a `PrometheusRule`.

use serde_json::{Value, json};

use crate::{Error, dashboards, rules};

/// Name under `manifests/observability`, and content.
///
/// # Errors
/// When the rules cannot be read.
pub fn files() -> Result<Vec<(String, String)>, Error> {
    let mut files = vec![("prometheusrule.json".to_owned(), text(&prometheus_rule()?)?)];
    for dashboard in dashboards::all() {
        let name = format!("dashboards/{}.json", dashboard.uid);
        files.push((name, text(&dashboard.json())?));
    }
    Ok(files)
}

fn text(value: &Value) -> Result<String, Error> {
    Ok(format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// The groups of all files, as the Prometheus operator takes them.
fn prometheus_rule() -> Result<Value, Error> {
    let mut groups = Vec::new();
    for file in rules::read()? {
        for group in &file.groups {
            groups.push(serde_json::to_value(group)?);
        }
    }
    Ok(json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "dmp",
            "namespace": "dmp-system",
            "labels": { "app.kubernetes.io/name": "dmp", "app.kubernetes.io/part-of": "dmp" },
        },
        "spec": { "groups": groups },
    }))
}
