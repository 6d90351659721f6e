//! How far back the platform's logs reach, as DMP-LOG-01 asks for it: from what the operator was told of their copies in `audit`
//! (`dmp_api::log_stores`). This process has no way to `audit`. The age of logs that are files of a machine somebody brings.

use dmp_api::log_stores::{CONFIG_MAP, KEY, Observation, Store};
use dmp_policies::Catalogue;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::collect::Observed;
use crate::left::Left;
use crate::world::{Read, World};

impl Left for Observation {
    const KIND: &'static str = "Copies of logs";
    const CONFIG_MAP: &'static str = CONFIG_MAP;
    const KEY: &'static str = KEY;
    const FRESH: SignedDuration = SignedDuration::from_hours(6);

    fn observed_at(&self) -> Timestamp {
        self.observed_at
    }
}

/// Of each log: since when it is there, and whether anything is missing.
pub fn stores(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let seen = world.logs.as_ref().map_err(Clone::clone)?;
    let day = |date: Date| date.to_string();
    let store = |store: &Store| {
        json!({
            "name": store.name, "oldest": store.oldest.map_or_else(String::new, day), "whole": store.whole,
            "gaps": store.gaps,
        })
    };
    let stores: Vec<_> = seen.stores.iter().map(store).collect();
    Ok(vec![Observed::new(None, json!({ "stores": stores }))])
}

#[cfg(test)]
mod tests {
    use dmp_api::log_stores::LISTED;
    use jiff::civil::date;

    use super::*;
    use crate::left::observation;
    use crate::pass::pass;
    use crate::report::{Reports, reports, verdict};

    const TODAY: Date = date(2026, 12, 1);

    fn now() -> Timestamp {
        "2026-12-01T12:00:00Z".parse().unwrap()
    }

    fn days_ago(days: i64) -> Option<Date> {
        Some(TODAY - SignedDuration::from_hours(24 * days))
    }

    fn store(name: &str, days: i64) -> Store {
        Store {
            name: name.to_owned(),
            oldest: days_ago(days),
            whole: true,
            gaps: 0,
        }
    }

    fn platform() -> Vec<Store> {
        vec![store("national/registry", 400), store("souss-massa/records", 3)]
    }

    fn of(stores: Vec<Store>) -> Observation {
        Observation::new(now(), stores)
    }

    fn said(logs: Read<Observation>) -> (String, String) {
        let world = World {
            logs,
            ..World::unread(now())
        };
        let catalogue = Catalogue::embedded().unwrap();
        let report = reports(&pass(&catalogue, &world), &Reports::default(), now()).cluster;
        let mut results = report.results.iter();
        let found = results.find(|one| one.policy == "DMP-LOG-01" && one.rule == "oldest");
        let found = found.unwrap();
        (verdict(found).to_owned(), found.message.clone())
    }

    #[test]
    fn logs_that_reach_a_year_back_or_to_their_beginning_pass_and_none_at_all_fail() {
        assert_eq!(said(Ok(of(platform()))).0, "pass");
        assert_eq!(said(Ok(of(Vec::new()))).0, "fail");
        let mut written_to_by_nobody = store("oriental/records", 0);
        written_to_by_nobody.oldest = None;
        assert_eq!(said(Ok(of(vec![written_to_by_nobody]))).0, "pass");
        // Older ones were taken off after more than a year.
        for (days, verdict) in [(365, "pass"), (364, "fail")] {
            let mut cut = store("national/registry", days);
            cut.whole = false;
            assert_eq!(said(Ok(of(vec![cut]))).0, verdict, "{days}");
        }
    }

    #[test]
    fn a_log_that_lacks_something_fails_and_is_named() {
        let changes: [fn(&mut Store); 4] = [
            // A month.
            |store| {
                store.oldest = days_ago(30);
                store.whole = false;
            },
            |store| store.gaps = 1,
            |store| *store = Store::absent(store.name.clone()),
            // A clock was moved: it was written tomorrow.
            |store| store.oldest = days_ago(-1),
        ];
        for change in changes {
            let mut stores = platform();
            change(&mut stores[1]);
            let (verdict, message) = said(Ok(of(stores.clone())));
            assert_eq!(verdict, "fail", "{stores:?}");
            assert!(
                message.contains("souss-massa/records") && !message.contains("registry"),
                "{message}"
            );
        }
    }

    #[test]
    fn of_thousands_the_one_that_is_bad_is_among_those_that_are_judged() {
        let many = || (0..LISTED + 500).map(|at| store(&format!("a-{at}/records"), 400));
        assert_eq!(said(Ok(of(many().collect()))).0, "pass");
        let mut bad = store("z/records", 400);
        bad.gaps = 1;
        assert_eq!(said(Ok(of(many().chain([bad]).collect()))).0, "fail");
    }

    #[test]
    fn what_is_old_of_the_future_or_unread_is_an_error() {
        let hour = SignedDuration::from_hours(1);
        for (age, expected) in [(6 * hour, "pass"), (7 * hour, "error"), (-hour, "error")] {
            let mut seen = of(platform());
            seen.observed_at = now() - age;
            let left =
                json!({ "metadata": { "name": CONFIG_MAP }, "data": { KEY: json!(seen).to_string() } });
            let left = serde_json::from_value(left).unwrap();
            assert_eq!(said(observation(Some(left), now())).0, expected, "{age:?}");
        }
        assert_eq!(said(World::unread(now()).logs).0, "error");
    }
}
