//! The notices of the incidents of a year, as DMP-INC-01 asks for them: from what people wrote, not from a status.

use dmp_api::Incident;
use dmp_api::incident::clocks::{CONTROL, Hours, clocks};
use dmp_api::incident::{Clock, ClockState, IncidentSpec};
use dmp_policies::Catalogue;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use crate::collect::Observed;
use crate::world::{Read, Unread, World};

/// How far back incidents are looked at.
const YEAR: SignedDuration = SignedDuration::from_hours(24 * 365);
const HOUR: i64 = 3_600;

/// An incident without what people wrote about it.
#[derive(Clone, Debug)]
pub struct Known {
    pub name: String,
    pub spec: IncidentSpec,
}

/// What is kept of an incident.
pub fn known(mut one: Incident) -> Known {
    one.spec.summary.clear();
    if let Some(closing) = &mut one.spec.closing {
        closing.word.clear();
    }
    Known {
        name: one.name_any(),
        spec: one.spec,
    }
}

/// Each notice of each incident of the year.
pub fn notices(world: &World, catalogue: &Catalogue) -> Read<Vec<Observed>> {
    let incidents = world.incidents.as_ref().map_err(Clone::clone)?;
    let mut all = Vec::new();
    for one in incidents {
        let aware = one.spec.aware();
        // One that is still open is looked at however old it is.
        if one.spec.is_closed() && world.at.duration_since(aware) > YEAR {
            continue;
        }
        let hours = catalogue
            .control(CONTROL)
            .and_then(|control| Hours::of(&one.spec, |name, day| control.number_on(name, day)));
        let hours = hours.ok_or_else(|| Unread {
            kind: "Hours",
            why: format!("{CONTROL} does not have them all"),
        })?;
        let due = clocks(&one.spec, &hours, world.at);
        let due = due.iter().filter(|clock| clock.state != ClockState::NotDue);
        all.extend(due.map(|clock| notice(&one.name, aware, clock, world.at)));
    }
    Ok(vec![Observed::new(None, json!({ "notices": all }))])
}

fn notice(incident: &str, aware: Timestamp, clock: &Clock, now: Timestamp) -> Value {
    // Of what was sent, when it was: that does not move any more.
    let until = clock.sent_at.unwrap_or(now);
    json!({
        "name": format!("{incident} {}", clock.addressee()),
        "to": clock.to.as_str(),
        "hoursSinceAware": begun(aware, until),
        "sent": clock.state == ClockState::Sent,
        "receipt": clock.receipt.as_deref().unwrap_or_default(),
    })
}

/// Hours that have begun: as many as the law leaves are still in time.
fn begun(from: Timestamp, to: Timestamp) -> i64 {
    let seconds = (to.as_second() - from.as_second()).max(0);
    (seconds + HOUR - 1).div_euclid(HOUR)
}

#[cfg(test)]
mod tests {
    use dmp_policies::openreports::Report;

    use super::*;
    use crate::pass::pass;
    use crate::report::{Reports, reports, verdict};

    fn incident(name: &str, spec: Value) -> Known {
        let mut whole = json!({
            "awareAt": "2026-12-01T10:00:00Z", "severity": "major", "summary": "amina's account",
            "affects": { "groups": ["oriental"] }, "personalData": true,
        });
        for (name, value) in spec.as_object().unwrap() {
            whole[name] = value.clone();
        }
        known(serde_json::from_value(json!({ "metadata": { "name": name }, "spec": whole })).unwrap())
    }

    fn receipts(sent: &str) -> Value {
        let one = |to: &str, group: Option<&str>| json!({ "to": to, "group": group, "sentAt": sent, "reference": format!("AR {to}") });
        json!([
            one("dgssi", None),
            one("customer", Some("oriental")),
            one("cndp", None),
            one("patient", None)
        ])
    }

    fn report(incidents: Read<Vec<Known>>, at: &str) -> Report {
        let at = at.parse().unwrap();
        let world = World {
            incidents,
            ..World::unread(at)
        };
        let catalogue = Catalogue::embedded().unwrap();
        reports(&pass(&catalogue, &world), &Reports::default(), at).cluster
    }

