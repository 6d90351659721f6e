//! The rules as `promtool` reads them, each alert firing and not firing, and a page for each.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use dmp_observability::{names, repository, rules};

fn promtool(arguments: &[&str], files: &[PathBuf]) {
    let output = Command::new("promtool")
        .args(arguments)
        .args(files)
        .output()
        .expect("`promtool` is missing: install Debian's package `prometheus` (make deps)");
    assert!(
        output.status.success(),
        "promtool {arguments:?}:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{}", folder.display());
    files
}

#[test]
fn promtool_accepts_every_rule() {
    let paths: Vec<PathBuf> = rules::read().unwrap().into_iter().map(|file| file.path).collect();
    promtool(&["check", "rules"], &paths);
}

#[test]
fn every_alert_fires_when_it_must_and_only_then() {
    promtool(&["test", "rules"], &cases());
}

/// Debian's Prometheus is built without the discovery of Kubernetes: that part is replaced, the rest is read.
#[test]
fn promtool_accepts_the_scrape_configuration() {
    let path = dmp_observability::manifests().join("prometheus/scrape.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let mut read = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "kubernetes_sd_configs:" {
            assert!(lines.next().unwrap().trim().starts_with("- role: "));
            read.push_str("    static_configs: [{ targets: [localhost] }]\n");
        } else {
            read.push_str(line);
            read.push('\n');
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prometheus.yaml");
    std::fs::write(&path, read).unwrap();
    promtool(&["check", "config", "--syntax-only"], &[path]);
}

fn cases() -> Vec<PathBuf> {
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"), ".yaml")
}

/// Alerts named in the cases: `(alert, whether the case expects it)`.
fn tried() -> BTreeSet<(String, bool)> {
    let mut tried = BTreeSet::new();
    for path in cases() {
        let case: serde_json::Value =
            serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for test in case["tests"].as_array().unwrap() {
            for alert in test["alert_rule_test"].as_array().unwrap() {
                let expected = alert["exp_alerts"]
                    .as_array()
                    .is_some_and(|alerts| !alerts.is_empty());
                tried.insert((alert["alertname"].as_str().unwrap().to_owned(), expected));
            }
        }
    }
    tried
}

fn alerts() -> BTreeSet<String> {
    let files = rules::read().unwrap();
    let all: Vec<String> = files
        .iter()
        .flat_map(|f| f.rules())
        .map(|rule| rule.alert.clone())
        .collect();
    let names: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(names.len(), all.len(), "an alert twice");
    names
}

#[test]
fn every_alert_has_a_case_that_fires_and_one_that_does_not() {
    let tried = tried();
    for alert in alerts() {
        for expected in [true, false] {
            assert!(
                tried.contains(&(alert.clone(), expected)),
                "{alert}: no case with firing = {expected}"
            );
        }
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let folder = repository().join("docs/runbooks");
    let pages: BTreeSet<String> = files(&folder, ".md")
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .filter(|name| name.starts_with("Dmp"))
        .collect();
    assert_eq!(pages, alerts());
    for file in rules::read().unwrap() {
        for rule in file.rules() {
            let page = &rule.annotations["runbook"];
            assert_eq!(*page, format!("docs/runbooks/{}.md", rule.alert));
            let text = std::fs::read_to_string(repository().join(page)).unwrap();
            let severity = &rule.labels["severity"];
            assert!(["page", "warning"].contains(&severity.as_str()), "{severity}");
            for part in ["Means", "Who is hurt", "Look at", "Do", "Over when"] {
                assert!(
                    text.contains(&format!("\n## {part}\n")),
                    "{page} has no `## {part}`"
                );
            }
            assert!(rule.annotations.contains_key("summary") && rule.annotations.contains_key("description"));
        }
    }
}

/// What other programs expose, with who: everything else must be found in our own `/metrics`.
#[test]
fn only_known_programs_are_read() {
    let foreign = ["up", "kubelet_volume_stats_", "cnpg_"];
    for name in dmp_observability::metrics_read().unwrap() {
        let ours = name.starts_with("dmp_");
        assert!(
            ours || foreign.iter().any(|known| name.starts_with(known)),
            "{name}"
        );
    }
    assert!(names::metrics("dmp_x > 0").contains("dmp_x"));
}
