//! On which day each account last came to the API server, as the operator heard it from its audit events and leaves it for the
//! evaluator: ConfigMap [`CONFIG_MAP`] in namespace `dmp-evidence`, key [`KEY`], the JSON of an [`Observation`].
//!
//! People and groups by a hash of their name: whoever holds a right is named in a binding, and everybody else is nobody's business.
//! Whether it is too long ago is the catalogue's to say (`DMP-IAM-05`).

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Name of the ConfigMap.
pub const CONFIG_MAP: &str = "last-uses";
/// Its one key.
pub const KEY: &str = "observation.json";
/// Most accounts that are kept: of more, those that have not come for longest are forgotten, and look as if they had never come.
pub const KEPT: usize = 8_000;
/// What a ServiceAccount's user name begins with.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// Who came, and since when anybody was listening.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Observation {
    /// When it was written last.
    pub observed_at: Timestamp,
    /// UTC day of the first event: nothing is known of days before.
    pub since: Date,
    /// By [`person`], [`group`] or [`service_account`], the UTC day of the last request that was heard.
    pub days: BTreeMap<String, Date>,
}

impl Observation {
    /// Of which nobody has come yet.
    pub const fn beginning(now: Timestamp, today: Date) -> Self {
        Self {
            observed_at: now,
            since: today,
            days: BTreeMap::new(),
        }
    }

    /// Those of `came` have come on these days. Days that are still to come are of a clock that was moved: they are `today`.
    pub fn add(&mut self, came: &BTreeMap<String, Date>, now: Timestamp, today: Date) {
        self.observed_at = now;
        self.since = self.since.min(today);
        for (account, day) in came {
            let known = self.days.entry(account.clone()).or_insert(*day);
            *known = (*known).max(*day);
        }
        for day in self.days.values_mut() {
            *day = (*day).min(today);
        }
        while self.days.len() > KEPT {
            let oldest = self.days.iter().min_by_key(|(_, day)| **day);
            let Some(account) = oldest.map(|(account, _)| account.clone()) else {
                break;
            };
            self.days.remove(&account);
        }
    }
}

/// A user of that name; a ServiceAccount by its user name too.
pub fn person(name: &str) -> String {
    let account = name.strip_prefix(SERVICE_ACCOUNT);
    match account.and_then(|account| account.split_once(':')) {
        Some((namespace, name)) => service_account(namespace, name),
        None => format!("user:{}", hash(name)),
    }
}

/// Somebody of a group of that name.
pub fn group(name: &str) -> String {
    format!("group:{}", hash(name))
}

/// The ServiceAccount, which is nobody.
pub fn service_account(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

/// Half of the SHA-256, hex.
fn hash(name: &str) -> String {
    let hash = hex::encode(digest(&SHA256, name.as_bytes()));
    hash.chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use jiff::civil::date;

    use super::*;

    const TODAY: Date = date(2026, 12, 1);

    fn came(names: &[(&str, Date)]) -> BTreeMap<String, Date> {
        names.iter().map(|(name, day)| (person(name), *day)).collect()
    }

    #[test]
    fn people_have_no_names_and_software_is_what_it_is() {
        let leila = person("leila@example.ma");
        assert!(leila.starts_with("user:") && leila.len() == 37 && !leila.contains("leila"));
        assert_ne!(leila, person("omar@example.ma"));
        let operations = group("cloud-operations");
        assert!(operations.starts_with("group:") && !operations.contains("cloud"));
        assert_eq!(
            person("system:serviceaccount:dmp-tanger:records"),
            "dmp-tanger/records"
        );
        assert!(person("system:serviceaccount:odd").starts_with("user:"));
    }

    #[test]
    fn the_last_day_counts_whoever_heard_it_and_none_is_to_come() {
        let mut seen = Observation::beginning(Timestamp::UNIX_EPOCH, date(2026, 11, 1));
        let yesterday = date(2026, 11, 30);
        seen.add(
            &came(&[("a", yesterday), ("b", TODAY)]),
            Timestamp::UNIX_EPOCH,
            TODAY,
        );
        // Another replica, which heard less.
        seen.add(
            &came(&[("b", yesterday), ("c", date(2031, 1, 1))]),
            Timestamp::UNIX_EPOCH,
            TODAY,
        );
        assert_eq!(seen.days, came(&[("a", yesterday), ("b", TODAY), ("c", TODAY)]));
        assert_eq!(seen.since, date(2026, 11, 1));
        // The clock that was ahead from the beginning.
        let mut ahead = Observation::beginning(Timestamp::UNIX_EPOCH, date(2031, 1, 1));
        ahead.add(&came(&[]), Timestamp::UNIX_EPOCH, TODAY);
        assert_eq!(ahead.since, TODAY);
    }

    #[test]
    fn of_more_than_can_be_kept_the_longest_gone_are_forgotten() {
        let mut seen = Observation::beginning(Timestamp::UNIX_EPOCH, TODAY);
        let day = |at: usize| TODAY - SignedDuration::from_hours(24 * i64::from(at < 3));
        let many = (0..KEPT + 3).map(|at| (format!("dmp-group-with-a-long-name/account-{at:07}"), day(at)));
        seen.add(&many.collect(), Timestamp::UNIX_EPOCH, TODAY);
        assert_eq!(seen.days.len(), KEPT);
        assert!(seen.days.values().all(|day| *day == TODAY));
        let text = serde_json::to_string(&seen).unwrap();
        assert!(text.len() < 900_000, "{}", text.len());
        assert_eq!(serde_json::from_str::<Observation>(&text).unwrap(), seen);
    }
}
