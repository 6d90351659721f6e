//! The controls as a table or as JSON.

use std::fmt::Write as _;

use dmp_policies::control::Control;
use dmp_policies::{Catalogue, Framework, State};
use serde_json::{Value, json};

use super::{Format, Language, ListOptions, words};
use crate::error::{CliError, Result};

/// # Errors
/// When JSON cannot be written.
pub fn list(catalogue: &Catalogue, options: ListOptions) -> Result<String> {
    let framework = options
        .framework
        .and_then(|name| catalogue.framework(name.as_str()));
    let controls: Vec<&Control> = catalogue
        .controls()
        .iter()
        .filter(|control| framework.is_none_or(|framework| !identifiers(control, framework).is_empty()))
        .collect();
    match options.format {
        Format::Table => Ok(table(&controls, framework)),
        Format::Json => {
            let listed: Vec<_> = controls.iter().map(|control| object(control)).collect();
            let document = json!({
                "catalogue": words::CLAIM_EN,
                "framework": framework.map(|framework| &framework.option),
                "controls": listed,
            });
            text(&document)
        }
    }
}

/// What is said beside the table: what it claims, and how many controls are in which state.
pub fn said(catalogue: &Catalogue) -> String {
    let counts = State::ALL.map(|state| {
        let controls = catalogue.controls().iter();
        let number = controls
            .filter(|control| control.implementation.state == state)
            .count();
        format!("{number} {}", words::state(state, Language::Fr))
    });
    format!(
        "{}\n{} ; « pas encore » compte comme un échec.\n",
        words::CLAIM_FR,
        counts.join(", ")
    )
}

/// JSON for people and programs.
///
/// # Errors
/// When it cannot be written.
pub(super) fn text(document: &Value) -> Result<String> {
    serde_json::to_string_pretty(document)
        .map(|text| text + "\n")
        .map_err(|source| {
            CliError::new("internal", "the list could not be written", "report it").because(source)
        })
}

pub(super) fn identifiers<'c>(control: &'c Control, framework: &Framework) -> &'c [String] {
    control.mappings.get(&framework.key).map_or(&[], Vec::as_slice)
}

fn table(controls: &[&Control], framework: Option<&Framework>) -> String {
    let mut out = String::new();
    let title = framework.map_or(String::new(), |framework| format!("{:<34} ", framework.name));
    let _ = writeln!(
        out,
        "{:<12} {:<9} {:<11} {title}TITRE",
        "CONTRÔLE", "GRAVITÉ", "ÉTAT"
    );
    for control in controls {
        let ids = framework.map_or(String::new(), |framework| {
            format!("{:<34} ", identifiers(control, framework).join(", "))
        });
        let _ = writeln!(
            out,
            "{:<12} {:<9} {:<11} {ids}{}",
            control.id,
            words::severity(control.severity, Language::Fr),
            words::state(control.implementation.state, Language::Fr),
            control.title.fr,
        );
    }
    out
}

fn object(control: &Control) -> Value {
    let it = &control.implementation;
    let by: Vec<_> = it
        .by
        .iter()
        .map(|by| {
            let (kind, name) = by.parts();
            json!({ "kind": kind, "name": name })
        })
        .collect();
    let checks: Vec<_> = control.checks.iter().map(|check| &check.name).collect();
    json!({
        "id": control.id,
        "title": { "fr": control.title.fr, "ar": control.title.ar, "en": control.title.en },
        "severity": control.severity,
        "territory": control.territory,
        "state": it.state,
        "missing": it.missing,
        "limits": it.limits,
        "by": by,
        "enforcement": control.enforcement,
        "checks": checks,
        "evidence": {
            "how": control.evidence.how,
            "ttlDays": control.evidence.ttl_days,
            "form": it.form,
            "owner": control.owner(),
        },
        "mappings": control.mappings,
    })
}
