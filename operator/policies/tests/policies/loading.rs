//! What is refused, and by which name.

use dmp_policies::problem::{CatalogueError, Wrong};
use dmp_policies::{Catalogue, embedded_files};
use jiff::civil::date;

const CONTROL: &str = "controls/DMP-RES-01.yaml";
const FRAMEWORK: &str = "frameworks/hds_v2.yaml";

/// The catalogue with one file changed; `from` must be in it.
pub fn changed(file: &str, from: &str, to: &str) -> Result<Catalogue, CatalogueError> {
    let mut files = embedded_files()
        .into_iter()
        .map(|(path, text)| (path, text.to_owned()))
        .collect::<Vec<_>>();
    let (_, text) = files.iter_mut().find(|(path, _)| path == file).unwrap();
    assert!(text.contains(from), "{file}: {from}");
    *text = text.replace(from, to);
    Catalogue::load(files.iter().map(|(path, text)| (path.as_str(), text.as_str())))
}

fn refused(file: &str, from: &str, to: &str, wrong: Wrong) {
    let error = match changed(file, from, to) {
        Ok(_) => panic!("{to}: accepted"),
        Err(error) => error,
    };
    let found = error
        .problems
        .iter()
        .any(|problem| problem.wrong == wrong && problem.file == file);
    assert!(found, "{to}: not {wrong:?} but {error}");
    assert!(error.to_string().contains(wrong.as_str()), "{error}");
}

#[test]
fn a_control_that_does_not_say_what_it_must_is_refused() {
    for (from, to, wrong) in [
        (
            "severity: critical",
            "severity: critical\ncolour: red",
            Wrong::Unreadable,
        ),
        ("severity: critical", "severity: fatal", Wrong::Unreadable),
        (
            "severity: critical",
            "severity: critical\nseverity: high",
            Wrong::Unreadable,
        ),
        ("territory: MA", "territory: FR", Wrong::Unreadable),
        ("unit: ", "unite: ", Wrong::Unreadable),
        ("id: DMP-RES-01", "id: DMP-RES-02", Wrong::FileName),
        ("id: DMP-RES-01", "id: RES-01", Wrong::FileName),
        ("state: enforced", "state: not-yet", Wrong::State),
        ("  limits: >-", "  form: x\n  limits: >-", Wrong::State),
        ("  limits: >-", "  missing: >-", Wrong::State),
        ("    - code: ", "    - recipe: ", Wrong::Unreadable),
        ("ttlDays: 1", "ttlDays: 0", Wrong::TimeToLive),
        ("ttlDays: 1", "ttlDays: 100000", Wrong::TimeToLive),
        ("ar: ", "ar: ''\n# ", Wrong::Text),
    ] {
        refused(CONTROL, from, to, wrong);
    }
    let error = changed(CONTROL, "id: DMP-RES-01", "id: DMP-RES-02")
        .map(|_| ())
        .unwrap_err();
    assert!(
        error.problems.iter().any(|one| one.wrong == Wrong::DuplicateId),
        "{error}"
    );
}

#[test]
fn a_mapping_that_lies_is_refused() {
    let iso = "iso27001_2022: [\"A.5.23\", \"A.5.31\"]";
    for (to, wrong) in [
        (
            "iso27001_2022: [\"A.5.99\", \"A.5.31\"]",
            Wrong::UnknownIdentifier,
        ),
        (
            "iso27001_2022: [\"A.5.23\", \"A.5.31\", \"A.8.17\"]",
            Wrong::OneSidedMapping,
        ),
        ("iso27001_2013: [\"A.5.23\", \"A.5.31\"]", Wrong::UnknownFramework),
    ] {
        refused(CONTROL, iso, to, wrong);
    }
    // The control gave up a link that the framework still states.
    let error = changed(CONTROL, iso, "iso27001_2022: [\"A.5.23\"]")
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.problems.len(), 1, "{error}");
    assert_eq!(error.problems[0].file, "frameworks/iso27001_2022.yaml");
    assert_eq!(error.problems[0].wrong, Wrong::OneSidedMapping);
    // The framework states a link that the control does not.
    refused(
        FRAMEWORK,
        "controls: [DMP-GOV-01]",
        "controls: [DMP-GOV-01, DMP-GOV-03]",
        Wrong::OneSidedMapping,
    );
    refused(
        FRAMEWORK,
        "controls: [DMP-GOV-01]",
        "controls: [DMP-GOV-01, DMP-XXX-01]",
        Wrong::OneSidedMapping,
    );
    refused(FRAMEWORK, "key: hds_v2", "key: hds_v3", Wrong::FileName);
    refused(FRAMEWORK, "id: \"EXI 01\"", "id: \"EXI 04\"", Wrong::DuplicateId);
}

