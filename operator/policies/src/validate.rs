//! What must fit in each control, and between controls and frameworks.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::control::{By, Control, Expected, OWNERS, Parameter, State};
use crate::evaluate::{Outcome, evaluate};
use crate::expression::MOST_OF_PARAMETER;
use crate::framework::{FAMILIES, Framework, ORDER};
use crate::problem::{Problems, Wrong};

/// Longest text of a control, in bytes.
const LONGEST: usize = 2_000;

/// Longest time to live: two years.
const LONGEST_TTL: u32 = 731;

/// The day on which the worlds of the controls are judged.
const DAY: Date = Date::constant(2026, 12, 1);

pub(crate) fn all(controls: &[Control], frameworks: &[Framework], problems: &mut Problems) {
    let mut seen = BTreeSet::new();
    for control in controls {
        let file = file(control);
        if !seen.insert(&control.id) {
            problems.add(&file, "id", Wrong::DuplicateId, "another control has this id");
        }
        id(&file, control, problems);
        texts(&file, control, problems);
        parameters(&file, control, problems);
        implementation(&file, control, problems);
        checks(&file, control, problems);
        mappings(&file, control, frameworks, problems);
    }
    for framework in frameworks {
        of_framework(framework, controls, problems);
    }
}

fn file(control: &Control) -> String {
    format!("controls/{}.yaml", control.id)
}

fn id(file: &str, control: &Control, problems: &mut Problems) {
    let mut parts = control.id.split('-');
    let known = (parts.next(), parts.next(), parts.next(), parts.next());
    let fits = match known {
        (Some("DMP"), Some(family), Some(number), None) => {
            FAMILIES.iter().any(|(code, _, _)| *code == family)
                && number.len() == 2
                && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    };
    if !fits {
        let what = "an id is DMP, one of the families and two digits: DMP-RES-01";
        problems.add(file, "id", Wrong::FileName, what);
    }
}

fn texts(file: &str, control: &Control, problems: &mut Problems) {
    let optional = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let implementation = &control.implementation;
    let mut texts = vec![
        ("title.fr".to_owned(), control.title.fr.clone()),
        ("title.ar".to_owned(), control.title.ar.clone()),
        ("title.en".to_owned(), control.title.en.clone()),
        ("statement.fr".to_owned(), control.statement.fr.clone()),
        ("statement.en".to_owned(), control.statement.en.clone()),
        ("rationale".to_owned(), control.rationale.clone()),
        ("evidence.how".to_owned(), control.evidence.how.clone()),
        ("remediation".to_owned(), control.remediation.clone()),
        (
            "implementation.missing".to_owned(),
            optional(&implementation.missing),
        ),
        (
            "implementation.limits".to_owned(),
            optional(&implementation.limits),
        ),
        ("implementation.form".to_owned(), optional(&implementation.form)),
    ];
    for (at, check) in control.checks.iter().enumerate() {
        texts.push((format!("checks[{at}].asks"), check.asks.clone()));
        let inputs = check.inputs.iter();
        texts.extend(inputs.map(|(name, what)| (format!("checks[{at}].inputs.{name}"), what.clone())));
    }
    for (field, text) in texts {
        if text.trim().is_empty() || text.len() > LONGEST {
            let what = format!("a text has one to {LONGEST} bytes");
            problems.add(file, field, Wrong::Text, what);
        }
    }
    if control.enforcement.is_empty() {
        problems.add(file, "enforcement", Wrong::Text, "it is decided somewhere");
    }
    if control.evidence.ttl_days == 0 || control.evidence.ttl_days > LONGEST_TTL {
        let what = format!("evidence lives for one to {LONGEST_TTL} days");
        problems.add(file, "evidence.ttlDays", Wrong::TimeToLive, what);
    }
}

fn parameters(file: &str, control: &Control, problems: &mut Problems) {
    let mut named = BTreeMap::<&str, Vec<(usize, &Parameter)>>::new();
    for (at, parameter) in control.parameters.iter().enumerate() {
        named
            .entry(parameter.name.as_str())
            .or_default()
            .push((at, parameter));
        let scalar = |value: &Value| value.is_string() || value.is_i64();
        let fits = match &parameter.value {
            Value::Array(items) => items.len() <= MOST_OF_PARAMETER && items.iter().all(scalar),
            value => scalar(value),
        };
        if !fits {
            let what = format!("a value is a whole number, a text, or {MOST_OF_PARAMETER} of these at most");
            problems.add(
                file,
                format!("parameters[{at}].value"),
                Wrong::ParameterValue,
                what,
            );
        }
        if parameter
            .stricter
            .is_some_and(|stricter| !stricter.fits(&parameter.value))
        {
            let what =
                "a number is stricter when it is lower or higher, a list of texts when it has more or fewer";
            problems.add(
                file,
                format!("parameters[{at}].stricter"),
                Wrong::ParameterDirection,
                what,
            );
        }
        if parameter.until.is_some_and(|until| until < parameter.since) {
            let what = "it ends before it begins";
            problems.add(file, format!("parameters[{at}]"), Wrong::ParameterPeriod, what);
        }
    }
    for (name, mut values) in named {
        values.sort_by_key(|(_, parameter)| parameter.since);
        for pair in values.windows(2) {
            let [(_, earlier), (at, later)] = pair else {
                continue;
            };
            let field = format!("parameters[{at}]");
            let alike = earlier.unit == later.unit && earlier.stricter == later.stricter;
            if earlier.since == later.since || !alike {
                let what = format!("`{name}` has two values for one day, two units, or two directions");
                problems.add(file, field, Wrong::ParameterContradiction, what);
            } else if earlier.until.is_some_and(|until| until >= later.since) {
                let what = format!("`{name}` of {} goes on beyond {}", earlier.since, later.since);
                problems.add(file, field, Wrong::ParameterOverlap, what);
            }
        }
    }
}

fn implementation(file: &str, control: &Control, problems: &mut Problems) {
    let it = &control.implementation;
    let mut must = |holds: bool, field: &str, what: &str| {
        if !holds {
            problems.add(file, format!("implementation.{field}"), Wrong::State, what);
        }
    };
    let tested = it.by.iter().any(|by| matches!(by, By::Test(_)));
    let enforces = it.by.iter().any(|by| matches!(by, By::Policy(_) | By::Code(_)));
    match it.state {
        State::Enforced => {
            must(
                tested && enforces,
                "by",
                "names what enforces it (policy, code) and a test that proves it",
            );
        }
        State::Checked => must(tested, "by", "names a test that finds a violation"),
        State::Evidence => must(it.form.is_some(), "form", "names the document"),
        State::NotYet => must(
            it.missing.is_some(),
            "missing",
            "says which part of the platform is not there",
        ),
    }
    let not_yet = it.state == State::NotYet;
    must(
        not_yet || it.missing.is_none(),
        "missing",
        "something is missing: then it is `not-yet`",
    );
    let evidence = it.state == State::Evidence;
    must(evidence || it.form.is_none(), "form", "a form is for `evidence`");
    must(
        OWNERS.contains(&control.owner()),
        "owner",
        "a role that can answer for a control: dmp-host, dmp-security",
    );
    let mut seen = BTreeSet::new();
    must(
        it.by.iter().all(|by| seen.insert(by.parts())),
        "by",
        "names something twice",
    );
}

fn checks(file: &str, control: &Control, problems: &mut Problems) {
    let needed = matches!(control.implementation.state, State::Enforced | State::Checked);
    if needed && control.checks.is_empty() {
        let what = "what is enforced or checked has a check";
        problems.add(file, "checks", Wrong::NoCheck, what);
    }
    let mut names = BTreeSet::new();
    for (at, check) in control.checks.iter().enumerate() {
        if !names.insert(check.name.as_str()) {
            let what = "another check has this name";
            problems.add(file, format!("checks[{at}].name"), Wrong::DuplicateId, what);
        }
        for (verdict, world) in [(Expected::Pass, "compliant"), (Expected::Fail, "violating")] {
            let tested = control.tests.iter();
            if !tested
                .clone()
                .any(|case| case.check == check.name && case.verdict == verdict)
            {
                let what = format!("`{}` has no {world} world", check.name);
                problems.add(file, format!("checks[{at}]"), Wrong::NoTest, what);
            }
        }
    }
    let now = DAY
        .to_zoned(TimeZone::UTC)
        .map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp());
    for (at, case) in control.tests.iter().enumerate() {
        let field = format!("tests[{at}]");
        let Some(check) = control.checks.iter().find(|check| check.name == case.check) else {
            let what = format!("there is no check `{}`", case.check);
            problems.add(file, field, Wrong::TestOfNothing, what);
            continue;
        };
        let outcome = evaluate(control, check, &case.inputs, now);
        let as_said = match (&outcome, case.verdict) {
            (Outcome::Pass, Expected::Pass) | (Outcome::Fail, Expected::Fail) => true,
            (Outcome::Error(_), Expected::Error) => true,
            (Outcome::Pass | Outcome::Fail | Outcome::Error(_), _) => false,
        };
        if !as_said {
            let what = format!("`{}` comes to {outcome:?}", case.name);
            problems.add(file, field, Wrong::TestDisagrees, what);
        }
    }
}

