//! `dmpctl compliance history`: the posture of each day, and whether the chain of days is as the evaluator wrote it.
//!
//! Not here: the picture of it ([`super::timeline`]), what a chain is (`dmp_policies::history`).

use std::fmt::Write as _;

use dmp_api::names::EVIDENCE_NAMESPACE;
use dmp_policies::Verdict;
use dmp_policies::history::{History, Line, year};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Map, Value, json};

use super::list::text;
use super::words;
use crate::error::{CliError, Result};

#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub struct HistoryOptions {
    #[arg(long, alias = "format", value_enum, default_value_t)]
    pub output: HistoryFormat,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryFormat {
    #[default]
    Table,
    Json,
    /// For spreadsheets: comma, one line a day
    Csv,
}

/// The history as it stands in the cluster; empty when nobody has kept a day.
///
/// # Errors
/// What the API server says.
pub async fn read(client: &Client) -> Result<History> {
    let failed = |source| CliError::kubernetes("reading the posture of each day in dmp-evidence", source);
    let api = Api::<ConfigMap>::namespaced(client.clone(), EVIDENCE_NAMESPACE);
    // By their names alone first: evidence beside them is large, and a label can be taken away.
    let names = api.list_metadata(&ListParams::default()).await.map_err(failed)?;
    let mut objects = Vec::new();
    for name in names.items.iter().map(kube::ResourceExt::name_any) {
        if year(&name).is_some()
            && let Some(live) = api.get_opt(&name).await.map_err(failed)?
        {
            objects.push((live.name_any(), live.data.unwrap_or_default()));
        }
    }
    Ok(History::read(objects))
}

/// All its days.
///
/// # Errors
/// `no-history`; when JSON cannot be written.
pub fn show(history: &History, options: HistoryOptions) -> Result<String> {
    if history.is_empty() {
        return Err(CliError::new(
            "no-history",
            "nobody has kept the posture of a day on this platform",
            "the evaluator keeps the first one at its next pass; `kubectl -n dmp-system logs deployment/dmp-evaluator` says what it lacks",
        ));
    }
    match options.output {
        HistoryFormat::Table => Ok(table(history)),
        HistoryFormat::Json => text(&document(history)),
        HistoryFormat::Csv => Ok(csv(history)),
    }
}

/// # Errors
/// `history-broken`, with the first day that is not as it was written.
pub fn verified(history: &History) -> Result<()> {
    match history.walk(None).breaks.first() {
        None => Ok(()),
        Some(first) => Err(CliError::new(
            "history-broken",
            format!("the chain of days is broken at {}: {}", first.at, first.why),
            "compare the days with the entries `posture/<day>` of the national log; who changed ConfigMaps in dmp-evidence is in the API server's audit",
        )),
    }
}

fn table(history: &History) -> String {
    let mut out = format!("{:<11} {:<9}", "JOUR", "CHAÎNE");
    for verdict in Verdict::ALL {
        let _ = write!(out, " {:>10}", words::verdict(verdict).to_uppercase());
    }
    out.push_str(" EMPREINTE\n");
    for line in history.lines() {
        let _ = write!(
            out,
            "{:<11} {:<9}",
            line.day.date.to_string(),
            words::link(line.link)
        );
        for verdict in Verdict::ALL {
            let _ = write!(out, " {:>10}", line.day.count(verdict));
        }
        let short: String = line.hash.chars().take(16).collect();
        let _ = writeln!(out, " {short}");
    }
    out
}

fn csv(history: &History) -> String {
    let heads = Verdict::ALL.map(Verdict::as_str).join(",");
    let mut out = format!("day,link,{heads},report_sha256,sha256\n");
    for line in history.lines() {
        let counts = Verdict::ALL.map(|one| line.day.count(one).to_string()).join(",");
        let (day, link) = (&line.day, line.link.as_str());
        let _ = writeln!(out, "{},{link},{counts},{},{}", day.date, day.report, line.hash);
    }
    out
}

fn document(history: &History) -> Value {
    let breaks = history.walk(None).breaks;
    let breaks: Vec<_> = breaks
        .iter()
        .map(|one| json!({ "at": one.at, "why": one.why }))
        .collect();
    let days: Vec<_> = history.lines().map(|line| object(history, line)).collect();
    json!({ "catalogue": words::CLAIM_EN, "breaks": breaks, "days": days })
}

