//! When which notice of an incident is due, and where it stands. Pure: the hours and the time are arguments.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Addressee, Clock, ClockState, IncidentSpec, Receipt};

/// The control whose parameters say how many hours there are.
pub const CONTROL: &str = "DMP-INC-01";
/// How far clocks may differ: a receipt from further ahead does not count yet.
const AHEAD: SignedDuration = SignedDuration::from_secs(60);
/// A clock is about to run out when half of its time is left, but not sooner than this before.
const WARNING: SignedDuration = SignedDuration::from_hours(1);

/// Hours from the moment of awareness to the last moment of each notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    pub dgssi: i64,
    pub customer: i64,
    pub cndp: i64,
    pub patient: i64,
}

impl Hours {
    /// Those that held on the day of awareness; `number` is the value of a parameter of [`CONTROL`] on a day.
    pub fn of(spec: &IncidentSpec, number: impl Fn(&str, Date) -> Option<i64>) -> Option<Self> {
        let day = spec.aware().to_zoned(TimeZone::UTC).date();
        Some(Self {
            dgssi: number("dgssiHours", day)?,
            customer: number("customerHours", day)?,
            cndp: number("cndpHours", day)?,
            patient: number("patientHours", day)?,
        })
    }

    const fn to(&self, to: Addressee) -> SignedDuration {
        SignedDuration::from_hours(match to {
            Addressee::Dgssi => self.dgssi,
            Addressee::Customer => self.customer,
            Addressee::Cndp => self.cndp,
            Addressee::Patient => self.patient,
        })
    }
}

impl Clock {
    /// `dgssi`, `customer oriental`.
    pub fn addressee(&self) -> String {
        match &self.group {
            Some(group) => format!("{} {group}", self.to.as_str()),
            None => self.to.as_str().to_owned(),
        }
    }

    /// Whether somebody is still to be told.
    pub const fn is_open(&self) -> bool {
        matches!(
            self.state,
            ClockState::Running | ClockState::DueSoon | ClockState::Overdue
        )
    }

    /// Whether the notice went out after its last moment.
    pub fn was_late(&self) -> bool {
        matches!((self.due_at, self.sent_at), (Some(due), Some(sent)) if sent > due)
    }
}

/// A clock for everybody who is to be told, the DGSSI first; CNDP and patients are not due without personal data.
pub fn clocks(spec: &IncidentSpec, hours: &Hours, now: Timestamp) -> Vec<Clock> {
    addressees(spec)
        .map(|(to, group)| {
            let receipt = receipt(spec, to, group, now);
            let due = (to < Addressee::Cndp || spec.personal_data).then(|| due(spec, hours, to));
            let state = match (due, receipt) {
                (_, Some(_)) => ClockState::Sent,
                (None, None) => ClockState::NotDue,
                (Some(due), None) if now > due => ClockState::Overdue,
                (Some(due), None) if now >= earlier(due, warning(hours, to)) => ClockState::DueSoon,
                (Some(_), None) => ClockState::Running,
            };
            Clock {
                to,
                group: group.map(ToOwned::to_owned),
                due_at: due,
                state,
                sent_at: receipt.map(|(at, _)| at),
                receipt: receipt.map(|(_, receipt)| receipt.reference.clone()),
            }
        })
        .collect()
}

/// When the first of these clocks changes by itself.
pub fn next_change(clocks: &[Clock], hours: &Hours) -> Option<Timestamp> {
    let change = |clock: &Clock| match clock.state {
        ClockState::Running => Some(earlier(clock.due_at?, warning(hours, clock.to))),
        // It is over after its last moment.
        ClockState::DueSoon => clock.due_at?.checked_add(SignedDuration::from_secs(1)).ok(),
        ClockState::Overdue | ClockState::Sent | ClockState::NotDue => None,
    };
    clocks.iter().filter_map(change).min()
}

/// The clock that must be stopped first; of two at once the first in order.
pub fn next(clocks: &[Clock]) -> Option<&Clock> {
    clocks
        .iter()
        .filter(|clock| clock.is_open())
        .min_by_key(|clock| clock.due_at)
}

