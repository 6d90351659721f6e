//! The OSCAL documents: valid by NIST's own schemas (`schema`), no better than the verdicts (`verdicts`), the same for the same
//! posture (`same`), whole in what they refer to (`references`), with the platform's own values (`chosen`), kept
//! day by day (`kept`). Here: the reports that they are made of.

mod chosen;
mod kept;
mod references;
mod same;
mod schema;
mod verdicts;

use std::collections::BTreeMap;

use dmp_policies::Catalogue;
use dmp_policies::openreports::{Answer, Report, ReportResult};
use dmp_policies::oscal::{Document, System, documents};
use dmp_policies::posture::posture;
use jiff::Timestamp;
use serde_json::Value;

const SYSTEM: System<'_> = System {
    name: "national",
    uid: "7c0b4b8e-6d2f-4a56-9f2b-0f1f6c8a1a11",
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-12-01T12:00:00Z")
}

/// Its evidence is of midnight and lives a day.
fn result(policy: &str, rule: &str, verdict: &str, message: &str) -> ReportResult {
    let properties = [
        ("verdict", verdict),
        ("since", "2026-11-30T08:00:00Z"),
        ("evidence", "dmp-some.thing"),
        (
            "evidenceSha256",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
        ("expiresAt", "2026-12-02T00:00:00Z"),
    ];
    ReportResult {
        policy: policy.to_owned(),
        rule: rule.to_owned(),
        category: String::new(),
        severity: String::new(),
        result: Answer::Pass,
        scored: true,
        message: message.to_owned(),
        timestamp: at("2026-12-01T00:00:00Z").into(),
        properties: properties
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    }
}

fn report(results: Vec<ReportResult>) -> Report {
    Report {
        results,
        ..Report::default()
    }
}

/// One control of each verdict; of the others the report says nothing.
fn mixed() -> Report {
    let old = |mut result: ReportResult| {
        let end = ("expiresAt".to_owned(), "2026-12-01T06:00:00Z".to_owned());
        result.properties.extend([end]);
        result
    };
    report(vec![
        result("DMP-GOV-04", "fresh", "pass", ""),
        result(
            "DMP-WRK-01",
            "labels",
            "fail",
            "not true:\n every namespace (tools)",
        ),
        result("DMP-NET-02", "services", "error", "Services could not be read"),
        old(result("DMP-NET-01", "policies", "pass", "")),
        result("DMP-BCK-01", "implementation", "not-yet", "Backups altogether"),
        result("DMP-IAM-06", "document", "pass", ""),
    ])
}

/// Every control passes.
fn all_pass(catalogue: &Catalogue) -> Report {
    let controls = catalogue.controls().iter();
    report(
        controls
            .map(|one| result(&one.id, "document", "pass", ""))
            .collect(),
    )
}

fn written(report: &Report, system: System<'_>, now: Timestamp) -> Vec<Document> {
    of(&Catalogue::embedded().unwrap(), report, system, now)
}

fn of(catalogue: &Catalogue, report: &Report, system: System<'_>, now: Timestamp) -> Vec<Document> {
    documents(catalogue, &posture(catalogue, report, now), system, now).unwrap()
}

/// By the file's name.
fn read(documents: &[Document]) -> BTreeMap<&str, Value> {
    let read = |one: &Document| serde_json::from_str(&one.text).unwrap();
    documents
        .iter()
        .map(|one| (one.file.as_str(), read(one)))
        .collect()
}
