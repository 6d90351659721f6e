//! JUnit XML: one test case per test and requirement, so that any CI server shows what fails.

use std::fmt::Write as _;

use crate::bundle::{Bundle, Sat};

/// The report, in English. Requirements that were not tested are skipped cases with the reason.
pub fn report(bundle: &Bundle) -> String {
    let judged: Vec<(&Sat, Vec<Case<'_>>)> = bundle.tests.iter().map(|sat| (sat, cases(sat))).collect();
    let untested: Vec<Case<'_>> = bundle
        .requirements
        .iter()
        .filter_map(|outcome| {
            let reason = outcome.not_tested.as_ref()?;
            Some(Case {
                name: &outcome.id,
                said: Said::Skipped(&reason.en),
            })
        })
        .collect();
    let all = judged.iter().flat_map(|(_, cases)| cases).chain(&untested);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        "<testsuites name=\"{}\"{}>",
        escaped(&format!("{} {}", bundle.solution, bundle.version)),
        counts(all)
    );
    for (sat, cases) in &judged {
        suite(&mut text, &sat.test, Some(sat), cases);
    }
    if !untested.is_empty() {
        suite(
            &mut text,
            &format!("{}/not-tested", bundle.profile),
            None,
            &untested,
        );
    }
    text.push_str("</testsuites>\n");
    text
}

struct Case<'b> {
    /// Number of the requirement.
    name: &'b str,
    said: Said<'b>,
}

enum Said<'b> {
    Met,
    /// What to fix, and why the rule could not be evaluated.
    NotMet(&'b str, Option<&'b str>),
    Skipped(&'b str),
}

fn cases(sat: &Sat) -> Vec<Case<'_>> {
    sat.findings
        .iter()
        .map(|finding| Case {
            name: &finding.requirement,
            said: if finding.met {
                Said::Met
            } else {
                Said::NotMet(&finding.says.en, finding.error.as_deref())
            },
        })
        .collect()
}

fn counts<'c>(cases: impl Iterator<Item = &'c Case<'c>>) -> String {
    let (mut tests, mut failures, mut skipped) = (0, 0, 0);
    for case in cases {
        tests += 1;
        match case.said {
            Said::Met => {}
            Said::NotMet(..) => failures += 1,
            Said::Skipped(_) => skipped += 1,
        }
    }
    format!(" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"")
}

fn suite(text: &mut String, name: &str, sat: Option<&Sat>, cases: &[Case<'_>]) {
    let began = sat.map(|sat| format!(" timestamp=\"{}\"", sat.began));
    let name = escaped(name);
    let _ = writeln!(
        text,
        "  <testsuite name=\"{name}\"{}{}>",
        counts(cases.iter()),
        began.unwrap_or_default()
    );
    for case in cases {
        let _ = write!(
            text,
            "    <testcase classname=\"{name}\" name=\"{}\"",
            escaped(case.name)
        );
        let _ = match case.said {
            Said::Met => writeln!(text, "/>"),
            Said::Skipped(reason) => {
                writeln!(text, "><skipped message=\"{}\"/></testcase>", escaped(reason))
            }
            Said::NotMet(says, error) => writeln!(
                text,
                "><failure message=\"{}\">{}</failure></testcase>",
                escaped(says),
                escaped(error.unwrap_or_default())
            ),
        };
    }
    text.push_str("  </testsuite>\n");
}

/// For text and attributes; what XML 1.0 cannot hold is replaced.
fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&#39;".to_owned(),
            '\n' | '\r' | '\t' => format!("&#{};", u32::from(c)),
            c if u32::from(c) < 0x20 || matches!(c, '\u{fffe}' | '\u{ffff}') => "\u{fffd}".to_owned(),
            c => c.to_string(),
        })
        .collect()
}
