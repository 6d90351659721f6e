//! `Incident`: shows where each legal clock stands, and warns before and when one runs out. `dereference` (the hours in
//! force) → the one function of `dmp_api::incident::clocks` → `update_status`.
//!
//! Not here: telling anybody (people do, `dmpctl incident`), whether the control holds (the evaluator, which believes no status).

pub mod measure;

use std::time::Duration;

use async_trait::async_trait;
use dmp_api::incident::clocks::{CONTROL, Hours, clocks, next, next_change};
use dmp_api::incident::{Clock, ClockState};
use dmp_api::{Incident, IncidentSpec, IncidentStatus};
use dmp_policies::Catalogue;
use jiff::Timestamp;
use k8s_controller::TraceMetadata;

use crate::controller::{Context, Kind, Next, warning};
use crate::policy_profile;
use crate::status::{self, Fact, Verdict};

/// Addressees that an event or a condition names.
const NAMED: usize = 8;

/// The controller of incidents.
pub struct Incidents(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the platform's profile cannot be read")]
    Dereference(#[from] kube::Error),
    #[error("the catalogue of this release does not say how many hours there are")]
    NoHours,
    #[error("the incident's status cannot be written")]
    Status(#[from] status::Error),
}

/// The hours of the catalogue, with the platform's own, for an incident.
pub fn hours(catalogue: &Catalogue, spec: &IncidentSpec) -> Option<Hours> {
    let control = catalogue.control(CONTROL)?;
    Hours::of(spec, |name, day| control.number_on(name, day))
}

#[async_trait]
impl Kind for Incidents {
    type Resource = Incident;
    type Error = Error;

    const NAME: &'static str = "incident";

    async fn reconcile(&self, incident: &Incident, trace: &mut TraceMetadata) -> Result<Next, Error> {
        let now = Timestamp::now();
        let catalogue = policy_profile::in_force(&self.0.client).await?;
        let hours = catalogue.and_then(|catalogue| hours(&catalogue, &incident.spec));
        let hours = hours.ok_or(Error::NoHours)?;
        let new = concluded(incident, clocks(&incident.spec, &hours, now));
        status::write::<Self>(&self.0, incident, &new).await?;
        let before = incident.status.as_ref().map(|status| status.clocks.as_slice());
        for (state, reason, what) in [
            (ClockState::DueSoon, "ClockRunsOut", "about to run out"),
            (ClockState::Overdue, "ClockOverdue", "ran out, nobody was told"),
        ] {
            let came = came(before.unwrap_or_default(), &new.clocks, state);
            if !came.is_empty() {
                let note = format!("{what}: {}", named(came.into_iter()));
                trace.publish_event(warning(reason, "Reconcile", &note)).await;
            }
        }
        let Some(change) = next_change(&new.clocks, &hours) else {
            return Ok(Next::Settled);
        };
        // An instant later, so that it has come.
        let left = Duration::try_from(change.duration_since(now)).unwrap_or_default();
        Ok(Next::Within(left + Duration::from_millis(50)))
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::NoHours => "CatalogueBroken",
            Error::Status(_) => "StatusFailed",
        }
    }
}

/// The status that follows from these clocks. Pure.
fn concluded(incident: &Incident, clocks: Vec<Clock>) -> IncidentStatus {
    let overdue: Vec<_> = clocks
        .iter()
        .filter(|clock| clock.state == ClockState::Overdue)
        .collect();
    let late = overdue.len();
    let names = named(overdue.into_iter());
    let fact = match late {
        0 => Fact::new("Overdue", false, "InTime", ""),
        _ => Fact::new("Overdue", true, "ClockOverdue", format!("tell at once: {names}")),
    };
    let next = next(&clocks).map(due);
    let stalled = |reason, message| Verdict::Stalled { reason, message };
    let verdict = match &next {
        _ if incident.spec.is_closed() => Verdict::Ready,
        _ if late > 0 => stalled("ClockOverdue", format!("tell at once: {names}")),
        Some(next) => stalled("NoticesDue", format!("tell {next}, and add the receipt")),
        None => stalled(
            "NotClosed",
            "everybody who was to be told has been: close it when it is over".to_owned(),
        ),
    };
    let mut status = status::concluded(incident, [fact], &verdict);
    status.overdue = i64::try_from(late).ok();
    status.next = next;
    status.clocks = clocks;
    status
}

/// `dgssi by 2026-12-02T10:00:00Z`.
fn due(clock: &Clock) -> String {
    let at = clock.due_at.map(|at| format!(" by {at}")).unwrap_or_default();
    format!("{}{at}", clock.addressee())
}

/// The clocks that are in that state and were in another one, or were not there.
fn came<'c>(before: &[Clock], now: &'c [Clock], state: ClockState) -> Vec<&'c Clock> {
    let was = |clock: &Clock| {
        before
            .iter()
            .any(|old| old.to == clock.to && old.group == clock.group && old.state == state)
    };
    now.iter()
        .filter(|clock| clock.state == state && !was(clock))
        .collect()
}

