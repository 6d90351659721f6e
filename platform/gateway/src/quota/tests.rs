#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use dmp_client::facts::{Credential, Mode};
use dmp_client::quota::{Quotas, Rate};
use dmp_core::ids::PatientId;
use dmp_core::token::Person;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;

use super::bucket::{Speed, take};
use super::table::{MOST, Refused, Table};
use super::{Counters, Limit, seconds};
use crate::failure::Failure;

const SECOND: u64 = 1_000_000_000;

fn speed(per_second: u32, burst: u32) -> Speed {
    Rate::new(per_second, burst).unwrap().into()
}

/// How many of `tries` requests at `now` pass.
fn passed(table: &Table, key: &str, speed: Speed, now: u64, tries: u32) -> usize {
    (0..tries)
        .filter(|_| table.take(&key, speed, now).is_ok())
        .count()
}

#[test]
fn a_bucket_gives_its_burst_then_its_rate() {
    let speed = speed(10, 40);
    let mut full_at = 0;
    // A clock that stands still.
    for request in 0..40 {
        full_at = take(full_at, 7, speed).unwrap_or_else(|wait| panic!("{request}: {wait}"));
    }
    assert_eq!(take(full_at, 7, speed), Err(SECOND / 10));
    assert_eq!(take(full_at, 7 + SECOND / 10 - 1, speed), Err(1));
    let after = take(full_at, 7 + SECOND / 10, speed).unwrap();
    assert_eq!(
        take(after, 7 + SECOND / 10, speed),
        Err(SECOND / 10),
        "one, not two"
    );
    // Full again after four seconds, and not fuller however long it waits.
    for later in [4 * SECOND, 4_000 * SECOND] {
        let (now, mut full_at, mut count) = (7 + SECOND / 10 + later, after, 0);
        while let Ok(next) = take(full_at, now, speed) {
            (full_at, count) = (next, count + 1);
        }
        assert_eq!(count, 40);
    }
}

#[test]
fn over_any_time_no_more_passes_than_burst_and_rate_allow() {
    // Rates that do not divide a second, asked faster than they allow.
    for (per_second, burst) in [(1, 1), (3, 2), (7, 50), (999, 1), (1_000_000, 3)] {
        let (speed, mut full_at, mut count) = (speed(per_second, burst), 0, 0_u64);
        let step = SECOND / (u64::from(per_second) * 3);
        let (mut now, mut refusals) = (0, 0);
        while now <= 5 * SECOND && refusals < 100_000 {
            match take(full_at, now, speed) {
                Ok(next) => (full_at, count) = (next, count + 1),
                Err(wait) => {
                    refusals += 1;
                    assert!(wait <= speed.cost);
                    assert!(take(full_at, now + wait, speed).is_ok(), "what is told is kept");
                }
            }
            let most = u64::from(burst) + u64::from(per_second) * now / SECOND;
            assert!(count <= most, "{per_second}/s, {burst}: {count} of {most}");
            now += step;
        }
    }
}

#[test]
fn times_at_the_end_of_the_clock_do_not_wrap() {
    let speed = speed(1, u32::MAX);
    assert_eq!(take(u64::MAX, u64::MAX, speed), Ok(u64::MAX));
    assert_eq!(take(u64::MAX, 0, Speed::new(SECOND, 1)), Err(u64::MAX - SECOND));
}

#[test]
fn every_key_has_a_bucket_of_its_own() {
    let (table, speed) = (Table::new(MOST), speed(1, 3));
    for number in 0..10_000 {
        let key = format!("vendor/{number}");
        assert_eq!(passed(&table, &key, speed, 5, 4), 3, "{key}");
    }
    assert_eq!(table.len(), 10_000);
}

