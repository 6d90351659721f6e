//! What the operator saw of the keys in OpenBao, as it leaves it for the evaluator: ConfigMap [`CONFIG_MAP`] in namespace
//! `dmp-evidence`, key [`KEY`], the JSON of an [`Observation`].
//!
//! Names and times only, no half of any key. Whether a key is too old is the catalogue's to say (`DMP-CRY-04`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Name of the ConfigMap.
pub const CONFIG_MAP: &str = "key-custody";
/// Its one key.
pub const KEY: &str = "observation.json";
/// Most keys that are written one by one: those first whose custody is not as it should be, then the oldest.
pub const LISTED: usize = 1_000;

/// One round over every space of keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Observation {
    pub observed_at: Timestamp,
    /// How OpenBao's own key is held (`static`, `pkcs11`, `shamir` …).
    pub seal: String,
    pub authorities: Vec<Authority>,
    /// Spaces that were asked: the national plane's, and one of each group that has a plane.
    pub spaces: usize,
    /// Keys that a space must have and has not, `<space>/<key>`.
    pub lacking: Vec<String>,
    pub keys: Vec<Key>,
    /// How many were seen beside those that are listed: none older than the last of these, or worse kept; 0 up to [`LISTED`].
    pub more: usize,
}

/// A certificate of an authority in OpenBao.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authority {
    /// Its mount; `root` for the one above the services'.
    pub name: String,
    pub not_after: Timestamp,
}

/// A key of `transit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Key {
    /// `<space>/<key>`: `national` or the group's name.
    pub name: String,
    /// Of its newest version, whole seconds.
    pub created_at: Timestamp,
    /// Number of its newest version.
    pub version: u64,
    pub exportable: bool,
    pub plaintext_backup: bool,
    pub deletable: bool,
}

impl Key {
    /// Whether nobody can take it out of OpenBao, or away.
    pub const fn is_kept(&self) -> bool {
        !self.exportable && !self.plaintext_backup && !self.deletable
    }
}

impl Observation {
    /// With `keys`, in any order, instead of its own.
    #[must_use]
    pub fn with_keys(mut self, mut keys: Vec<Key>) -> Self {
        keys.sort_by(|one, other| {
            let order = |key: &Key| (key.is_kept(), key.created_at);
            order(one)
                .cmp(&order(other))
                .then_with(|| one.name.cmp(&other.name))
        });
        self.more = keys.len().saturating_sub(LISTED);
        keys.truncate(LISTED);
        self.keys = keys;
        self
    }

    /// Whether both saw the same, at whatever time.
    pub fn agrees(&self, other: &Self) -> bool {
        let at = |observation: &Self| Self {
            observed_at: Timestamp::UNIX_EPOCH,
            ..observation.clone()
        };
        at(self) == at(other)
    }

    /// Whether every space has its keys and every key is kept, and the authorities are there; whatever their age.
    pub fn is_complete(&self) -> bool {
        self.lacking.is_empty() && !self.authorities.is_empty() && self.keys.iter().all(Key::is_kept)
    }

    /// When the oldest of the newest versions was made.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.keys.iter().map(|key| key.created_at).min()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn observation() -> Observation {
        Observation {
            observed_at: Timestamp::UNIX_EPOCH,
            seal: "static".to_owned(),
            authorities: Vec::new(),
            spaces: 1,
            lacking: Vec::new(),
            keys: Vec::new(),
            more: 0,
        }
    }

    fn key(at: usize) -> Key {
        Key {
            name: format!("a-{at:05}/kek"),
            created_at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::try_from(at).unwrap()),
            version: 1,
            exportable: false,
            plaintext_backup: false,
            deletable: false,
        }
    }

    #[test]
    fn a_key_is_kept_when_nobody_gets_it_out_or_away() {
        assert!(key(1).is_kept());
        let changes: [fn(&mut Key); 3] = [
            |key| key.exportable = true,
            |key| key.plaintext_backup = true,
            |key| key.deletable = true,
        ];
        for change in changes {
            let mut changed = key(1);
            change(&mut changed);
            assert!(!changed.is_kept(), "{changed:?}");
        }
    }

    #[test]
    fn of_thousands_the_badly_kept_and_the_oldest_are_listed() {
        let mut keys: Vec<_> = (0..LISTED + 7).rev().map(key).collect();
        // The youngest, which would be the last.
        keys[0].exportable = true;
        let observation = observation().with_keys(keys);
        assert_eq!((observation.keys.len(), observation.more), (LISTED, 7));
        assert_eq!(observation.keys[0].name, key(LISTED + 6).name);
        assert_eq!(observation.keys[1], key(0));
        assert_eq!(observation.oldest(), Some(Timestamp::UNIX_EPOCH));
        let text = serde_json::to_string(&observation).unwrap();
        assert!(text.len() < 500_000, "{}", text.len());
        assert_eq!(serde_json::from_str::<Observation>(&text).unwrap(), observation);
    }

    #[test]
    fn what_lacks_something_is_not_complete() {
        let complete = || {
            let mut observation = observation().with_keys(vec![key(1)]);
            observation.authorities.push(Authority {
                name: "root".to_owned(),
                not_after: Timestamp::UNIX_EPOCH,
            });
            observation
        };
        assert!(complete().is_complete());
        let changes: [fn(&mut Observation); 3] = [
            |seen| seen.lacking.push("a/kek".to_owned()),
            |seen| seen.authorities.clear(),
            |seen| seen.keys[0].exportable = true,
        ];
        for change in changes {
            let mut changed = complete();
            change(&mut changed);
            assert!(!changed.is_complete(), "{changed:?}");
        }
    }

    #[test]
    fn another_time_is_no_news_and_another_key_is() {
        let one = observation().with_keys(vec![key(1)]);
        let mut later = one.clone();
        later.observed_at = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
        assert!(one.agrees(&later));
        assert!(!one.agrees(&observation().with_keys(vec![key(2)])));
    }
}
