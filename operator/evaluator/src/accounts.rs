//! When those who hold a right last came to the API server, as DMP-IAM-05 asks for it: the bindings there are ([`crate::rights`]), and
//! the days that the operator heard of (`dmp_api::last_uses`). People are called by the binding that gives them their right.

use dmp_api::last_uses::{CONFIG_MAP, KEY, Observation};
use dmp_policies::{Catalogue, day};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::collect::Observed;
use crate::left::Left;
use crate::rights::Holder;
use crate::world::{Read, World};

/// Most accounts that are judged one by one: those first that have never come, then those that have not for longest.
const LISTED: usize = 1_000;

impl Left for Observation {
    const KIND: &'static str = "Last uses of accounts";
    const CONFIG_MAP: &'static str = CONFIG_MAP;
    const KEY: &'static str = KEY;
    /// Somebody comes every day: what is older is of an audit that does not arrive.
    const FRESH: SignedDuration = SignedDuration::from_hours(30);

    fn observed_at(&self) -> Timestamp {
        self.observed_at
    }
}

/// Of each that holds a right: the last day it came, or since when it could have and nobody has heard of it.
pub fn uses(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let rights = world.rights.as_ref().map_err(Clone::clone)?;
    let seen = world.uses.as_ref().map_err(Clone::clone)?;
    let mut accounts: Vec<_> = rights.holders.iter().map(|one| account(one, seen)).collect();
    accounts.sort_by_key(|(last, since, name)| (*last, *since, *name));
    let accounts: Vec<_> = accounts
        .into_iter()
        .take(LISTED)
        .map(|(last, since, name)| {
            let last = last.map_or_else(String::new, |day| day.to_string());
            json!({ "name": name, "lastUsed": last, "since": since.to_string() })
        })
        .collect();
    Ok(vec![Observed::new(None, json!({ "accounts": accounts }))])
}

/// Last day, day from which on it would have been heard, name.
fn account<'h>(holder: &'h Holder, seen: &Observation) -> (Option<Date>, Date, &'h str) {
    let bound = day(holder.since);
    let last = seen.days.get(&holder.account).copied();
    (last, bound.max(seen.since), &holder.name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use dmp_api::last_uses::person;
    use jiff::civil::date;

    use super::*;
    use crate::left::observation;
    use crate::pass::pass;
    use crate::report::{Reports, reports, verdict};
    use crate::rights::Rights;

    fn now() -> Timestamp {
        "2026-12-01T12:00:00Z".parse().unwrap()
    }

    fn days_ago(days: i64) -> Date {
        date(2026, 12, 1) - SignedDuration::from_hours(24 * days)
    }

    fn holder(user: &str, bound: &str) -> Holder {
        Holder {
            name: format!("person by {user}"),
            account: person(user),
            since: bound.parse().unwrap(),
        }
    }

    /// Heard since `days` ago.
    fn heard(days: i64, came: &[(&str, i64)]) -> Observation {
        let came: BTreeMap<_, _> = came
            .iter()
            .map(|(user, days)| (person(user), days_ago(*days)))
            .collect();
        let mut seen = Observation::beginning(now(), days_ago(days));
        seen.days = came;
        seen
    }

    fn said(holders: Vec<Holder>, uses: Read<Observation>) -> (String, String) {
        let rights = Rights {
            holders,
            ..Rights::default()
        };
        let world = World {
            rights: Ok(rights),
            uses,
            ..World::unread(now())
        };
        let catalogue = Catalogue::embedded().unwrap();
        let report = reports(&pass(&catalogue, &world), &Reports::default(), now()).cluster;
        let mut results = report.results.iter();
        let found = results.find(|one| one.policy == "DMP-IAM-05" && one.rule == "dormant");
        let found = found.unwrap();
        (verdict(found).to_owned(), found.message.clone())
    }

    #[test]
    fn who_has_not_come_for_ninety_days_fails_and_is_named_by_the_binding() {
        let both = || {
            vec![
                holder("amina", "2025-01-01T00:00:00Z"),
                holder("karim", "2025-01-01T00:00:00Z"),
            ]
        };
        for (days, expected) in [(0, "pass"), (90, "pass"), (91, "fail"), (-30, "fail")] {
            let seen = heard(200, &[("amina", 1), ("karim", days)]);
            let (verdict, message) = said(both(), Ok(seen));
            assert_eq!(verdict, expected, "{days}");
            let named = message.contains("karim") && !message.contains("amina");
            assert_eq!(named, expected == "fail", "{message}");
        }
        assert_eq!(
            said(Vec::new(), Ok(heard(200, &[]))).0,
            "fail",
            "nobody holds anything"
        );
    }

    #[test]
    fn who_never_came_has_ninety_days_from_the_binding_or_from_when_somebody_listens() {
        for (listening, bound, expected) in [
            (200, "2026-09-02T23:00:00Z", "pass"),
            (200, "2026-09-01T23:00:00Z", "fail"),
            (90, "2025-01-01T00:00:00Z", "pass"),
            (91, "2025-01-01T00:00:00Z", "fail"),
        ] {
            let seen = heard(listening, &[]);
            let verdict = said(vec![holder("karim", bound)], Ok(seen)).0;
            assert_eq!(verdict, expected, "{listening} {bound}");
        }
    }

    #[test]
    fn of_thousands_the_one_that_is_dormant_is_among_those_that_are_judged() {
        let many: Vec<_> = (0..LISTED + 50)
            .map(|at| holder(&format!("n{at}"), "2025-01-01T00:00:00Z"))
            .collect();
        let mut seen = heard(200, &[]);
        seen.days = many
            .iter()
            .map(|one| (one.account.clone(), days_ago(1)))
            .collect();
        assert_eq!(said(many.clone(), Ok(seen.clone())).0, "pass");
        seen.days.insert(person("n1040"), days_ago(120));
        assert_eq!(said(many, Ok(seen)).0, "fail");
    }

    #[test]
    fn what_is_old_of_the_future_or_unread_is_an_error() {
        let hour = SignedDuration::from_hours(1);
        for (age, expected) in [(30 * hour, "pass"), (31 * hour, "error"), (-hour, "error")] {
            let mut seen = heard(200, &[("karim", 1)]);
            seen.observed_at = now() - age;
            let left =
                json!({ "metadata": { "name": CONFIG_MAP }, "data": { KEY: json!(seen).to_string() } });
            let left = serde_json::from_value(left).unwrap();
            let holders = vec![holder("karim", "2025-01-01T00:00:00Z")];
            assert_eq!(
                said(holders, observation(Some(left), now())).0,
                expected,
                "{age:?}"
            );
        }
        assert_eq!(said(Vec::new(), World::unread(now()).uses).0, "error");
    }
}
