//! What is printed of the catalogue.

use clap::ValueEnum as _;
use dmp_policies::Catalogue;
use dmp_policies::history::History;
use dmp_policies::openreports::{Answer, Report, ReportResult};
use jiff::civil::date;

use super::history::tests::{DAY, objects};
use super::standing::{self, PageLanguage, ReportFormat, ReportOptions, StatusOptions};
use super::{ExplainOptions, Format, FrameworkName, Language, ListOptions, explain, list};

fn catalogue() -> Catalogue {
    Catalogue::embedded().unwrap()
}

fn explained(id: &str, language: Language) -> Result<String, crate::CliError> {
    let options = ExplainOptions {
        id: id.to_owned(),
        language,
    };
    explain::explain(&catalogue(), &options, date(2026, 12, 1))
}

#[test]
fn the_table_has_a_line_for_each_control_in_french() {
    let catalogue = catalogue();
    let text = list::list(&catalogue, ListOptions::default()).unwrap();
    assert_eq!(text.lines().count(), 60);
    let line = text.lines().find(|line| line.starts_with("DMP-PRI-02")).unwrap();
    assert!(
        line.contains(" critique ") && line.contains(" appliqué "),
        "{line}"
    );
    assert!(
        line.ends_with("Consentement et opposition décidés à chaque lecture et écriture"),
        "{line}"
    );
    // Columns stand below each other, letters with accents included.
    let column = |line: &str| line.chars().take(34).collect::<String>().chars().last();
    assert!(text.lines().all(|line| column(line) == Some(' ')), "{text}");
    let said = list::said(&catalogue);
    assert!(
        said.contains("ni certification") && said.contains("compte comme un échec"),
        "{said}"
    );
}

#[test]
fn a_framework_shows_its_controls_with_its_identifiers() {
    let catalogue = catalogue();
    for name in FrameworkName::value_variants() {
        let options = ListOptions {
            framework: Some(*name),
            ..ListOptions::default()
        };
        let text = list::list(&catalogue, options).unwrap();
        let known = catalogue.framework(name.as_str()).unwrap();
        let controls: std::collections::BTreeSet<_> =
            known.identifiers.iter().flat_map(|one| &one.controls).collect();
        assert_eq!(text.lines().count(), controls.len() + 1, "{name:?}");
        assert!(text.lines().next().unwrap().contains(&known.name), "{name:?}");
        // The name on the command line is the catalogue's.
        assert_eq!(name.to_possible_value().unwrap().get_name(), known.option);
    }
    let options = ListOptions {
        framework: Some(FrameworkName::Loi0520),
        ..ListOptions::default()
    };
    let text = list::list(&catalogue, options).unwrap();
    let line = text.lines().find(|line| line.starts_with("DMP-GOV-01")).unwrap();
    assert!(line.contains("art 4, art 19, art 49"), "{line}");
}

#[test]
fn json_has_all_that_a_program_asks() {
    let options = ListOptions {
        framework: Some(FrameworkName::Hds),
        format: Format::Json,
    };
    let text = list::list(&catalogue(), options).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["framework"], "hds");
    assert!(document["catalogue"].as_str().unwrap().contains("territory MA"));
    let controls = document["controls"].as_array().unwrap();
    let one = controls.iter().find(|one| one["id"] == "DMP-RES-02").unwrap();
    assert_eq!(one["state"], "not-yet");
    assert_eq!(one["severity"], "critical");
    assert_eq!(one["territory"], "MA");
    assert_eq!(one["mappings"]["hds_v2"][0], "EXI 04");
    assert_eq!(one["evidence"]["ttlDays"], 1);
    assert!(one["missing"].is_string() && one["title"]["ar"].is_string());
}