fn named<'c>(clocks: impl ExactSizeIterator<Item = &'c Clock>) -> String {
    let all = clocks.len();
    let mut names: Vec<_> = clocks.take(NAMED).map(due).collect();
    if all > NAMED {
        names.push(format!("{} more", all - NAMED));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use k8s_controller::conditions;
    use serde_json::{Value, json};

    use super::*;

    fn incident(spec: Value) -> Incident {
        let mut whole = json!({
            "awareAt": "2026-12-01T10:00:00Z", "severity": "major", "summary": "an account was used by somebody else",
            "affects": { "groups": ["oriental"] }, "personalData": false,
        });
        for (name, value) in spec.as_object().unwrap() {
            whole[name] = value.clone();
        }
        serde_json::from_value(json!({ "metadata": { "name": "incident-1" }, "spec": whole })).unwrap()
    }

    fn catalogue() -> Catalogue {
        Catalogue::embedded().unwrap()
    }

    fn at(incident: &Incident, now: &str) -> IncidentStatus {
        let hours = hours(&catalogue(), &incident.spec).unwrap();
        concluded(incident, clocks(&incident.spec, &hours, now.parse().unwrap()))
    }

    fn told() -> Incident {
        incident(json!({ "receipts": [
            { "to": "dgssi", "sentAt": "2026-12-01T10:05:00Z", "reference": "maCERT-1" },
            { "to": "customer", "group": "oriental", "sentAt": "2026-12-01T10:06:00Z", "reference": "AR-1" },
        ] }))
    }

    #[test]
    fn the_hours_are_those_of_the_catalogue() {
        let hours = hours(&catalogue(), &incident(json!({})).spec).unwrap();
        let wanted = Hours {
            dgssi: 24,
            customer: 1,
            cndp: 72,
            patient: 72,
        };
        assert_eq!(hours, wanted);
        // One knew before the values were written down.
        let early = incident(json!({ "awareAt": "2025-01-01T10:00:00Z" }));
        assert_eq!(super::hours(&catalogue(), &early.spec), Some(wanted));
    }

    #[test]
    fn the_status_says_who_is_next_who_is_late_and_when_it_is_over() {
        let mut closed = told();
        closed.spec.closing =
            serde_json::from_value(json!({ "at": "2026-12-02T00:00:00Z", "word": "over" })).unwrap();
        // Incident, now, reason of Ready, next, overdue.
        let cases = [
            (
                incident(json!({})),
                "2026-12-01T10:01:00Z",
                "NoticesDue",
                Some("customer oriental by 2026-12-01T11:00:00Z"),
                0,
            ),
            (
                incident(json!({})),
                "2026-12-01T12:00:00Z",
                "ClockOverdue",
                Some("customer oriental by 2026-12-01T11:00:00Z"),
                1,
            ),
            (told(), "2026-12-09T10:00:00Z", "NotClosed", None, 0),
            (closed, "2026-12-09T10:00:00Z", "Ready", None, 0),
        ];
        for (incident, now, reason, next, overdue) in cases {
            let status = at(&incident, now);
            let ready = conditions::find(&status.conditions, "Ready").unwrap();
            assert_eq!(ready.reason, reason);
            assert_eq!(ready.status == "True", reason == "Ready");
            assert_eq!((status.next.as_deref(), status.overdue), (next, Some(overdue)));
            let late = conditions::find(&status.conditions, "Overdue").unwrap();
            assert_eq!(late.status == "True", overdue > 0, "{now}");
            // Nothing that a person wrote, but the names of groups.
            let text = serde_json::to_string(&status.conditions).unwrap();
            assert!(!text.contains("account"), "{text}");
        }
    }

    #[test]
    fn an_event_is_published_once_for_each_clock() {
        let one = incident(json!({}));
        let (running, soon, late) = (
            at(&one, "2026-12-01T10:01:00Z").clocks,
            at(&one, "2026-12-01T10:31:00Z").clocks,
            at(&one, "2026-12-01T11:31:00Z").clocks,
        );
        let names = |before: &[Clock], now, state| -> Vec<String> {
            came(before, now, state)
                .into_iter()
                .map(Clock::addressee)
                .collect()
        };
        let nobody = Vec::<String>::new();
        assert_eq!(names(&running, &soon, ClockState::DueSoon), ["customer oriental"]);
        assert_eq!(names(&soon, &soon, ClockState::DueSoon), nobody);
        assert_eq!(names(&soon, &late, ClockState::Overdue), ["customer oriental"]);
        assert_eq!(names(&late, &late, ClockState::Overdue), nobody);
        // It came late: nothing was known of it before.
        assert_eq!(names(&[], &late, ClockState::Overdue), ["customer oriental"]);
    }

    #[test]
    fn of_many_some_are_named() {
        let groups: Vec<_> = (0..20).map(|number| format!("group-{number}")).collect();
        let many = incident(json!({ "affects": { "groups": groups } }));
        let status = at(&many, "2026-12-01T11:31:00Z");
        assert_eq!(status.overdue, Some(20));
        let late = conditions::find(&status.conditions, "Overdue").unwrap();
        assert!(late.message.ends_with("12 more"), "{}", late.message);
    }
}