#[test]
fn full_buckets_are_forgotten_and_empty_ones_are_not() {
    let table = Table::new(MOST);
    for number in 0..10_000 {
        table.take(&number, speed(1, 3), SECOND).unwrap();
    }
    let slow = speed(1, 1_000);
    assert_eq!(passed(&table, "slow", slow, SECOND, 2_000), 1_000);
    assert_eq!(table.len(), 10_001);
    // One request after another, each of a new key, finds the full ones of its shard.
    for number in 0..1_000 {
        table
            .take(&format!("other {number}"), speed(1, 3), 100 * SECOND)
            .unwrap();
    }
    assert_eq!(table.len(), 1_001);
    assert_eq!(passed(&table, "slow", slow, 100 * SECOND, 2_000), 99);
}

#[test]
fn a_full_table_refuses_strangers_until_somebody_rests() {
    let (table, speed) = (Table::new(64), speed(1, 2));
    let outcomes: Vec<_> = (0..1_000).map(|key| table.take(&key, speed, SECOND)).collect();
    let known: Vec<_> = (0..1_000).filter(|key| outcomes[*key].is_ok()).collect();
    assert!(known.len() <= 64 && table.len() == known.len(), "{}", known.len());
    assert!(outcomes.contains(&Err(Refused::Full)));
    for key in known {
        // Keys are hashed with their type.
        assert_eq!(
            table.take(&(key as i32), speed, SECOND),
            Ok(()),
            "who is known goes on"
        );
    }
    let stranger = table.take(&5_000, speed, 4 * SECOND);
    assert_eq!(stranger, Ok(()), "what is full again makes room");
}

#[test]
fn a_wait_is_told_in_whole_seconds_and_never_too_short() {
    for (nanoseconds, told) in [(0, 1), (1, 1), (SECOND, 1), (SECOND + 1, 2), (90 * SECOND, 90)] {
        assert_eq!(seconds(nanoseconds), told, "{nanoseconds}");
    }
}

fn credential(name: &str, kind: &str, establishment: Option<&str>) -> Credential {
    Credential {
        name: name.to_owned(),
        solution: "vendor/solution".to_owned(),
        version: "1".to_owned(),
        kind: kind.to_owned(),
        establishment: establishment.map(str::to_owned),
        group: None,
        mode: Mode::Sandbox,
        certificate_sha256: String::new(),
        not_after: Timestamp::UNIX_EPOCH,
        previous: None,
        scopes: None,
        realm: None,
    }
}

fn counters(start: Instant) -> Counters {
    let rate = |burst| json!({ "per_second": 1, "burst": burst });
    let limits = json!({ "credential": rate(4), "establishment": rate(6), "person": rate(2) });
    let named = json!({ "cabinet": limits, "hospital": limits, "patient-app": limits, "directory": limits });
    Counters::new(serde_json::from_value::<Quotas>(named).unwrap(), start)
}