/// Who is told, with the group of a customer.
fn addressees(spec: &IncidentSpec) -> impl Iterator<Item = (Addressee, Option<&str>)> {
    let groups = spec.affects.groups.iter();
    let all = spec.affects.platform.then_some((Addressee::Customer, None));
    [(Addressee::Dgssi, None)]
        .into_iter()
        .chain(groups.map(|group| (Addressee::Customer, Some(group.as_str()))))
        .chain(all)
        .chain([(Addressee::Cndp, None), (Addressee::Patient, None)])
}

fn due(spec: &IncidentSpec, hours: &Hours, to: Addressee) -> Timestamp {
    let due = spec.aware().checked_add(hours.to(to));
    due.unwrap_or(Timestamp::MAX)
}

/// How long before its last moment a clock is about to run out.
fn warning(hours: &Hours, to: Addressee) -> SignedDuration {
    WARNING.min(hours.to(to) / 2)
}

fn earlier(due: Timestamp, by: SignedDuration) -> Timestamp {
    due.checked_sub(by).unwrap_or(due)
}

/// The first receipt of somebody, and when it was sent.
fn receipt<'s>(
    spec: &'s IncidentSpec,
    to: Addressee,
    group: Option<&str>,
    now: Timestamp,
) -> Option<(Timestamp, &'s Receipt)> {
    spec.receipts
        .iter()
        .filter(|receipt| receipt.to == to && receipt.group.as_deref() == group)
        .filter_map(|receipt| Some((receipt.sent_at.parse::<Timestamp>().ok()?, receipt)))
        .filter(|(at, _)| at.duration_since(now) <= AHEAD)
        .min_by_key(|(at, _)| *at)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const HOURS: Hours = Hours {
        dgssi: 24,
        customer: 1,
        cndp: 72,
        patient: 72,
    };

    fn spec(change: Value) -> IncidentSpec {
        let mut spec = json!({
            "awareAt": "2026-12-01T10:00:00Z", "severity": "major", "summary": "an account was used by somebody else",
            "affects": { "groups": ["oriental"] }, "personalData": true,
        });
        for (name, value) in change.as_object().unwrap() {
            spec[name] = value.clone();
        }
        serde_json::from_value(spec).unwrap()
    }

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    /// What is said of each clock: `dgssi 2026-12-02T10:00:00Z Running`.
    fn said(spec: &IncidentSpec, now: &str) -> Vec<String> {
        let clocks = clocks(spec, &HOURS, at(now));
        let line = |clock: &Clock| {
            let due = clock.due_at.map_or("-".to_owned(), |due| due.to_string());
            format!("{} {due} {}", clock.addressee(), clock.state.as_str())
        };
        clocks.iter().map(line).collect()
    }

    #[test]
    fn one_moment_starts_all_clocks_and_each_runs_out_in_its_own_time() {
        // Of dgssi, customer, cndp, patient at that time.
        let cases = [
            ("2026-12-01T09:59:00Z", "Running Running Running Running"),
            ("2026-12-01T10:00:00Z", "Running Running Running Running"),
            ("2026-12-01T10:29:59Z", "Running Running Running Running"),
            ("2026-12-01T10:30:00Z", "Running DueSoon Running Running"),
            ("2026-12-01T11:00:00Z", "Running DueSoon Running Running"),
            ("2026-12-01T11:00:01Z", "Running Overdue Running Running"),
            ("2026-12-02T08:59:59Z", "Running Overdue Running Running"),
            ("2026-12-02T09:00:00Z", "DueSoon Overdue Running Running"),
            ("2026-12-02T10:00:01Z", "Overdue Overdue Running Running"),
            ("2026-12-04T09:30:00Z", "Overdue Overdue DueSoon DueSoon"),
            ("2026-12-05T10:00:00Z", "Overdue Overdue Overdue Overdue"),
        ];
        for (now, wanted) in cases {
            let states: Vec<_> = clocks(&spec(json!({})), &HOURS, at(now))
                .iter()
                .map(|clock| clock.state.as_str())
                .collect();
            assert_eq!(states.join(" "), wanted, "{now}");
        }
        assert_eq!(
            said(&spec(json!({})), "2026-12-01T10:00:00Z"),
            [
                "dgssi 2026-12-02T10:00:00Z Running",
                "customer oriental 2026-12-01T11:00:00Z Running",
                "cndp 2026-12-04T10:00:00Z Running",
                "patient 2026-12-04T10:00:00Z Running",
            ]
        );
    }

    #[test]
    fn without_personal_data_neither_the_cndp_nor_patients_are_due() {
        let spec =
            spec(json!({ "personalData": false, "affects": { "groups": ["a", "b"], "platform": true } }));
        assert_eq!(
            said(&spec, "2026-12-09T10:00:00Z"),
            [
                "dgssi 2026-12-02T10:00:00Z Overdue",
                "customer a 2026-12-01T11:00:00Z Overdue",
                "customer b 2026-12-01T11:00:00Z Overdue",
                "customer 2026-12-01T11:00:00Z Overdue",
                "cndp - NotDue",
                "patient - NotDue",
            ]
        );
    }

    #[test]
    fn a_receipt_stops_its_own_clock_and_no_other() {
        let receipt = |to: &str, group: Value, sent: &str, reference: &str| json!({ "to": to, "group": group, "sentAt": sent, "reference": reference });
        let spec = spec(json!({ "receipts": [
            receipt("customer", json!("souss-massa"), "2026-12-01T10:10:00Z", "another group"),
            receipt("customer", Value::Null, "2026-12-01T10:10:00Z", "all of them"),
            receipt("dgssi", Value::Null, "2026-12-02T12:00:00+01:00", "second"),
            receipt("dgssi", Value::Null, "2026-12-02T10:00:01Z", "first"),
            receipt("cndp", Value::Null, "2026-12-30T10:00:00Z", "of the future"),
            receipt("patient", Value::Null, "once", "no moment"),
        ] }));
        let found = clocks(&spec, &HOURS, at("2026-12-02T13:00:00Z"));
        let states: Vec<_> = found.iter().map(|clock| clock.state.as_str()).collect();
        assert_eq!(states, ["Sent", "Overdue", "Running", "Running"]);
        assert_eq!(found[0].receipt.as_deref(), Some("first"));
        assert!(found[0].was_late() && !found[1].was_late());
        assert_eq!(next(&found).unwrap().addressee(), "customer oriental");
    }

    #[test]
    fn the_next_change_is_the_next_warning_or_end() {
        let change = |now: &str| {
            let clocks = clocks(&spec(json!({})), &HOURS, at(now));
            next_change(&clocks, &HOURS).map(|at| at.to_string())
        };
        for (now, wanted) in [
            ("2026-12-01T10:00:00Z", "2026-12-01T10:30:00Z"),
            ("2026-12-01T10:30:00Z", "2026-12-01T11:00:01Z"),
            ("2026-12-01T11:00:01Z", "2026-12-02T09:00:00Z"),
            ("2026-12-02T10:00:01Z", "2026-12-04T09:00:00Z"),
        ] {
            assert_eq!(change(now).as_deref(), Some(wanted), "{now}");
        }
        assert_eq!(change("2026-12-09T10:00:00Z"), None);
    }

    #[test]
    fn what_is_no_moment_was_long_ago_and_hours_are_those_of_the_day() {
        let spec = spec(json!({ "awareAt": "yesterday" }));
        let found = clocks(&spec, &HOURS, at("2026-12-01T10:00:00Z"));
        assert!(found.iter().all(|clock| clock.state == ClockState::Overdue));
        let hours = Hours::of(&self::spec(json!({})), |name, day| {
            (day.to_string() == "2026-12-01" && name != "cndpHours").then_some(7)
        });
        assert_eq!(hours, None, "one is missing");
    }
}
