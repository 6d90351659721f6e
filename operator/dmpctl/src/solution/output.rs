//! What a sitting leaves: bundle, reports, the signed result as a `ConformanceRun`; and what the terminal shows.

use std::fmt::Write as _;
use std::path::Path;

use dmp_conformance::bundle::Bundle;
use dmp_conformance::report;
use dmp_conformance::wire::Closed;
use serde_json::{Value, json};

use crate::error::{CliError, Result};

/// Writes the files; the bundle as it is read back, after it was judged again.
///
/// # Errors
/// `file`; `bundle-differs` when the verdicts do not follow from the exchanges.
pub fn write(folder: &Path, profile: &str, closed: &Closed) -> Result<Bundle> {
    let bundle = Bundle::read(&closed.bundle).map_err(|source| differs(source.to_string()))?;
    bundle.replay().map_err(|source| differs(source.to_string()))?;
    std::fs::create_dir_all(folder).map_err(|source| CliError::file(folder, source))?;
    let (namespace, _) = bundle.solution.split_once('/').unwrap_or(("default", ""));
    let name = format!("{profile}-{}", bundle.sha256().get(..12).unwrap_or_default());
    let run = json!({
        "apiVersion": "dmp.ma/v1alpha1",
        "kind": "ConformanceRun",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "statement": closed.statement },
    });
    let files = [
        ("bundle.json", closed.bundle.clone()),
        ("run.json", format!("{run:#}\n")),
        ("junit.xml", report::junit::report(&bundle)),
        ("report.html", report::html::report(&bundle)),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|source| CliError::file(&path, source))?;
    }
    Ok(bundle)
}

/// The last lines on the terminal.
pub fn summary(bundle: &Bundle, folder: &Path) -> String {
    let (mut met, mut failed, mut untested) = (0, 0, 0);
    for outcome in &bundle.requirements {
        match outcome.met {
            Some(true) => met += 1,
            Some(false) => failed += 1,
            None => untested += 1,
        }
    }
    format!(
        "\n{} exigences satisfaites, {failed} non satisfaites, {untested} non testées\n\
         rapport : {}\nrésultat signé : {}\n",
        met,
        folder.join("report.html").display(),
        folder.join("run.json").display(),
    )
}

/// Profiles, each with its requirements.
pub fn profiles(answer: &Value) -> String {
    let mut text = String::new();
    let list = |value: &Value, name: &str| {
        value
            .get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let of = |value: &Value, at: &str| {
        value
            .pointer(at)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    for profile in list(answer, "profiles") {
        let _ = writeln!(
            text,
            "{} {} · {}",
            of(&profile, "/scope"),
            of(&profile, "/version"),
            of(&profile, "/title/fr")
        );
        for requirement in list(&profile, "requirements") {
            let _ = writeln!(
                text,
                "  {} {:<10} {}",
                of(&requirement, "/id"),
                of(&requirement, "/verified"),
                of(&requirement, "/text/fr"),
            );
        }
        let tests: Vec<String> = list(&profile, "tests")
            .iter()
            .filter_map(|test| test.as_str().map(str::to_owned))
            .collect();
        let _ = writeln!(text, "  essais : {}\n", tests.join(", "));
    }
    text
}

fn differs(what: String) -> CliError {
    CliError::new(
        "bundle-differs",
        format!("the bundle is not what its verdicts say: {what}"),
        "use the dmpctl of the platform's release; if it is, report it",
    )
}