/// The limits that `tries` requests meet.
fn met(tries: u32, request: impl Fn() -> Result<(), Failure>) -> Vec<Option<Limit>> {
    (0..tries)
        .map(|_| match request() {
            Ok(()) => None,
            Err(Failure::TooMany { limit, .. }) => Some(limit),
            Err(other) => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn software_is_counted_at_its_credential_then_at_its_establishment() {
    let now = Instant::now();
    let counters = counters(now);
    let first = credential("a/1", "cabinet", Some("000000001"));
    let second = credential("b/2", "cabinet", Some("000000001"));
    let (own, shared) = (Some(Limit::Credential), Some(Limit::Establishment));
    assert_eq!(
        met(5, || counters.software(&first, now)),
        [None, None, None, None, own],
        "what its own limit refuses does not count for the establishment"
    );
    assert_eq!(met(3, || counters.software(&second, now)), [None, None, shared]);
    let elsewhere = credential("b/3", "cabinet", Some("000000002"));
    let of_another_kind = credential("c/4", "hospital", Some("000000001"));
    for free in [elsewhere, of_another_kind] {
        assert_eq!(met(1, || counters.software(&free, now)), [None], "{}", free.name);
    }
}

#[test]
fn a_person_is_counted_whatever_the_software_and_a_directory_source_is_none() {
    let now = Instant::now();
    let counters = counters(now);
    let software = credential("a/1", "cabinet", Some("000000001"));
    let other = credential("b/2", "hospital", Some("000000002"));
    let professional = |inpe: &str| Person::Professional {
        inpe: inpe.to_owned(),
        profession: "physician".to_owned(),
    };
    let person = Some(Limit::Person);
    let one = professional("111111111");
    assert_eq!(met(1, || counters.person(&software, &one, now)), [None]);
    assert_eq!(met(2, || counters.person(&other, &one, now)), [None, person]);
    assert_eq!(met(1, || counters.person(&software, &one, now)), [person]);
    let another = professional("222222222");
    assert_eq!(met(1, || counters.person(&software, &another, now)), [None]);

    let app = credential("p/app", "patient-app", None);
    let (hers, his) = (
        Person::Patient {
            id: PatientId::random(),
        },
        Person::Patient {
            id: PatientId::random(),
        },
    );
    assert_eq!(met(3, || counters.person(&app, &hers, now)), [None, None, person]);
    assert_eq!(met(1, || counters.person(&app, &his, now)), [None]);
    let directory = credential("d/1", "directory", None);
    assert!(
        met(50, || counters.person(&directory, &Person::Directory, now))
            .iter()
            .all(Option::is_none)
    );
}

#[test]
fn a_sandbox_takes_nothing_from_those_whose_numbers_it_uses() {
    let now = Instant::now();
    let counters = counters(now);
    let real = credential("a/1", "cabinet", Some("000000001"));
    let mut sandbox = credential("b/1", "cabinet", Some("000000001"));
    sandbox.realm = Some("b-1".to_owned());
    let mut other = credential("b/2", "cabinet", Some("000000001"));
    other.realm = sandbox.realm.clone();
    let _ = met(4, || counters.software(&sandbox, now));
    let shared = Some(Limit::Establishment);
    assert_eq!(met(3, || counters.software(&other, now)), [None, None, shared]);
    assert_eq!(met(1, || counters.software(&real, now)), [None]);
    let person = Person::Professional {
        inpe: "111111111".to_owned(),
        profession: "physician".to_owned(),
    };
    let hers = Some(Limit::Person);
    assert_eq!(
        met(3, || counters.person(&sandbox, &person, now)),
        [None, None, hers]
    );
    assert_eq!(met(1, || counters.person(&real, &person, now)), [None]);
}

#[test]
fn a_refusal_says_the_limit_and_when_and_that_is_kept() {
    let now = Instant::now();
    let counters = counters(now);
    let app = credential("p/app", "patient-app", None);
    let _ = met(4, || counters.software(&app, now));
    let refused = counters.software(&app, now).unwrap_err();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.retry_after(), Some(1));
    let body = refused.problem("c");
    let detail = "this credential may send 1 requests a second, 4 at once; try again in 1 s";
    assert_eq!(
        (&body["code"], &body["detail"]),
        (&json!("too-many-requests"), &json!(detail))
    );
    assert_eq!(refused.operation_outcome()["issue"][0]["code"], "throttled");
    assert_eq!(refused.oauth_error()["error"], "too-many-requests");
    let later = now + Duration::from_secs(1);
    assert!(counters.software(&app, later).is_ok());
    assert!(counters.software(&app, later).is_err());
    // A clock of another start is as if no time had passed.
    let before = now.checked_sub(Duration::from_secs(5)).unwrap_or(now);
    assert!(counters.software(&app, before).is_err());
}

#[test]
fn a_credential_is_named_in_the_log_once_a_minute() {
    let counters = counters(Instant::now());
    let at = |second: u64| second * SECOND;
    assert!(counters.is_news("a/1", at(5)));
    assert!(!counters.is_news("a/1", at(5)));
    assert!(!counters.is_news("a/1", at(64)));
    assert!(counters.is_news("b/2", at(64)), "each has its own minute");
    assert!(counters.is_news("a/1", at(65)));
}
