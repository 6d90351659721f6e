//! Reads the files of the catalogue and gathers everything that is wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::control::{
    Builtin, Case, Check, Control, Enforcement, EvidenceRule, Implementation, Parameter, Rule, Severity,
    Territory, Text, Title,
};
use crate::expression::Expression;
use crate::framework::{FAMILIES, Framework, ORDER};
use crate::problem::{CatalogueError, Problems, Wrong};
use crate::validate;

static CONTROLS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../policies/controls");
static FRAMEWORKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../policies/frameworks");

/// Controls and frameworks that fit together.
#[derive(Clone, Debug)]
pub struct Catalogue {
    pub(crate) controls: Vec<Control>,
    frameworks: Vec<Framework>,
}

impl Catalogue {
    /// The files that were compiled in.
    ///
    /// # Errors
    /// Everything that is wrong in them.
    pub fn embedded() -> Result<Self, CatalogueError> {
        let files = embedded_files();
        Self::load(files.iter().map(|(path, text)| (path.as_str(), *text)))
    }

    /// Path (`controls/…`, `frameworks/…`) and text of each file.
    ///
    /// # Errors
    /// Everything that is wrong in them.
    pub fn load<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, CatalogueError> {
        let mut problems = Problems::default();
        let mut controls = Vec::new();
        let mut frameworks = Vec::new();
        for (path, text) in files {
            match path.split_once('/') {
                Some(("controls", name)) if name.ends_with(".yaml") => {
                    controls.extend(control(path, name, text, &mut problems));
                }
                Some(("frameworks", name)) if name.ends_with(".yaml") => {
                    frameworks.extend(framework(path, name, text, &mut problems));
                }
                _ => problems.add(
                    path,
                    "",
                    Wrong::FileName,
                    "files are controls/<id>.yaml and frameworks/<key>.yaml",
                ),
            }
        }
        controls.sort_by_key(|control: &Control| (place(&FAMILIES, control.family()), control.id.clone()));
        frameworks.sort_by_key(|framework: &Framework| ORDER.iter().position(|key| *key == framework.key));
        validate::all(&controls, &frameworks, &mut problems);
        if problems.0.is_empty() {
            Ok(Self { controls, frameworks })
        } else {
            Err(CatalogueError { problems: problems.0 })
        }
    }

    /// By family, then number.
    pub fn controls(&self) -> &[Control] {
        &self.controls
    }

    pub fn frameworks(&self) -> &[Framework] {
        &self.frameworks
    }

    /// Whatever the case of the letters.
    pub fn control(&self, id: &str) -> Option<&Control> {
        self.controls
            .iter()
            .find(|control| control.id.eq_ignore_ascii_case(id))
    }

    /// By its key or its name on the command line.
    pub fn framework(&self, name: &str) -> Option<&Framework> {
        self.frameworks
            .iter()
            .find(|framework| framework.option == name || framework.key == name)
    }

    /// The ids that somebody may have meant, nearest first; at most three.
    pub fn nearest(&self, id: &str) -> Vec<&str> {
        let asked: String = id.to_ascii_uppercase().chars().take(40).collect();
        let full = if asked.starts_with("DMP-") {
            asked
        } else {
            format!("DMP-{asked}")
        };
        let mut found: Vec<_> = self
            .controls
            .iter()
            .map(|control| (distance(&full, &control.id), control.id.as_str()))
            .collect();
        found.sort();
        found.into_iter().take(3).map(|(_, id)| id).collect()
    }
}

/// Every embedded file: its path in `policies/`, and its text.
pub fn embedded_files() -> Vec<(String, &'static str)> {
    let folders = [("controls", &CONTROLS), ("frameworks", &FRAMEWORKS)];
    let files = folders.into_iter().flat_map(|(folder, dir)| {
        dir.files().filter_map(move |file| {
            let name = file.path().to_str()?;
            Some((format!("{folder}/{name}"), file.contents_utf8()?))
        })
    });
    files.collect()
}

fn place(families: &[(&str, &str, &str)], family: &str) -> usize {
    families
        .iter()
        .position(|(code, _, _)| *code == family)
        .unwrap_or(usize::MAX)
}

