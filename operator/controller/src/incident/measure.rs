//! Incidents as metrics: how many are open, and where their clocks stand. Every replica tells the same. No name, no text.

use std::collections::BTreeMap;
use std::time::Duration;

use dmp_api::Incident;
use dmp_api::incident::clocks::clocks;
use dmp_api::incident::{Addressee, ClockState};
use dmp_api::non_conformity::Severity;
use dmp_policies::Catalogue;
use jiff::Timestamp;
use kube::api::ListParams;
use kube::{Api, Client};
use prometheus::{IntGaugeVec, Opts};

use crate::guard::Guarded;
use crate::policy_profile;

/// Between two looks. There are few incidents; a clock moves by itself.
const PERIOD: Duration = Duration::from_secs(15);

/// Keeps `dmp_incidents_open` and `dmp_incident_clocks` for ever.
pub async fn run(client: Client) {
    let open = dmp_core::metrics::registered(IntGaugeVec::new(
        Opts::new("dmp_incidents_open", "Incidents that are not closed."),
        &["severity"],
    ));
    let states = dmp_core::metrics::registered(IntGaugeVec::new(
        Opts::new(
            "dmp_incident_clocks",
            "Notices of open incidents, by who is told and where the clock stands.",
        ),
        &["to", "state"],
    ));
    let (Some(open), Some(states)) = (open, states) else {
        return;
    };
    let api = Api::<Guarded<Incident>>::all(client.clone());
    loop {
        // What cannot be read stays as it was last seen.
        if let Ok(all) = api.list(&ListParams::default()).await
            && let Ok(Some(catalogue)) = policy_profile::in_force(&client).await
        {
            let all: Vec<_> = all.items.into_iter().filter_map(|one| one.0.ok()).collect();
            let counted = count(&catalogue, &all, Timestamp::now());
            for severity in [Severity::Minor, Severity::Major, Severity::Critical] {
                let number = counted.open.get(&severity).copied().unwrap_or_default();
                open.with_label_values(&[severity.as_str()]).set(number);
            }
            for to in Addressee::ALL {
                for state in ClockState::ALL {
                    let number = counted.clocks.get(&(to, state)).copied().unwrap_or_default();
                    let labels = [to.as_str(), state.as_str()];
                    states.with_label_values(&labels).set(number);
                }
            }
        }
        tokio::time::sleep(PERIOD).await;
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counted {
    open: BTreeMap<Severity, i64>,
    clocks: BTreeMap<(Addressee, ClockState), i64>,
}

/// Pure.
fn count(catalogue: &Catalogue, incidents: &[Incident], now: Timestamp) -> Counted {
    let mut counted = Counted::default();
    for spec in incidents.iter().map(|one| &one.spec) {
        if spec.is_closed() {
            continue;
        }
        *counted.open.entry(spec.severity).or_default() += 1;
        let Some(hours) = super::hours(catalogue, spec) else {
            continue;
        };
        for clock in clocks(spec, &hours, now) {
            *counted.clocks.entry((clock.to, clock.state)).or_default() += 1;
        }
    }
    counted
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn the_clocks_of_what_is_open_are_counted() {
        let one = |closed: bool| -> Incident {
            let mut spec = json!({
                "awareAt": "2026-12-01T10:00:00Z", "severity": "major", "summary": "an account was used by somebody else",
                "affects": { "groups": ["oriental", "souss-massa"] }, "personalData": false,
                "receipts": [{ "to": "dgssi", "sentAt": "2026-12-01T10:05:00Z", "reference": "maCERT-1" }],
            });
            if closed {
                spec["closing"] = json!({ "at": "2026-12-02T00:00:00Z", "word": "over" });
            }
            serde_json::from_value(json!({ "metadata": { "name": "incident-1" }, "spec": spec })).unwrap()
        };
        let now = "2026-12-01T11:00:01Z".parse().unwrap();
        let catalogue = Catalogue::embedded().unwrap();
        let counted = count(&catalogue, &[one(false), one(true)], now);
        assert_eq!(counted.open, BTreeMap::from([(Severity::Major, 1)]));
        assert_eq!(
            counted.clocks,
            BTreeMap::from([
                ((Addressee::Dgssi, ClockState::Sent), 1),
                ((Addressee::Customer, ClockState::Overdue), 2),
                ((Addressee::Cndp, ClockState::NotDue), 1),
                ((Addressee::Patient, ClockState::NotDue), 1),
            ])
        );
    }
}
