//! How old the keys in OpenBao are and how they are kept, as DMP-CRY-04 asks for it: from what the operator saw there
//! (`dmp_api::key_custody`). This process has no way to OpenBao. What became of rotations and revocations somebody brings.

use dmp_api::key_custody::{CONFIG_MAP, KEY, Key, LISTED, Observation};
use dmp_policies::Catalogue;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::collect::Observed;
use crate::left::Left;
use crate::world::{Read, World};

impl Left for Observation {
    const KIND: &'static str = "Keys in OpenBao";
    const CONFIG_MAP: &'static str = CONFIG_MAP;
    const KEY: &'static str = KEY;
    const FRESH: SignedDuration = SignedDuration::from_hours(6);

    fn observed_at(&self) -> Timestamp {
        self.observed_at
    }
}

/// Of each key: when its newest version was made.
pub fn ages(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let seen = world.keys.as_ref().map_err(Clone::clone)?;
    let age = |key: &Key| json!({ "name": key.name, "createdAt": key.created_at.to_string(), "version": key.version });
    let keys: Vec<_> = seen.keys.iter().map(age).collect();
    Ok(whole(json!({ "keys": keys })))
}

/// Keys that somebody could take out or away, and those that should be there and are not.
pub fn kept(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let seen = world.keys.as_ref().map_err(Clone::clone)?;
    let lacking = seen.lacking.iter().map(|name| (name, "it is not there"));
    let open = seen.keys.iter().filter(|key| !key.is_kept());
    let found: Vec<_> = lacking
        .chain(open.map(|key| (&key.name, opened(key))))
        .take(LISTED)
        .map(|(name, said)| json!({ "name": name, "said": said }))
        .collect();
    let searched = seen.keys.len() + seen.more;
    Ok(whole(json!({ "found": found, "searched": searched })))
}

/// What may be done with a key that is not kept.
const fn opened(key: &Key) -> &'static str {
    if key.exportable {
        "it may be exported"
    } else if key.plaintext_backup {
        "it may be backed up in clear"
    } else {
        "it may be deleted"
    }
}

/// Of each authority: when it ends.
pub fn authorities(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let seen = world.keys.as_ref().map_err(Clone::clone)?;
    let all = seen.authorities.iter();
    let authorities: Vec<_> = all
        .map(|one| json!({ "name": one.name, "notAfter": one.not_after.to_string() }))
        .collect();
    Ok(whole(json!({ "authorities": authorities })))
}

fn whole(inputs: Value) -> Vec<Observed> {
    vec![Observed::new(None, inputs)]
}

#[cfg(test)]
mod tests {
    use dmp_api::key_custody::Authority;

    use super::*;
    use crate::left::observation;
    use crate::pass::pass;
    use crate::report::{Reports, reports, verdict};

    const CHECKS: [&str; 3] = ["age", "kept", "authorities"];

    fn now() -> Timestamp {
        "2026-12-01T12:00:00Z".parse().unwrap()
    }

    fn days_ago(days: i64) -> Timestamp {
        now() - SignedDuration::from_hours(24 * days)
    }

    fn key(name: &str, age: i64) -> Key {
        Key {
            name: name.to_owned(),
            created_at: days_ago(age),
            version: 1,
            exportable: false,
            plaintext_backup: false,
            deletable: false,
        }
    }

    fn seen(keys: Vec<Key>) -> Observation {
        let observation = Observation {
            observed_at: now(),
            seal: "static".to_owned(),
            authorities: vec![Authority {
                name: "root".to_owned(),
                not_after: days_ago(-3650),
            }],
            spaces: 2,
            lacking: Vec::new(),
            keys: Vec::new(),
            more: 0,
        };
        observation.with_keys(keys)
    }

    fn platform() -> Observation {
        seen(vec![key("national/token", 30), key("souss-massa/kek", 365)])
    }

    /// The check that fails, what it names, and what is done to the platform.
    type Change = (usize, &'static str, fn(&mut Observation));

    /// Verdict and message of each check.
    fn said(keys: Read<Observation>) -> [(String, String); 3] {
        let world = World {
            keys,
            ..World::unread(now())
        };
        let catalogue = Catalogue::embedded().unwrap();
        let report = reports(&pass(&catalogue, &world), &Reports::default(), now()).cluster;
        CHECKS.map(|rule| {
            let mut results = report.results.iter();
            let found = results.find(|one| one.policy == "DMP-CRY-04" && one.rule == rule);
            let found = found.unwrap();
            (verdict(found).to_owned(), found.message.clone())
        })
    }

    #[test]
    fn keys_of_a_year_pass_and_none_at_all_fail() {
        let verdicts = |keys| said(Ok(keys)).map(|one| one.0);
        assert_eq!(verdicts(platform()), ["pass"; 3]);
        let mut nothing = seen(Vec::new());
        nothing.authorities.clear();
        assert_eq!(verdicts(nothing), ["fail"; 3]);
    }

    #[test]
    fn each_thing_that_is_wrong_fails_its_check_and_is_named() {
        let changes: [Change; 6] = [
            (0, "souss-massa/kek", |seen| {
                seen.keys[0].created_at = days_ago(366)
            }),
            (1, "souss-massa/kek", |seen| seen.keys[0].exportable = true),
            (1, "souss-massa/kek", |seen| seen.keys[0].plaintext_backup = true),
            (1, "souss-massa/kek", |seen| seen.keys[0].deletable = true),
            (1, "oriental/kek", |seen| {
                seen.lacking.push("oriental/kek".to_owned())
            }),
            (2, "root", |seen| seen.authorities[0].not_after = days_ago(-89)),
        ];
        for (check, name, change) in changes {
            let mut seen = platform();
            change(&mut seen);
            for (at, (verdict, message)) in said(Ok(seen)).into_iter().enumerate() {
                assert_eq!(verdict == "fail", at == check, "{}: {message}", CHECKS[at]);
                assert!(at != check || message.contains(name), "{message}");
            }
        }
    }

    #[test]
    fn of_thousands_the_one_that_is_bad_is_among_those_that_are_judged() {
        let many = || (0..LISTED + 500).map(|at| key(&format!("a-{at}/kek"), 10));
        let verdicts = |keys| said(Ok(keys)).map(|one| one.0);
        assert_eq!(verdicts(seen(many().collect())), ["pass"; 3]);
        let old = many().chain([key("z/kek", 400)]).collect();
        assert_eq!(verdicts(seen(old)), ["fail", "pass", "pass"]);
        let mut open = key("z/kek", 1);
        open.exportable = true;
        assert_eq!(
            verdicts(seen(many().chain([open]).collect())),
            ["pass", "fail", "pass"]
        );
    }

    #[test]
    fn what_is_old_or_unread_is_an_error() {
        for (hours, expected) in [(6, "pass"), (7, "error")] {
            let mut seen = platform();
            seen.observed_at = now() - SignedDuration::from_hours(hours);
            let left =
                json!({ "metadata": { "name": CONFIG_MAP }, "data": { KEY: json!(seen).to_string() } });
            let left = serde_json::from_value(left).unwrap();
            for (verdict, message) in said(observation(Some(left), now())) {
                assert_eq!(verdict, expected, "{hours}: {message}");
            }
        }
        for (verdict, _) in said(World::unread(now()).keys) {
            assert_eq!(verdict, "error");
        }
    }
}