#[test]
fn an_expression_that_cannot_be_trusted_is_refused() {
    let start = "size(placements) > 0 &&";
    let nested = "placements.all(a, placements.all(b, placements.all(c, a == b && b == c))) &&";
    for (to, wrong) in [
        ("size(placements) > 0 && (", Wrong::CelUnparsable),
        (nested, Wrong::CelOverBudget),
        ("size(pods) > 0 &&", Wrong::CelUnknownName),
        ("params.country == 'MA' &&", Wrong::CelUnknownName),
        ("now() > 0 &&", Wrong::CelUnknownName),
    ] {
        refused(CONTROL, start, to, wrong);
    }
    refused(
        CONTROL,
        "      placements: >-",
        "      nodes: all nodes\n      placements: >-",
        Wrong::InputUnused,
    );
    refused(
        CONTROL,
        "    cel: >-",
        "    builtin: tests-passed\n    cel: >-",
        Wrong::Check,
    );
    refused(
        "controls/DMP-WRK-01.yaml",
        "builtin: tests-passed",
        "builtin: everything-is-well",
        Wrong::Unreadable,
    );
}

#[test]
fn a_check_without_its_two_worlds_is_refused() {
    refused(CONTROL, "verdict: fail", "verdict: error", Wrong::NoTest);
    refused(CONTROL, "verdict: pass", "verdict: fail", Wrong::NoTest);
    refused(CONTROL, "verdict: pass", "verdict: fail", Wrong::TestDisagrees);
    refused(
        CONTROL,
        "  - check: placement",
        "  - check: place",
        Wrong::TestOfNothing,
    );
    refused(
        CONTROL,
        "territory: MA, pods",
        "territory: FR, pods",
        Wrong::TestDisagrees,
    );
}

#[test]
fn parameters_hold_one_after_the_other() {
    let file = "controls/DMP-LOG-01.yaml";
    let line = "  - { name: retention, value: 365, unit: \"days\", since: 2026-11-29, stricter: higher }";
    let with = |lines: &str| changed(file, line, lines);
    for (lines, wrong) in [
        (format!("{line}\n{line}"), Wrong::ParameterContradiction),
        (
            format!(
                "{line}\n  - {{ name: retention, value: 2, unit: years, since: 2027-01-01, stricter: higher }}"
            ),
            Wrong::ParameterContradiction,
        ),
        (
            format!("{line}\n  - {{ name: retention, value: 730, unit: days, since: 2027-01-01 }}"),
            Wrong::ParameterContradiction,
        ),
        (
            format!(
                "{}\n  - {{ name: retention, value: 730, unit: days, since: 2027-01-01, stricter: higher }}",
                line.replace(" }", ", until: 2027-01-01 }")
            ),
            Wrong::ParameterOverlap,
        ),
        (
            line.replace(" }", ", until: 2026-11-28 }"),
            Wrong::ParameterPeriod,
        ),
        (line.replace("365", "1.5"), Wrong::ParameterValue),
        (line.replace("365", "{ days: 365 }"), Wrong::ParameterValue),
        (line.replace("2026-11-29", "2026-02-30"), Wrong::Unreadable),
        (line.replace("higher", "stronger"), Wrong::Unreadable),
        (line.replace("higher", "more"), Wrong::ParameterDirection),
        (line.replace("365", "'365'"), Wrong::ParameterDirection),
        (
            line.replace("365", "[1, 2]").replace("higher", "more"),
            Wrong::ParameterDirection,
        ),
        (line.replace("365", "[a]"), Wrong::ParameterDirection),
    ] {
        let error = with(&lines).map(|_| ()).unwrap_err();
        assert!(
            error.problems.iter().any(|one| one.wrong == wrong),
            "{lines}: {error}"
        );
    }
    let longer = format!(
        "{line}\n  - {{ name: retention, value: 730, unit: days, since: 2027-01-01, stricter: higher }}"
    );
    let catalogue = with(&longer).unwrap_or_else(|error| panic!("{error}"));
    let control = catalogue.control("DMP-LOG-01").unwrap();
    for (day, value) in [
        (date(2026, 11, 28), None),
        (date(2026, 11, 29), Some(365)),
        (date(2026, 12, 31), Some(365)),
        (date(2027, 1, 1), Some(730)),
        (date(2040, 1, 1), Some(730)),
    ] {
        let found = control.parameters_on(day);
        assert_eq!(found.first().and_then(|one| one.value.as_i64()), value, "{day}");
        assert!(found.len() <= 1, "{day}");
    }
}

#[test]
fn files_are_where_they_belong_and_readable() {
    for (path, text, wrong) in [
        ("notes.txt", "", Wrong::FileName),
        ("controls/notes.txt", "", Wrong::FileName),
        ("controls/DMP-RES-99.yaml", "", Wrong::Unreadable),
        ("controls/DMP-RES-99.yaml", "[[[[", Wrong::Unreadable),
        ("controls/DMP-RES-99.yaml", "a: &a [*a]", Wrong::Unreadable),
        ("frameworks/x.yaml", "key: x", Wrong::Unreadable),
    ] {
        let files = embedded_files();
        let files = files.iter().map(|(path, text)| (path.as_str(), *text));
        let error = Catalogue::load(files.chain([(path, text)]))
            .map(|_| ())
            .unwrap_err();
        assert!(
            error
                .problems
                .iter()
                .any(|one| one.file == path && one.wrong == wrong),
            "{path}: {error}"
        );
    }
    assert!(Catalogue::load([]).unwrap().controls().is_empty());
}
