//! The dashboards on disk are those described, and Grafana can show them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use dmp_observability::{dashboard::COLUMNS, generate, manifests};
use serde_json::Value;

#[test]
fn what_is_generated_is_up_to_date() {
    let files = generate::files().unwrap();
    for (name, text) in &files {
        let on_disk = std::fs::read_to_string(manifests().join(name)).unwrap_or_default();
        assert!(on_disk == *text, "{name} is stale: run `make observability`");
    }
    let on_disk: BTreeSet<String> = std::fs::read_dir(manifests().join("dashboards"))
        .unwrap()
        .map(|entry| format!("dashboards/{}", entry.unwrap().file_name().into_string().unwrap()))
        .collect();
    let described = files
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("dashboards/"));
    assert_eq!(on_disk, described.collect());
}

#[test]
fn every_dashboard_has_what_grafana_needs() {
    let mut uids = BTreeSet::new();
    for (name, text) in generate::files().unwrap() {
        let board: Value = serde_json::from_str(&text).unwrap();
        if board["kind"] == "PrometheusRule" {
            continue;
        }
        assert!(uids.insert(board["uid"].as_str().unwrap().to_owned()), "{name}");
        assert!(board["uid"].as_str().unwrap().len() <= 40 && !board["title"].as_str().unwrap().is_empty());
        assert_eq!(board["schemaVersion"], 39);
        let variables = board["templating"]["list"].as_array().unwrap();
        assert_eq!(variables[0]["type"], "datasource", "{name}");
        let declared: BTreeSet<&str> = variables.iter().map(|v| v["name"].as_str().unwrap()).collect();
        let panels = board["panels"].as_array().unwrap();
        let mut taken = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for panel in panels {
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}: an id twice");
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(at("x") + at("w") <= COLUMNS, "{name}: {}", panel["title"]);
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(
                        taken.insert((x, y)),
                        "{name}: {} lies on another panel",
                        panel["title"]
                    );
                }
            }
            if panel["type"] == "row" {
                continue;
            }
            assert!(["timeseries", "stat", "table"].contains(&panel["type"].as_str().unwrap()));
            let targets = panel["targets"].as_array().unwrap();
            assert!(!targets.is_empty());
            for target in targets {
                let expression = target["expr"].as_str().unwrap();
                assert_eq!(target["datasource"]["uid"], "${datasource}");
                let used = expression.split('$').skip(1).map(|rest| {
                    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                    &rest[..end.unwrap_or(rest.len())]
                });
                for variable in used.filter(|name| !name.starts_with("__")) {
                    assert!(declared.contains(variable), "{name}: ${variable} in {expression}");
                }
            }
        }
    }
    assert_eq!(uids.len(), 5);
}

/// Grafana sends the expressions as they are: Prometheus itself must read them.
#[test]
fn promtool_reads_every_expression() {
    let mut rules = String::from("groups:\n  - name: dashboards\n    rules:\n");
    let mut number = 0;
    for dashboard in dmp_observability::dashboards::all() {
        for expression in dashboard.expressions() {
            number += 1;
            let expression = expression.replace("$__rate_interval", "5m");
            rules.push_str(&format!(
                "      - record: dashboard:expression:{number}\n        expr: {}\n",
                serde_json::to_string(&expression).unwrap()
            ));
        }
    }
    assert!(number > 40, "{number} expressions");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dashboards.yaml");
    std::fs::write(&path, rules).unwrap();
    let output = std::process::Command::new("promtool")
        .args(["check", "rules"])
        .arg(&path)
        .output()
        .expect("`promtool` is missing: install Debian's package `prometheus` (make deps)");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