fn mappings(file: &str, control: &Control, frameworks: &[Framework], problems: &mut Problems) {
    if control.mappings.values().all(Vec::is_empty) {
        let what = "it serves no text: then nobody needs it";
        problems.add(file, "mappings", Wrong::NoMapping, what);
    }
    for (key, ids) in &control.mappings {
        let field = format!("mappings.{key}");
        let Some(framework) = frameworks.iter().find(|framework| framework.key == *key) else {
            let what = format!("there is no framework `{key}`");
            problems.add(file, field, Wrong::UnknownFramework, what);
            continue;
        };
        for id in ids {
            match framework.identifier(id) {
                None => {
                    let what = format!("frameworks/{key}.yaml has no `{id}`");
                    problems.add(file, field.clone(), Wrong::UnknownIdentifier, what);
                }
                Some(known) if !known.controls.contains(&control.id) => {
                    let what = format!("frameworks/{key}.yaml does not name {} at `{id}`", control.id);
                    problems.add(file, field.clone(), Wrong::OneSidedMapping, what);
                }
                Some(_) => {}
            }
        }
    }
}

fn of_framework(framework: &Framework, controls: &[Control], problems: &mut Problems) {
    let file = format!("frameworks/{}.yaml", framework.key);
    if !ORDER.contains(&framework.key.as_str()) {
        let what = format!("there is no framework `{}`", framework.key);
        problems.add(&file, "key", Wrong::UnknownFramework, what);
    }
    let mut seen = BTreeSet::new();
    for identifier in &framework.identifiers {
        if !seen.insert(&identifier.id) {
            let what = "the identifier is there twice";
            problems.add(&file, identifier.id.clone(), Wrong::DuplicateId, what);
        }
        for id in &identifier.controls {
            let linked = controls.iter().any(|control| {
                let ids = control.mappings.get(&framework.key);
                control.id == *id && ids.is_some_and(|ids| ids.contains(&identifier.id))
            });
            if !linked {
                let what = format!("controls/{id}.yaml does not name it");
                problems.add(&file, identifier.id.clone(), Wrong::OneSidedMapping, what);
            }
        }
    }
}
