//! The requirements as pages for vendors (`docs/vendor`), each with what verifies it: what is not tested says why.

use std::fmt::Write as _;

use crate::suite::{Profile, Requirement, Suite, Text, Verified};

/// Language of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    French,
    English,
}

impl Language {
    const fn of(self, text: &Text) -> &str {
        match self {
            Self::French => text.fr.as_str(),
            Self::English => text.en.as_str(),
        }
    }

    const fn pick<'t>(self, french: &'t str, english: &'t str) -> &'t str {
        match self {
            Self::French => french,
            Self::English => english,
        }
    }
}

/// Markdown of every profile.
pub fn page(suite: &Suite, language: Language) -> String {
    let mut page = String::from(language.pick(
        "# Exigences de conformité\n\nPage produite à partir de `tests/conformance` (`make vendor-docs`) : ne pas la modifier.\n\n",
        "# Conformance requirements\n\nMade from `tests/conformance` (`make vendor-docs`): do not edit.\n\n",
    ));
    coverage(&mut page, suite, language);
    for profile in suite.profiles() {
        section(&mut page, profile, language);
    }
    page
}

/// How many requirements of each profile are verified, and how.
fn coverage(page: &mut String, suite: &Suite, language: Language) {
    page.push_str(language.pick(
        "| profil | exigences | par essai | par attestation | par inspection | pas encore | essais |\n|---|---|---|---|---|---|---|\n",
        "| profile | requirements | by test | attested | inspected | not yet | tests |\n|---|---|---|---|---|---|---|\n",
    ));
    for profile in suite.profiles() {
        let count = |verified| {
            let of = profile.requirements.iter().filter(|one| one.verified == verified);
            of.count()
        };
        let _ = writeln!(
            page,
            "| [`{scope}` {}](#{scope}) | {} | {} | {} | {} | {} | {} |",
            profile.version,
            profile.requirements.len(),
            count(Verified::Automatic),
            count(Verified::Attested),
            count(Verified::Inspected),
            count(Verified::NotYet),
            profile.tests.len(),
            scope = profile.scope,
        );
    }
}

fn section(page: &mut String, profile: &Profile, language: Language) {
    let _ = writeln!(page, "\n<a id=\"{}\"></a>\n", profile.scope);
    let _ = writeln!(
        page,
        "## {} (`{}` {})\n",
        language.of(&profile.title),
        profile.scope,
        profile.version
    );
    let _ = writeln!(
        page,
        "{} : {}\n",
        language.pick("Acteur IHE", "IHE actor"),
        profile.actor
    );
    page.push_str(language.pick(
        "| n° | exigence | source | vérifiée par |\n|---|---|---|---|\n",
        "| no. | requirement | source | verified by |\n|---|---|---|---|\n",
    ));
    for requirement in &profile.requirements {
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} |",
            requirement.id,
            cell(language.of(&requirement.text)),
            cell(&requirement.source),
            cell(&verified(profile, requirement, language)),
        );
    }
    page.push_str(language.pick(
        "\n| essai | ce que fait le logiciel |\n|---|---|\n",
        "\n| test | what the software does |\n|---|---|\n",
    ));
    for test in &profile.tests {
        let (title, task) = (language.of(&test.title), language.of(&test.task));
        let _ = writeln!(
            page,
            "| `{}` | **{}**. {} |",
            test.name(),
            cell(title),
            cell(task)
        );
    }
}

fn verified(profile: &Profile, requirement: &Requirement, language: Language) -> String {
    match (requirement.verified, &requirement.reason) {
        (Verified::Automatic, _) => {
            let tests = profile.tests_of(&requirement.id);
            let names: Vec<String> = tests.map(|test| format!("`{}`", test.name())).collect();
            names.join(", ")
        }
        (Verified::Attested, _) => language
            .pick("attestation signée", "signed attestation")
            .to_owned(),
        (Verified::Inspected, _) => language
            .pick("inspection du laboratoire", "the laboratory's inspection")
            .to_owned(),
        (Verified::NotYet, reason) => {
            let reason = reason.as_ref().map_or("", |reason| language.of(reason));
            format!("{} : {reason}", language.pick("pas encore", "not yet"))
        }
    }
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").trim().to_owned()
}