    /// Verdict and message of the check.
    fn said(incidents: Read<Vec<Known>>, at: &str) -> (String, String) {
        let report = report(incidents, at);
        let mut results = report.results.iter();
        let found = results
            .find(|one| one.policy == CONTROL && one.rule == "clocks")
            .unwrap();
        (verdict(found).to_owned(), found.message.clone())
    }

    #[test]
    fn a_notice_that_is_out_of_time_fails_and_is_named() {
        let open = || Ok(vec![incident("incident-1", json!({}))]);
        assert_eq!(said(open(), "2026-12-01T10:59:59Z").0, "pass");
        assert_eq!(said(open(), "2026-12-01T11:00:00Z").0, "pass");
        let (verdict, message) = said(open(), "2026-12-01T11:00:01Z");
        assert_eq!(verdict, "fail");
        assert!(message.contains("(incident-1 customer oriental)"), "{message}");
        let (_, message) = said(open(), "2026-12-05T10:00:00Z");
        for who in ["dgssi", "customer oriental", "cndp", "patient"] {
            assert!(message.contains(&format!("incident-1 {who}")), "{message}");
        }
        // Nobody is told that there are no personal data.
        let less = incident(
            "incident-1",
            json!({ "personalData": false, "affects": { "platform": true } }),
        );
        let (_, message) = said(Ok(vec![less]), "2026-12-05T10:00:00Z");
        assert!(
            !message.contains("cndp") && message.contains("incident-1 customer"),
            "{message}"
        );
    }

    #[test]
    fn with_every_receipt_it_passes_and_no_incident_is_none_that_nobody_was_told_of() {
        let told = incident(
            "incident-1",
            json!({ "receipts": receipts("2026-12-01T10:20:00Z") }),
        );
        assert_eq!(said(Ok(vec![told]), "2026-12-09T10:00:00Z").0, "pass");
        assert_eq!(said(Ok(Vec::new()), "2026-12-09T10:00:00Z").0, "pass");
        let unread = Unread {
            kind: "Incidents",
            why: "forbidden".to_owned(),
        };
        assert_eq!(
            said(Err(unread), "2026-12-09T10:00:00Z"),
            (
                "error".to_owned(),
                "Incidents could not be read (forbidden)".to_owned()
            )
        );
    }

    #[test]
    fn what_is_closed_ends_after_a_year_and_what_is_open_never() {
        let notices = |spec: Value| {
            let world = World {
                incidents: Ok(vec![incident("incident-1", spec)]),
                ..World::unread("2028-01-01T00:00:00Z".parse().unwrap())
            };
            let found = notices(&world, &Catalogue::embedded().unwrap()).unwrap();
            found[0].inputs["notices"].as_array().unwrap().clone()
        };
        let closing = json!({ "at": "2026-12-03T10:00:00Z", "word": "amina's account is closed" });
        assert_eq!(
            notices(json!({ "receipts": receipts("2026-12-01T10:20:00Z"), "closing": closing })),
            Vec::<Value>::new()
        );
        let open = notices(json!({ "receipts": receipts("2026-12-01T12:00:01Z") }));
        assert_eq!(
            open[0],
            json!({
                "name": "incident-1 dgssi", "to": "dgssi", "hoursSinceAware": 3, "sent": true, "receipt": "AR dgssi",
            })
        );
        assert_eq!(open.len(), 4);
    }

    #[test]
    fn what_people_wrote_goes_nowhere() {
        let closing = json!({ "at": "2026-12-03T10:00:00Z", "word": "amina's account is closed" });
        let one = incident(
            "incident-1",
            json!({ "receipts": receipts("2026-12-01T10:20:00Z"), "closing": closing }),
        );
        assert!(!format!("{one:?}").contains("amina"));
        let report = report(Ok(vec![one]), "2026-12-09T10:00:00Z");
        assert!(!serde_json::to_string(&report).unwrap().contains("amina"));
    }
}
