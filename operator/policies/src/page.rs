//! The catalogue as a page (`docs/security/controls.md`): a table for each family, and for each framework which control serves what.

use std::fmt::Write as _;

use crate::control::{Control, State};
use crate::framework::{FAMILIES, Framework};
use crate::load::Catalogue;

const HEAD: &str = "# Controls

Made from `policies/controls` and `policies/frameworks` (`make controls`): do not edit. HDS-equivalent controls, territory MA: no certification is claimed, none is given here.
Each control in full, on the command line: `dmpctl compliance explain DMP-PRI-02`.

A state is of the whole statement: one clause that nothing watches makes it `not-yet`, whatever the others are. It is a state of the software; what a running
platform comes to says `dmpctl compliance status` ([how](compliance.md)), from the checks whose evidence is marked *observed*. A proof is a test of this repository: `cargo test <name>` in the crate of its path
(those of `tests/e2e` and `tests/faults` on an appliance: `make test-e2e`, `make faults`).

| state | controls | means |
|---|---|---|
";

const fn meaning(state: State) -> &'static str {
    match state {
        State::Enforced => "every clause is enforced by what is named, and tests of this repository prove it",
        State::Checked => "nothing keeps it from being violated; a violation is found",
        State::Evidence => "people bring a document, in time, or it fails",
        State::NotYet => {
            "a part of the platform is missing: it counts as failing. What is there of it is named"
        }
    }
}

/// Markdown of all of it.
pub fn page(catalogue: &Catalogue) -> String {
    let mut page = HEAD.to_owned();
    for state in State::ALL {
        let controls = catalogue.controls().iter();
        let count = controls
            .filter(|control| control.implementation.state == state)
            .count();
        let _ = writeln!(page, "| `{state}` | {count} | {} |", meaning(state));
    }
    let _ = writeln!(page, "| | {} | |", catalogue.controls().len());
    for (code, _, name) in FAMILIES {
        family(&mut page, catalogue, code, name);
    }
    page.push_str(
        "\n## By law and norm\n\nBold: enforced, checked or evidenced. The others are `not-yet`.\n",
    );
    for framework in catalogue.frameworks() {
        crosswalk(&mut page, catalogue, framework);
    }
    page
}

fn family(page: &mut String, catalogue: &Catalogue, code: &str, name: &str) {
    let controls: Vec<_> = catalogue
        .controls()
        .iter()
        .filter(|control| control.family() == code)
        .collect();
    if controls.is_empty() {
        return;
    }
    let _ = writeln!(
        page,
        "\n## {name} (`{code}`)\n\n| control | what must be true | severity | state | by | missing, limits | evidence |\n|---|---|---|---|---|---|---|"
    );
    for control in controls {
        let _ = writeln!(
            page,
            "| [{id}](../../policies/controls/{id}.yaml) | **{}**. {} | {} | `{}` | {} | {} | {}{}{} Every {} d. |",
            cell(&control.title.en),
            cell(&control.statement.en),
            control.severity.as_str(),
            control.implementation.state,
            by(control),
            cell(&open(control)),
            // What is not there yet is seen in part or not at all.
            if control.implementation.state == State::NotYet {
                "To come: "
            } else {
                ""
            },
            cell(&control.evidence.how),
            observed(control),
            control.evidence.ttl_days,
            id = control.id,
        );
    }
}

/// What enforces, checks or does a part of it: names of policies and alerts, files of code and tests.
fn by(control: &Control) -> String {
    let mut names = Vec::new();
    for by in &control.implementation.by {
        let (kind, name) = by.parts();
        let name = match kind {
            "alert" => format!("alert [{name}](../runbooks/{name}.md)"),
            "policy" => format!("policy `{name}`"),
            _ => {
                let (path, function) = name.split_once("::").unwrap_or((name, ""));
                let shown = if function.is_empty() {
                    path.rsplit('/').next().unwrap_or(path)
                } else {
                    function
                };
                format!("{kind} [{shown}](../../{path})")
            }
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

/// The checks that are answered on a running platform.
fn observed(control: &Control) -> String {
    let checks = control.checks.iter().filter(|check| check.observed);
    let names: Vec<_> = checks.map(|check| format!("`{}`", check.name)).collect();
    if names.is_empty() {
        String::new()
    } else {
        format!(" *Observed*: {}.", names.join(", "))
    }
}

/// What is not there, or not covered, or asked of people.
fn open(control: &Control) -> String {
    let it = &control.implementation;
    let document = it.form.as_ref();
    let document = document.map(|form| format!("{form}; brought by `{}`.", control.owner()));
    let parts = [document.as_deref(), it.missing.as_deref(), it.limits.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn crosswalk(page: &mut String, catalogue: &Catalogue, framework: &Framework) {
    let _ = writeln!(
        page,
        "\n### {}\n\n{} On the command line: `--framework {}`.\n\n| identifier | about | controls |\n|---|---|---|",
        framework.name, framework.about, framework.option
    );
    for identifier in &framework.identifiers {
        let controls: Vec<_> = identifier
            .controls
            .iter()
            .map(|id| {
                let done = catalogue
                    .control(id)
                    .is_some_and(|control| control.implementation.state != State::NotYet);
                if done { format!("**{id}**") } else { id.clone() }
            })
            .collect();
        let _ = writeln!(
            page,
            "| {} | {} | {} |",
            cell(&identifier.id),
            cell(identifier.title.as_deref().unwrap_or_default()),
            controls.join(", ")
        );
    }
}

/// A text in a cell of a table.
pub(crate) fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}
