//! How far the clocks of nodes are from the API server's, as DMP-LOG-05 asks for it: from what the operator measured by their
//! heartbeats (`dmp_api::node_clocks`). Which source the API server's machine follows somebody brings.

use dmp_api::node_clocks::{CONFIG_MAP, Clock, KEY, Observation};
use dmp_policies::Catalogue;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::collect::Observed;
use crate::left::Left;
use crate::world::{Read, World};

impl Left for Observation {
    const KIND: &'static str = "Clocks of nodes";
    const CONFIG_MAP: &'static str = CONFIG_MAP;
    const KEY: &'static str = KEY;
    const FRESH: SignedDuration = SignedDuration::from_hours(2);

    fn observed_at(&self) -> Timestamp {
        self.observed_at
    }
}

/// Of each node: how far it is off.
pub fn skews(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let seen = world.clocks.as_ref().map_err(Clone::clone)?;
    let clock = |clock: &Clock| {
        json!({
            "name": clock.node, "heard": clock.heard, "skewMilliseconds": clock.skew_milliseconds,
        })
    };
    let clocks: Vec<_> = seen.clocks.iter().map(clock).collect();
    let inputs = json!({ "clocks": clocks, "within": seen.within });
    Ok(vec![Observed::new(None, inputs)])
}

#[cfg(test)]
mod tests {
    use dmp_api::node_clocks::LISTED;

    use super::*;
    use crate::left::observation;
    use crate::pass::pass;
    use crate::report::{Reports, reports, verdict};

    fn now() -> Timestamp {
        "2026-12-01T12:00:00Z".parse().unwrap()
    }

    fn clock(node: &str, skew_milliseconds: i64) -> Clock {
        Clock {
            node: node.to_owned(),
            heard: 4,
            skew_milliseconds,
        }
    }

    fn measured(clocks: Vec<Clock>) -> Observation {
        Observation::new(now(), 20, clocks)
    }

    fn said(clocks: Read<Observation>) -> (String, String) {
        let world = World {
            clocks,
            ..World::unread(now())
        };
        let catalogue = Catalogue::embedded().unwrap();
        let report = reports(&pass(&catalogue, &world), &Reports::default(), now()).cluster;
        let mut results = report.results.iter();
        let found = results.find(|one| one.policy == "DMP-LOG-05" && one.rule == "skew");
        let found = found.unwrap();
        (verdict(found).to_owned(), found.message.clone())
    }

    #[test]
    fn clocks_within_a_second_pass_and_none_at_all_fail() {
        let both = vec![clock("n1", 1_000), clock("n2", -1_000)];
        assert_eq!(said(Ok(measured(both))).0, "pass");
        assert_eq!(said(Ok(measured(Vec::new()))).0, "fail");
        let many = (0..LISTED + 50).map(|at| clock(&format!("n{at}"), 3));
        assert_eq!(said(Ok(measured(many.clone().collect()))).0, "pass");
        let bad = many.chain([clock("zz", -1_001)]).collect();
        assert_eq!(said(Ok(measured(bad))).0, "fail");
    }

    #[test]
    fn a_clock_that_is_off_and_a_node_that_is_silent_fail_and_are_named() {
        let silent = Clock {
            heard: 0,
            ..clock("n3", 0)
        };
        for bad in [clock("n3", 1_001), clock("n3", -1_001), silent] {
            let (verdict, message) = said(Ok(measured(vec![clock("n1", 3), bad])));
            assert_eq!(verdict, "fail");
            assert!(message.contains("n3") && !message.contains("n1"), "{message}");
        }
    }

    #[test]
    fn what_is_old_or_unread_is_an_error() {
        for (hours, expected) in [(2, "pass"), (3, "error")] {
            let mut seen = measured(vec![clock("n1", 3)]);
            seen.observed_at = now() - SignedDuration::from_hours(hours);
            let left =
                json!({ "metadata": { "name": CONFIG_MAP }, "data": { KEY: json!(seen).to_string() } });
            let left = serde_json::from_value(left).unwrap();
            assert_eq!(said(observation(Some(left), now())).0, expected, "{hours}");
        }
        assert_eq!(said(World::unread(now()).clocks).0, "error");
    }
}
