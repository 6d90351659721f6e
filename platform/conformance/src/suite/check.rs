//! What must hold between the parts of a profile, beyond the form of each.

use std::collections::BTreeSet;

use super::load::{Problems, file_of, nominal};
use super::{Action, Answer, DocumentGiven, Fault, Given, PatientGiven, Play, Profile, Test, Text, Verified};
use crate::exchange::OPERATIONS;

/// Longest text of a requirement and of a title, in characters: what a `ConformanceProfile` takes.
const MAX_TEXT: usize = 1000;
const MAX_TITLE: usize = 200;

pub(super) fn profile(folder: &str, file: &str, profile: &Profile, problems: &mut Problems) {
    if profile.scope != folder {
        problems.add(
            file,
            "scope",
            format!("it must be the name of the folder, `{folder}`"),
        );
    }
    if !is_version(&profile.version) {
        problems.add(file, "version", "it is written `1`, `1.2` or `1.2.3`");
    }
    text(file, "title", &profile.title, MAX_TITLE, problems);
    if profile.actor.trim().is_empty() {
        problems.add(file, "actor", "it is empty");
    }
    if !profile.tests.iter().any(Test::is_nominal) {
        problems.add(&nominal(folder), "", "every profile has a nominal test");
    }
    requirements(file, profile, problems);
    for test in &profile.tests {
        for (at, verdict) in test.verdicts.iter().enumerate() {
            let field = format!("verdicts[{at}].requirement");
            match profile.requirement(&verdict.requirement) {
                Some(requirement) if requirement.verified == Verified::Automatic => {}
                Some(_) => problems.add(&file_of(test), &field, "the requirement is not automatic"),
                None => problems.add(
                    &file_of(test),
                    &field,
                    format!("the profile has no requirement `{}`", verdict.requirement),
                ),
            }
        }
    }
}

fn requirements(file: &str, profile: &Profile, problems: &mut Problems) {
    let mut seen = BTreeSet::new();
    if profile.requirements.is_empty() {
        problems.add(file, "requirements", "there is none");
    }
    for (at, requirement) in profile.requirements.iter().enumerate() {
        let field = |name: &str| format!("requirements[{at}].{name}");
        let id = &requirement.id;
        if !is_number(id) {
            problems.add(file, &field("id"), "a number is written `DF-03`");
        }
        if !seen.insert(id) {
            problems.add(file, &field("id"), format!("`{id}` is there twice"));
        }
        text(file, &field("text"), &requirement.text, MAX_TEXT, problems);
        if requirement.source.trim().is_empty() {
            problems.add(file, &field("source"), "it is empty");
        }
        let automatic = requirement.verified == Verified::Automatic;
        if automatic && profile.tests_of(id).next().is_none() {
            problems.add(
                file,
                &field("verified"),
                format!("`{id}` has no verdict in any test"),
            );
        }
        match (&requirement.reason, requirement.verified == Verified::NotYet) {
            (Some(reason), true) => text(file, &field("reason"), reason, MAX_TEXT, problems),
            (None, false) => {}
            (None, true) => problems.add(file, &field("reason"), "what is missing must be said"),
            (Some(_), false) => problems.add(file, &field("reason"), "only `not-yet` has a reason"),
        }
    }
}

pub(super) fn test(file: &str, test: &Test, problems: &mut Problems) {
    text(file, "title", &test.title, MAX_TITLE, problems);
    text(file, "task", &test.task, MAX_TEXT, problems);
    given(file, test.action, &test.given, problems);
    faults(file, &test.faults, problems);
    if test.verdicts.is_empty() {
        problems.add(file, "verdicts", "a test says something about a requirement");
    }
    let mut seen = BTreeSet::new();
    for (at, verdict) in test.verdicts.iter().enumerate() {
        text(
            file,
            &format!("verdicts[{at}].says"),
            &verdict.says,
            MAX_TEXT,
            problems,
        );
        if !seen.insert((&verdict.requirement, verdict.rule.text())) {
            problems.add(file, &format!("verdicts[{at}]"), "it is there twice");
        }
    }
}

fn given(file: &str, action: Action, given: &Given, problems: &mut Problems) {
    let mut wrong = |field: &str, what: &str| problems.add(file, &format!("given.{field}"), what);
    let patient = match action {
        Action::Register => Some(PatientGiven::Described),
        Action::Publish | Action::Read => Some(PatientGiven::Registered),
        Action::Find if given.unknown => None,
        Action::Find => Some(PatientGiven::Registered),
    };
    if given.patient != patient {
        wrong(
            "patient",
            "`register` needs a patient `described`; `publish`, `read`, `find` one `registered`, with `unknown` none",
        );
    }
    let document = match action {
        Action::Publish => Some(DocumentGiven::Described),
        Action::Read => Some(DocumentGiven::Published),
        Action::Register | Action::Find => None,
    };
    if given.document != document {
        wrong(
            "document",
            "`publish` needs a document `described`, `read` one `published`, the others none",
        );
    }
    if given.opposed && action != Action::Read {
        wrong("opposed", "only `read` knows a patient who opposes");
    }
    if given.unknown && action != Action::Find {
        wrong("unknown", "only `find` knows an unknown identifier");
    }
    if given.changed && action != Action::Register {
        wrong("changed", "only `register` knows a changed patient");
    }
}

fn faults(file: &str, faults: &[Fault], problems: &mut Problems) {
    for (at, fault) in faults.iter().enumerate() {
        let field = |name: &str| format!("faults[{at}].{name}");
        if fault.id.is_empty() || faults[..at].iter().any(|other| other.id == fault.id) {
            problems.add(file, &field("id"), "it is empty, or another fault has it");
        }
        if !OPERATIONS.contains(&fault.on.as_str()) {
            problems.add(
                file,
                &field("on"),
                format!("there is no operation `{}`", fault.on),
            );
        }
        if fault.nth == 0 || fault.times == 0 {
            problems.add(file, &field("nth"), "`nth` and `times` count from 1");
        }
        let overlaps = |other: &&Fault| {
            other.on == fault.on
                && other.nth < fault.nth.saturating_add(fault.times)
                && fault.nth < other.nth.saturating_add(other.times)
        };
        if let Some(other) = faults[..at].iter().find(overlaps) {
            problems.add(
                file,
                &field("nth"),
                format!("it meets the same requests as `{}`", other.id),
            );
        }
        match &fault.play {
            Play::Answer(answer) | Play::Lose(answer) => {
                let Answer { status, code, .. } = answer;
                if !(400..=599).contains(status) {
                    problems.add(file, &field("play.status"), "a fault answers 4xx or 5xx");
                }
                if code.is_empty() {
                    problems.add(file, &field("play.code"), "it is empty");
                }
            }
            Play::Corrupt => {}
        }
    }
}

fn text(file: &str, field: &str, text: &Text, max: usize, problems: &mut Problems) {
    for (language, text) in [("fr", &text.fr), ("en", &text.en)] {
        if text.trim().is_empty() || text.chars().count() > max {
            let field = format!("{field}.{language}");
            problems.add(
                file,
                &field,
                format!("it is empty, or longer than {max} characters"),
            );
        }
    }
}

fn is_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 20 && parts.len() <= 3 && parts.iter().all(number)
}

fn is_number(text: &str) -> bool {
    text.split_once('-').is_some_and(|(letters, digits)| {
        (2..=4).contains(&letters.len())
            && letters.bytes().all(|byte| byte.is_ascii_uppercase())
            && (2..=3).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}
