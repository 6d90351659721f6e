//! How far back the copies of the platform's logs reach, as the operator asked `audit` for the evaluator: ConfigMap [`CONFIG_MAP`] in
//! namespace `dmp-evidence`, key [`KEY`], the JSON of an [`Observation`].
//!
//! Names of logs and days only, nothing of what is in them. Whether it is far enough is the catalogue's to say (`DMP-LOG-01`).

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Name of the ConfigMap.
pub const CONFIG_MAP: &str = "log-stores";
/// Its one key.
pub const KEY: &str = "observation.json";
/// Most stores that are written one by one: those first that lack something, then those that reach back least.
pub const LISTED: usize = 1_000;

/// One round over every log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Observation {
    pub observed_at: Timestamp,
    pub stores: Vec<Store>,
    /// How many were asked for beside those that are listed: none lacks more, or reaches back less; 0 up to [`LISTED`].
    pub more: usize,
}

/// The copy of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Store {
    /// `national/<service>`, `<group>/records`.
    pub name: String,
    /// UTC day of the first entry that is stored; `None`: there is none, or none that the log has signed.
    pub oldest: Option<Date>,
    /// Whether everything that the log ever had is there from its first entry on, by its signed tree; of an empty log too.
    pub whole: bool,
    /// Runs of entries that are missing after the first one.
    pub gaps: u64,
}

impl Store {
    /// Of a log that nobody has copied.
    pub const fn absent(name: String) -> Self {
        Self {
            name,
            oldest: None,
            whole: false,
            gaps: 0,
        }
    }

    /// Whether nothing that was written is missing.
    pub const fn is_complete(&self) -> bool {
        self.whole && self.gaps == 0
    }
}

impl Observation {
    /// `stores` in any order.
    pub fn new(observed_at: Timestamp, mut stores: Vec<Store>) -> Self {
        stores.sort_by(|one, other| {
            let order = |store: &Store| {
                let youngest = std::cmp::Reverse(store.oldest);
                (store.is_complete(), store.oldest.is_some(), youngest)
            };
            order(one)
                .cmp(&order(other))
                .then_with(|| one.name.cmp(&other.name))
        });
        let more = stores.len().saturating_sub(LISTED);
        stores.truncate(LISTED);
        Self {
            observed_at,
            stores,
            more,
        }
    }

    /// Whether both saw the same, at whatever time.
    pub fn agrees(&self, other: &Self) -> bool {
        (&self.stores, self.more) == (&other.stores, other.more)
    }

    /// Whether every log is there from its first entry on.
    pub fn is_complete(&self) -> bool {
        self.stores.iter().all(Store::is_complete)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use jiff::civil::date;

    use super::*;

    fn store(at: usize) -> Store {
        let days = i64::try_from(at % 300).unwrap();
        Store {
            name: format!("a-{at:05}/records"),
            oldest: Some(date(2026, 1, 1) + SignedDuration::from_hours(24 * days)),
            whole: true,
            gaps: 0,
        }
    }

    fn of(stores: Vec<Store>) -> Observation {
        Observation::new(Timestamp::UNIX_EPOCH, stores)
    }

    #[test]
    fn of_thousands_those_that_lack_something_and_the_youngest_are_listed() {
        let mut stores: Vec<_> = (0..LISTED + 7).map(store).collect();
        stores[300].gaps = 2;
        stores[600] = Store::absent("a-00600/records".to_owned());
        stores[900].whole = false;
        let observation = of(stores);
        assert_eq!((observation.stores.len(), observation.more), (LISTED, 7));
        let first: Vec<_> = observation.stores[..4].iter().map(|one| &one.name).collect();
        let expected = [600, 300, 900, 299].map(|at| format!("a-{at:05}/records"));
        assert_eq!(first, expected.iter().collect::<Vec<_>>());
        assert!(!observation.is_complete());
        let text = serde_json::to_string(&observation).unwrap();
        assert!(text.len() < 500_000, "{}", text.len());
        assert_eq!(serde_json::from_str::<Observation>(&text).unwrap(), observation);
    }

    #[test]
    fn another_time_is_no_news_and_another_day_or_gap_is() {
        let one = of(vec![store(1), store(2)]);
        let later = Observation {
            observed_at: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1),
            ..of(vec![store(2), store(1)])
        };
        assert!(one.agrees(&later) && one.is_complete());
        let changes: [fn(&mut Store); 4] = [
            |store| store.gaps = 1,
            |store| store.whole = false,
            |store| store.oldest = None,
            |store| store.oldest = Some(date(2026, 2, 1)),
        ];
        for change in changes {
            let mut changed = store(1);
            change(&mut changed);
            assert!(!one.agrees(&of(vec![changed.clone(), store(2)])), "{changed:?}");
        }
    }
}
