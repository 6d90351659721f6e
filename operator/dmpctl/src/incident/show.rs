//! `dmpctl incident status`: each clock, and what to type next.

use std::fmt::Write as _;

use dmp_api::Incident;
use dmp_api::incident::clocks::{clocks, next};
use dmp_api::incident::{Clock, ClockState};
use dmp_policies::Catalogue;
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::{Language, hours, words};
use crate::error::Result;

#[derive(clap::Args, Clone, Debug, Default)]
pub struct StatusOptions {
    /// The incident; without it every one that is open
    pub name: Option<String>,
}

/// The incidents with their clocks. Pure.
///
/// # Errors
/// `catalogue-broken`.
pub fn text(catalogue: &Catalogue, incidents: &[Incident], now: Timestamp) -> Result<String> {
    if incidents.is_empty() {
        return Ok("Aucun incident ouvert.\n".to_owned());
    }
    let mut out = String::new();
    for (at, incident) in incidents.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let clocks = clocks(&incident.spec, &hours(catalogue, &incident.spec)?, now);
        one(&mut out, incident, &clocks, now);
    }
    Ok(out)
}

fn one(out: &mut String, incident: &Incident, clocks: &[Clock], now: Timestamp) {
    let (name, spec) = (incident.name_any(), &incident.spec);
    let closed = spec.closing.as_ref();
    let closed = closed.map_or(String::new(), |closing| format!(", clos le {}", closing.at));
    let _ = writeln!(
        out,
        "{name} : gravité {}, connu le {}{closed}",
        words::severity(spec.severity, Language::Fr),
        words::moment(spec.aware()),
    );
    let _ = writeln!(out, "  {:<34} {:<21} ÉTAT", "À PRÉVENIR", "AVANT");
    for clock in clocks {
        let due = clock.due_at.map_or_else(|| "-".to_owned(), words::moment);
        let _ = writeln!(
            out,
            "  {:<34} {due:<21} {}",
            words::addressee(clock),
            state(clock, now)
        );
    }
    if spec.is_closed() {
        return;
    }
    out.push_str("  À taper :\n");
    match next(clocks) {
        Some(next) => {
            let options = words::options(next);
            let _ = writeln!(out, "    dmpctl incident notice {name} {options}");
            let _ = writeln!(
                out,
                "    dmpctl incident receipt {name} {options} --reference RÉFÉRENCE --document FICHIER --context CONTEXTE"
            );
        }
        None => {
            let _ = writeln!(
                out,
                "    dmpctl incident close {name} --word 'ce qui y a mis fin' --context CONTEXTE"
            );
        }
    }
}

fn state(clock: &Clock, now: Timestamp) -> String {
    let left = clock
        .due_at
        .map_or_else(String::new, |due| words::span(due.duration_since(now)));
    match clock.state {
        ClockState::Running => format!("en cours, reste {left}"),
        ClockState::DueSoon => format!("bientôt, reste {left}"),
        ClockState::Overdue => format!("dépassé de {left}"),
        ClockState::NotDue => "rien n'est dû".to_owned(),
        ClockState::Sent => {
            let late = if clock.was_late() { ", en retard" } else { "" };
            let sent = clock.sent_at.map_or_else(String::new, words::moment);
            format!(
                "prévenu le {sent}{late} : {}",
                clock.receipt.as_deref().unwrap_or("-")
            )
        }
    }
}