#[test]
fn a_control_is_explained_from_statement_to_command_in_each_language() {
    for (language, words) in [
        (
            Language::Fr,
            ["Ce qui doit être vrai", "appliqué", "À taper", "ni certification"],
        ),
        (Language::Ar, ["ما يجب أن يتحقق", "مطبق", "ما يكتب", "ليست شهادة"]),
        (
            Language::En,
            [
                "What must be true",
                "enforced",
                "What to type",
                "neither certification",
            ],
        ),
    ] {
        let text = explained("dmp-pri-02", language).unwrap();
        for word in words.into_iter().chain([
            "art 59",
            "processing despite opposition",
            "2026-12-01",
            "tests-passed",
            "CEL: opposition.tried > 0",
            "dmpctl demo run",
            "no_decision_after_an_acknowledged_opposition_misses_it",
        ]) {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
    for control in catalogue().controls() {
        for language in Language::value_variants() {
            let text = explained(&control.id, *language).unwrap();
            assert!(text.len() > 800, "{text}");
        }
    }
}

#[test]
fn what_is_missing_and_what_is_asked_of_people_is_said() {
    let text = explained("DMP-BCK-01", Language::Fr).unwrap();
    assert!(
        text.contains("état: pas encore") && text.contains("il manque: Backups altogether"),
        "{text}"
    );
    assert!(
        text.contains("rpo = 60 (minutes; depuis le 2026-11-29)"),
        "{text}"
    );
    let text = explained("DMP-IAM-06", Language::En).unwrap();
    assert!(
        text.contains("document: Record of the review") && text.contains("owner: dmp-security"),
        "{text}"
    );
    assert!(text.contains("time to live: 31 d"), "{text}");
}

#[test]
fn an_unknown_id_is_refused_with_the_nearest() {
    let error = explained("DMP-RES-9", Language::Fr).map(|_| ()).unwrap_err();
    assert_eq!(error.code, "no-control");
    assert!(error.remedy.contains("DMP-RES-0"), "{error:?}");
    let error = explained("\u{1b}[31m DMP", Language::Fr).map(|_| ()).unwrap_err();
    assert!(!error.for_people().contains('\u{1b}'), "{error:?}");
}

/// Of three controls: one passes, one fails in a check and is not there yet, one is not there yet.
fn reported() -> Report {
    let result = |policy: &str, rule: &str, verdict: &str, message: &str| ReportResult {
        policy: policy.to_owned(),
        rule: rule.to_owned(),
        category: String::new(),
        severity: String::new(),
        result: Answer::Fail,
        scored: true,
        message: message.to_owned(),
        timestamp: "2026-12-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap().into(),
        properties: [
            ("verdict", verdict),
            ("since", "2026-11-30T08:00:00Z"),
            ("evidence", "some"),
            ("evidenceSha256", "aa"),
            ("expiresAt", "2026-12-02T00:00:00Z"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
    };
    Report {
        results: vec![
            result("DMP-GOV-04", "fresh", "pass", ""),
            result(
                "DMP-WRK-01",
                "labels",
                "fail",
                "not true: every namespace (tools)",
            ),
            result("DMP-BCK-01", "implementation", "not-yet", "Backups altogether"),
        ],
        ..Report::default()
    }
}

#[test]
fn the_status_says_what_is_wrong_first_and_what_to_type() {
    let now = "2026-12-01T01:30:00Z".parse().unwrap();
    let text = standing::status(&catalogue(), &reported(), StatusOptions::default(), now);
    assert!(
        text.starts_with("59 contrôles : 1 réussi, 56 erreur, 1 échec, 1 pas encore"),
        "{text}"
    );
    let first = text.lines().find(|line| line.starts_with("DMP-")).unwrap();
    assert!(
        first.starts_with("DMP-WRK-01   élevée    échec       2026-11-30"),
        "{first}"
    );
    assert!(
        first.ends_with("labels : not true: every namespace (tools)"),
        "{first}"
    );
    assert!(!text.contains("DMP-GOV-04"), "{text}");
    assert!(
        text.contains("explain DMP-XXX-NN") && text.contains("ni certification"),
        "{text}"
    );
    let all = standing::status(&catalogue(), &reported(), StatusOptions { all: true }, now);
    assert!(all.contains("DMP-GOV-04"), "{all}");
}

#[test]
fn the_report_has_every_control_with_the_age_of_its_evidence() {
    let now = "2026-12-01T01:30:00Z".parse().unwrap();
    let text = standing::report(&catalogue(), &reported(), ReportOptions::default(), None, now).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with("DMP-")).count(), 59);
    let line = text.lines().find(|line| line.starts_with("DMP-GOV-04")).unwrap();
    assert!(line.contains(" réussi ") && line.contains(" 90 min "), "{line}");
    // Nobody has renewed it.
    let later = "2026-12-03T00:00:00Z".parse().unwrap();
    let text = standing::report(&catalogue(), &reported(), ReportOptions::default(), None, later).unwrap();
    let line = text.lines().find(|line| line.starts_with("DMP-GOV-04")).unwrap();
    assert!(line.contains(" périmé ") && line.contains(" 2 j "), "{line}");

    let options = ReportOptions {
        framework: Some(FrameworkName::Hds),
        format: ReportFormat::Json,
        ..ReportOptions::default()
    };
    let text = standing::report(&catalogue(), &reported(), options, None, now).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let controls = document["controls"].as_array().unwrap();
    let one = controls.iter().find(|one| one["id"] == "DMP-WRK-01").unwrap();
    assert_eq!(one["verdict"], "fail");
    assert_eq!(one["said"][0]["evidence"]["sha256"], "aa");
    assert!(controls.len() < 59);
}

#[test]
fn the_page_is_one_file_in_two_languages_with_every_control_and_nothing_unescaped() {
    let now = "2026-12-01T01:30:00Z".parse().unwrap();
    let mut reported = reported();
    reported.results[1].message = "not true: <script>alert(1)</script> (tools)".to_owned();
    let day = (date(2026, 12, 1), DAY);
    let history = History::read(objects([day]));
    let page = |language, framework| {
        let options = ReportOptions {
            framework,
            format: ReportFormat::Html,
            language,
        };
        standing::report(&catalogue(), &reported, options, Some(&history), now).unwrap()
    };
    let french = page(PageLanguage::Fr, None);
    let english = page(PageLanguage::En, Some(FrameworkName::Hds));
    for text in [&french, &english] {
        assert!(text.starts_with("<!DOCTYPE html><html lang="), "{text}");
        assert!(
            !text.contains("<script") && text.contains("&lt;script&gt;"),
            "{text}"
        );
        // Its own patterns are no place elsewhere.
        let text = text.replace("url(#", "");
        for elsewhere in ["href=", "src=", "@import", "url("] {
            assert!(!text.contains(elsewhere), "{elsewhere}");
        }
    }
    assert_eq!(french.matches("<tr>").count(), 1 + 59 + 2, "of controls, of days");
    assert!(french.contains("ni certification") && french.contains("Depuis") && french.contains("90 min"));
    assert!(english.contains("neither certification") && english.contains("<th>HDS"));
    assert!(english.matches("<tr>").count() < 60);
    // The parts of a bar are as long as the bar.
    assert!(french.contains("<svg viewBox=") && french.contains("<rect class=\"fail\""));
}