/// A control as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ControlFile {
    id: String,
    title: Title,
    statement: Text,
    rationale: String,
    severity: Severity,
    territory: Territory,
    mappings: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    parameters: Vec<Parameter>,
    enforcement: Vec<Enforcement>,
    implementation: Implementation,
    #[serde(default)]
    checks: Vec<CheckFile>,
    evidence: EvidenceRule,
    remediation: String,
    #[serde(default)]
    tests: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CheckFile {
    name: String,
    asks: String,
    #[serde(default)]
    observed: bool,
    #[serde(default)]
    inputs: BTreeMap<String, String>,
    #[serde(default)]
    cel: Option<String>,
    #[serde(default)]
    builtin: Option<Builtin>,
}

fn control(path: &str, name: &str, text: &str, problems: &mut Problems) -> Option<Control> {
    let written: ControlFile = read(path, text, problems)?;
    if name.strip_suffix(".yaml") != Some(written.id.as_str()) {
        let what = format!("the file of `{}` is {}.yaml", written.id, written.id);
        problems.add(path, "id", Wrong::FileName, what);
    }
    let parameters = written.parameters.iter().map(|one| one.name.as_str()).collect();
    let checks = written
        .checks
        .into_iter()
        .enumerate()
        .filter_map(|(at, check)| self::check(path, at, check, &parameters, problems))
        .collect();
    Some(Control {
        id: written.id,
        title: written.title,
        statement: written.statement,
        rationale: written.rationale,
        severity: written.severity,
        territory: written.territory,
        mappings: written.mappings,
        parameters: written.parameters,
        enforcement: written.enforcement,
        implementation: written.implementation,
        checks,
        evidence: written.evidence,
        remediation: written.remediation,
        tests: written.tests,
    })
}

fn check(
    path: &str,
    at: usize,
    written: CheckFile,
    parameters: &BTreeSet<&str>,
    problems: &mut Problems,
) -> Option<Check> {
    let field = format!("checks[{at}]");
    let (rule, inputs) = match (written.cel, written.builtin) {
        (Some(text), None) => {
            let names = written.inputs.keys().map(String::as_str).collect();
            match Expression::compile(&text, &names, parameters) {
                Ok(expression) => (Rule::Cel(expression), written.inputs),
                Err(refused) => {
                    problems.add(path, format!("{field}.cel"), refused.wrong, refused.what);
                    return None;
                }
            }
        }
        (None, Some(builtin)) if written.inputs.is_empty() => (Rule::Builtin(builtin), builtin.inputs()),
        (None, Some(_)) => {
            problems.add(
                path,
                format!("{field}.inputs"),
                Wrong::Check,
                "a built-in has its own inputs",
            );
            return None;
        }
        (Some(_), Some(_)) | (None, None) => {
            problems.add(path, field, Wrong::Check, "a check is either `cel` or `builtin`");
            return None;
        }
    };
    Some(Check {
        name: written.name,
        asks: written.asks,
        observed: written.observed,
        inputs,
        rule,
    })
}

fn framework(path: &str, name: &str, text: &str, problems: &mut Problems) -> Option<Framework> {
    let framework: Framework = read(path, text, problems)?;
    if name.strip_suffix(".yaml") != Some(framework.key.as_str()) {
        let what = format!("the file of `{}` is {}.yaml", framework.key, framework.key);
        problems.add(path, "key", Wrong::FileName, what);
    }
    Some(framework)
}

fn read<T: for<'de> Deserialize<'de>>(path: &str, text: &str, problems: &mut Problems) -> Option<T> {
    match serde_saphyr::from_str(text) {
        Ok(read) => Some(read),
        Err(error) => {
            problems.add(path, "", Wrong::Unreadable, error.to_string());
            None
        }
    }
}

/// Levenshtein's distance.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut next = vec![at + 1];
        for (column, &its) in other.iter().enumerate() {
            let replaced = row.get(column).copied().unwrap_or_default() + usize::from(letter != its);
            let removed = row.get(column + 1).copied().unwrap_or_default() + 1;
            let added = next.last().copied().unwrap_or_default() + 1;
            next.push(replaced.min(removed).min(added));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
