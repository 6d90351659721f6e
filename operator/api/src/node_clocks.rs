//! How far each node's clock is from the API server's, as the operator measured it for the evaluator: ConfigMap [`CONFIG_MAP`] in
//! namespace `dmp-evidence`, key [`KEY`], the JSON of an [`Observation`].
//!
//! Names of nodes and milliseconds only. Whether a clock is too far off is the catalogue's to say (`DMP-LOG-05`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Name of the ConfigMap.
pub const CONFIG_MAP: &str = "node-clocks";
/// Its one key.
pub const KEY: &str = "observation.json";
/// Most nodes that are written one by one, those first that were not heard, then those that are farthest off.
pub const LISTED: usize = 1_000;
/// Two measurements that differ by no more than this many milliseconds are the same: each is late by some of them.
const JITTER: u64 = 100;

/// One measurement of all nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Observation {
    pub observed_at: Timestamp,
    /// How exactly the API server's clock is known, in milliseconds to both sides.
    pub within: u64,
    pub clocks: Vec<Clock>,
    /// How many were measured beside those that are listed, each less far off; 0 up to [`LISTED`].
    pub more: usize,
}

/// A node's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Clock {
    pub node: String,
    /// Heartbeats that were heard; of a node that is ready and was not heard 0.
    pub heard: usize,
    /// Ahead of the API server's (negative: behind, or that late at best); 0 of a node that was not heard.
    pub skew_milliseconds: i64,
}

impl Observation {
    /// `clocks` in any order.
    pub fn new(observed_at: Timestamp, within: u64, mut clocks: Vec<Clock>) -> Self {
        clocks.sort_by(|one, other| {
            let order = |clock: &Clock| {
                (
                    clock.heard > 0,
                    std::cmp::Reverse(clock.skew_milliseconds.unsigned_abs()),
                )
            };
            order(one)
                .cmp(&order(other))
                .then_with(|| one.node.cmp(&other.node))
        });
        let more = clocks.len().saturating_sub(LISTED);
        clocks.truncate(LISTED);
        Self {
            observed_at,
            within,
            clocks,
            more,
        }
    }

    /// Whether both say the same of the same nodes, but for what is only how late something was heard.
    pub fn agrees(&self, other: &Self) -> bool {
        let same = |one: &Clock| {
            other.clocks.iter().any(|two| {
                let apart = one.skew_milliseconds.abs_diff(two.skew_milliseconds);
                one.node == two.node && (one.heard > 0) == (two.heard > 0) && apart <= JITTER
            })
        };
        let length = |one: &Self| (one.clocks.len(), one.more);
        length(self) == length(other) && self.clocks.iter().all(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(node: &str, heard: usize, skew_milliseconds: i64) -> Clock {
        Clock {
            node: node.to_owned(),
            heard,
            skew_milliseconds,
        }
    }

    fn of(clocks: Vec<Clock>) -> Observation {
        Observation::new(Timestamp::UNIX_EPOCH, 20, clocks)
    }

    #[test]
    fn of_thousands_the_unheard_and_the_farthest_are_listed() {
        let mut clocks: Vec<_> = (0..LISTED + 7)
            .map(|at| clock(&format!("n-{at:05}"), 4, -5))
            .collect();
        clocks[1_003].skew_milliseconds = -2_000;
        clocks[1_005].heard = 0;
        let observation = of(clocks);
        assert_eq!((observation.clocks.len(), observation.more), (LISTED, 7));
        assert_eq!(observation.clocks[0].node, "n-01005");
        assert_eq!(observation.clocks[1].node, "n-01003");
        let text = serde_json::to_string(&observation).unwrap();
        assert!(text.len() < 500_000, "{}", text.len());
        assert_eq!(serde_json::from_str::<Observation>(&text).unwrap(), observation);
    }

    #[test]
    fn jitter_is_no_news_and_a_clock_that_moves_is() {
        let one = of(vec![clock("a", 4, -10), clock("b", 4, 20)]);
        assert!(one.agrees(&of(vec![clock("a", 5, -80), clock("b", 3, 21)])));
        for news in [
            vec![clock("a", 4, -111), clock("b", 4, 20)],
            vec![clock("a", 4, -10), clock("b", 0, 0)],
            vec![clock("a", 4, -10), clock("c", 4, 20)],
            vec![clock("a", 4, -10)],
        ] {
            assert!(!one.agrees(&of(news.clone())), "{news:?}");
        }
    }
}
