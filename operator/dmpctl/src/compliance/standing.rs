//! How a running platform stands: `status` (what is red, since when, what to type) and `report` (every control, with its evidence).

use std::fmt::Write as _;

use dmp_policies::history::History;
use dmp_policies::openreports::{self, Report};
use dmp_policies::posture::{Standing, posture};
use dmp_policies::{Catalogue, Verdict};
use jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::list::{identifiers, text};
use super::{FrameworkName, Language, html, words};
use crate::error::{CliError, Result};

#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub struct StatusOptions {
    /// The controls that pass too
    #[arg(long)]
    pub all: bool,
}

#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub struct ReportOptions {
    /// Only the controls that serve this law or norm, with its identifiers
    #[arg(long, value_enum)]
    pub framework: Option<FrameworkName>,
    #[arg(long, value_enum, default_value_t)]
    pub format: ReportFormat,
    /// Of the page
    #[arg(long, value_enum, default_value_t)]
    pub language: PageLanguage,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportFormat {
    #[default]
    Table,
    Json,
    /// One self-contained file, readable on paper
    Html,
    /// A folder of documents for the tools of auditors (needs --output)
    Oscal,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageLanguage {
    #[default]
    Fr,
    En,
}

/// The report as it stands in the cluster.
///
/// # Errors
/// `no-report` when there is none; what the API server says.
pub async fn read(client: &Client) -> Result<Report> {
    let kind = GroupVersionKind::gvk(openreports::GROUP, openreports::VERSION, "ClusterReport");
    let resource = ApiResource::from_gvk_with_plural(&kind, "clusterreports");
    let api = Api::<DynamicObject>::all_with(client.clone(), &resource);
    let none = || {
        CliError::new(
            "no-report",
            "nobody has evaluated this platform",
            "`dmpctl install` brings the evaluator; `kubectl -n dmp-system logs deployment/dmp-evaluator` says what it lacks",
        )
    };
    match api.get_opt(openreports::NAME).await {
        Ok(Some(live)) => serde_json::from_value(live.data).map_err(|source| none().because(source)),
        Ok(None) => Err(none()),
        Err(kube::Error::Api(status)) if status.code == 404 => Err(none()),
        Err(source) => Err(CliError::kubernetes("reading the ClusterReport", source)),
    }
}

/// What does not pass, worst first; what to type.
pub fn status(catalogue: &Catalogue, report: &Report, options: StatusOptions, now: Timestamp) -> String {
    let mut standings = posture(catalogue, report, now);
    let mut out = counted(&standings);
    standings.retain(|one| options.all || !one.verdict.passes());
    // What was seen to be wrong before what nobody watches; in it by severity.
    standings.sort_by_key(|one| (urgency(one.verdict), std::cmp::Reverse(one.control.severity)));
    if standings.is_empty() {
        return out;
    }
    let _ = writeln!(out, "\n{} CE QUI EST VU", heads());
    for one in &standings {
        let _ = writeln!(out, "{} {}", columns(one), seen(one));
    }
    out.push_str("\nPourquoi, et quoi taper : `dmpctl compliance explain DMP-XXX-NN`\n");
    out
}

/// Every control; `past`, of the page: `None` when it could not be read.
///
/// # Errors
/// When JSON cannot be written.
pub fn report(
    catalogue: &Catalogue,
    report: &Report,
    options: ReportOptions,
    past: Option<&History>,
    now: Timestamp,
) -> Result<String> {
    let framework = options
        .framework
        .and_then(|name| catalogue.framework(name.as_str()));
    let mut standings = posture(catalogue, report, now);
    standings.retain(|one| framework.is_none_or(|it| !identifiers(one.control, it).is_empty()));
    if options.format == ReportFormat::Html {
        let language = match options.language {
            PageLanguage::Fr => Language::Fr,
            PageLanguage::En => Language::En,
        };
        return Ok(html::page(&standings, framework, past, language, now));
    }
    if options.format == ReportFormat::Json {
        let document = json!({
            "catalogue": words::CLAIM_EN,
            "framework": framework.map(|framework| &framework.option),
            "at": now.to_string(),
            "controls": standings.iter().map(object).collect::<Vec<_>>(),
        });
        return text(&document);
    }
    let mut out = String::new();
    let title = framework.map_or(String::new(), |framework| format!("{:<34} ", framework.name));
    let _ = writeln!(out, "{} {:<10} {title}TITRE", heads(), "PREUVE");
    for one in &standings {
        let ids = framework.map_or(String::new(), |framework| {
            format!("{:<34} ", identifiers(one.control, framework).join(", "))
        });
        let (age, title) = (age(one.evidence_at, now), &one.control.title.fr);
        let _ = writeln!(out, "{} {age:<10} {ids}{title}", columns(one));
    }
    let _ = write!(out, "\n{}", counted(&standings));
    Ok(out)
}

/// Heads of [`columns`].
fn heads() -> String {
    format!(
        "{:<12} {:<9} {:<11} {:<10} {:<12}",
        "CONTRÔLE", "GRAVITÉ", "VERDICT", "DEPUIS", "RESPONSABLE"
    )
}

/// What both tables begin with.
fn columns(one: &Standing<'_>) -> String {
    format!(
        "{:<12} {:<9} {:<11} {:<10} {:<12}",
        one.control.id,
        words::severity(one.control.severity, Language::Fr),
        words::verdict(one.verdict),
        since(one.since),
        one.control.owner()
    )
}

/// How many controls have which verdict, and what that claims.
fn counted(standings: &[Standing<'_>]) -> String {
    let counts = Verdict::ALL.into_iter().filter_map(|verdict| {
        let number = standings.iter().filter(|one| one.verdict == verdict).count();
        (number > 0).then(|| format!("{number} {}", words::verdict(verdict)))
    });
    let counts: Vec<_> = counts.collect();
    format!(
        "{} contrôles : {} ; tout ce qui ne réussit pas compte comme un échec.\n{}\n",
        standings.len(),
        counts.join(", "),
        words::CLAIM_FR
    )
}

/// What wants somebody first.
const fn urgency(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fail => 0,
        Verdict::Error => 1,
        Verdict::Stale => 2,
        Verdict::Excepted => 3,
        Verdict::NotYet => 4,
        Verdict::Pass => 5,
    }
}

pub(super) fn since(since: Option<Timestamp>) -> String {
    since.map_or_else(
        || "-".to_owned(),
        |since| since.to_string().chars().take(10).collect(),
    )
}

pub(super) fn age(at: Option<Timestamp>, now: Timestamp) -> String {
    let Some(at) = at else {
        return "-".to_owned();
    };
    match now.duration_since(at).as_mins() {
        minutes @ ..120 => format!("{} min", minutes.max(0)),
        minutes @ 120..2880 => format!("{} h", minutes / 60),
        minutes => format!("{} j", minutes / 1440),
    }
}

/// What was seen of it that is wrong; of what nobody watches, what is missing.
fn seen(standing: &Standing<'_>) -> String {
    let bad = |verdict: Option<Verdict>| {
        let said = standing.said.iter().filter(|one| !one.verdict.passes());
        let said = said.filter(|one| verdict.is_none_or(|verdict| one.verdict == verdict));
        said.map(|one| format!("{} : {}", one.about, one.because))
            .collect::<Vec<_>>()
    };
    let failed = bad(Some(Verdict::Fail));
    let lines = if failed.is_empty() { bad(None) } else { failed };
    lines.join(" ; ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn object(standing: &Standing<'_>) -> Value {
    let said: Vec<_> = standing
        .said
        .iter()
        .map(|one| {
            json!({
                "about": one.about,
                "verdict": one.verdict.as_str(),
                "because": one.because,
                "since": one.since.map(|at| at.to_string()),
                "evidence": one.evidence.as_ref().map(|kept| json!({
                    "name": kept.name, "sha256": kept.sha256,
                    "collectedAt": kept.collected_at.to_string(), "expiresAt": kept.expires_at.to_string(),
                })),
            })
        })
        .collect();
    json!({
        "id": standing.control.id,
        "title": { "fr": standing.control.title.fr, "ar": standing.control.title.ar, "en": standing.control.title.en },
        "severity": standing.control.severity,
        "state": standing.control.implementation.state,
        "verdict": standing.verdict.as_str(),
        "since": standing.since.map(|at| at.to_string()),
        "said": said,
        "owner": standing.control.owner(),
        "mappings": standing.control.mappings,
    })
}
