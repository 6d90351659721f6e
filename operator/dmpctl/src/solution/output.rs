//! What a sitting leaves: bundle, reports, the signed result as a `ConformanceRun`; and what the terminal shows.

use std::fmt::Write as _;
use std::path::Path;

use dmp_conformance::bundle::Bundle;
use dmp_conformance::report;
use dmp_conformance::wire::{Closed, Profiles};
use serde_json::json;

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
pub fn profiles(answer: &Profiles) -> String {
    let mut text = String::new();
    for profile in &answer.profiles {
        let _ = writeln!(
            text,
            "{} {} · {}",
            profile.scope, profile.version, profile.title.fr
        );
        for requirement in &profile.requirements {
            let (id, verified) = (&requirement.id, requirement.verified.as_str());
            let _ = writeln!(text, "  {id} {verified:<10} {}", requirement.text.fr);
        }
        let _ = writeln!(text, "  essais : {}\n", profile.tests.join(", "));
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