fn object(history: &History, line: &Line) -> Value {
    let counts = Verdict::ALL.map(|one| (one.as_str().to_owned(), json!(line.day.count(one))));
    let ids = history.controls(line).iter().cloned();
    let verdicts = line.day.verdicts.iter().map(|one| json!(one.as_str()));
    json!({
        "day": line.day.date.to_string(),
        "link": line.link.as_str(),
        "counts": Map::from_iter(counts),
        "verdicts": ids.zip(verdicts).collect::<Map<_, _>>(),
        "reportSha256": line.day.report,
        "sha256": line.hash,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use dmp_policies::history::{Data, Day, list_name};
    use jiff::civil::{Date, date};

    use super::*;

    pub const IDS: [&str; 4] = ["DMP-NET-01", "DMP-NET-02", "DMP-WRK-01", "DMP-WRK-02"];

    /// The objects of these days.
    pub fn objects(
        days: impl IntoIterator<Item = (Date, [Verdict; 4])>,
    ) -> std::collections::BTreeMap<String, Data> {
        let mut objects = std::collections::BTreeMap::<String, Data>::new();
        for (date, verdicts) in days {
            let history = History::read(objects.clone());
            let day = Day {
                date,
                verdicts: verdicts.to_vec(),
                report: "a".repeat(64),
                controls: list_name(IDS),
            };
            let line = history.next(day, None).unwrap();
            let (name, data) = history.with(&line, &IDS);
            objects.insert(name, data);
        }
        objects
    }

    pub const DAY: [Verdict; 4] = [Verdict::Pass, Verdict::Fail, Verdict::Stale, Verdict::NotYet];

    fn shown(history: &History, output: HistoryFormat) -> String {
        show(history, HistoryOptions { output }).unwrap()
    }

    #[test]
    fn each_day_is_a_line_of_a_table_of_csv_and_of_json() {
        let days = [date(2026, 12, 31), date(2027, 1, 1)].map(|day| (day, DAY));
        let history = History::read(objects(days));
        assert!(verified(&history).is_ok());
        let table = shown(&history, HistoryFormat::Table);
        assert_eq!(table.lines().count(), 3);
        assert!(table.contains("2026-12-31  première "), "{table}");
        assert!(table.contains("2027-01-01  suit "), "{table}");
        let csv = shown(&history, HistoryFormat::Csv);
        assert!(
            csv.starts_with("day,link,pass,excepted,stale,error,fail,not-yet,report_sha256,sha256\n2026-12-31,first,1,0,1,0,1,1,aaaa"),
            "{csv}"
        );
        let json: Value = serde_json::from_str(&shown(&history, HistoryFormat::Json)).unwrap();
        assert_eq!(json["breaks"], json!([]));
        assert_eq!(json["days"][1]["verdicts"]["DMP-WRK-02"], "not-yet");
        assert_eq!(json["days"][1]["counts"]["stale"], 1);
    }

    #[test]
    fn a_day_that_was_changed_is_the_error_and_all_days_are_still_shown() {
        let days = (1..=4).map(|day| (date(2026, 12, day), DAY));
        let mut objects = objects(days);
        let text = objects.get_mut("posture-2026").unwrap().get_mut("days").unwrap();
        *text = text.replacen(
            "2026-12-03 chained pfsn p1,x0,s1,e0,f1,n1",
            "2026-12-03 chained ppsn p2,x0,s1,e0,f0,n1",
            1,
        );
        let history = History::read(objects);
        let error = verified(&history).unwrap_err();
        assert_eq!(error.code, "history-broken");
        assert!(error.message.contains("2026-12-03"), "{error:?}");
        assert_eq!(shown(&history, HistoryFormat::Table).lines().count(), 5);
        let json: Value = serde_json::from_str(&shown(&history, HistoryFormat::Json)).unwrap();
        assert_eq!(json["breaks"][0]["at"], "2026-12-03");
    }

    #[test]
    fn without_a_day_it_says_so() {
        let error = show(&History::default(), HistoryOptions::default()).unwrap_err();
        assert_eq!(error.code, "no-history");
    }
}
