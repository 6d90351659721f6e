//! A day's bundle is kept as it was, or is none; and days go in an order that leaves six years.

use std::collections::BTreeSet;

use dmp_policies::oscal::Document;
use dmp_policies::oscal::kept::{Bundle, Damaged, FEWEST_MONTHS, MOST, Unpackable, day, name, surplus};
use jiff::civil::{Date, date};

use super::{SYSTEM, mixed, now, written};

fn bundle() -> Bundle {
    Bundle {
        platform: SYSTEM.name.to_owned(),
        platform_uid: SYSTEM.uid.to_owned(),
        at: now(),
        report: "a".repeat(64),
        documents: written(&mixed(), SYSTEM, now()),
    }
}

#[test]
fn what_is_kept_is_what_was_made_and_fits_an_object() {
    let (one, other) = (bundle().pack().unwrap(), bundle().pack().unwrap());
    assert_eq!(one, other, "the same documents, the same bytes");
    assert_eq!(Bundle::unpack(&one.gzip, &one.sha256), Ok(bundle()));
    // What docs/security/compliance.md says.
    println!("{} bytes, {} compressed", one.bytes, one.gzip.len());
    assert!(one.gzip.len() < 150_000, "{} of {}", one.gzip.len(), one.bytes);
    let mut more = bundle();
    more.report = "b".repeat(64);
    assert_ne!(more.pack().unwrap().sha256, one.sha256);

    // Another text under the same hash, another hash, no gzip, cut off, no bundle.
    let changed = more.pack().unwrap().gzip;
    assert_eq!(Bundle::unpack(&changed, &one.sha256), Err(Damaged::Hash));
    assert_eq!(Bundle::unpack(&one.gzip, ""), Err(Damaged::Hash));
    assert_eq!(Bundle::unpack(b"{}", &one.sha256), Err(Damaged::Gzip));
    let half = &one.gzip[..one.gzip.len() / 2];
    assert_eq!(Bundle::unpack(half, &one.sha256), Err(Damaged::Gzip));
    assert_eq!(Bundle::unpack(&[], &one.sha256), Err(Damaged::Gzip));
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut large = bundle();
    // Nothing of it repeats: it stays as large as it is.
    let digits = (0..200_000_u32).map(|number| format!("{:08x}", number.wrapping_mul(2_654_435_761)));
    large.documents.push(Document {
        file: "large.json".to_owned(),
        text: digits.collect(),
    });
    let Err(Unpackable::TooLarge(bytes)) = large.pack() else {
        panic!("it was packed");
    };
    assert!(bytes > MOST, "{bytes}");
}

#[test]
fn an_object_is_named_by_its_day() {
    let today = date(2026, 12, 1);
    assert_eq!(name(today), "oscal-2026-12-01");
    assert_eq!(day("oscal-2026-12-01"), Some(today));
    for other in [
        "oscal-2026-12-1",
        "oscal-2026-02-30",
        "oscal-",
        "posture-2026",
        "oscal-2026-12-01x",
    ] {
        assert_eq!(day(other), None, "{other}");
    }
}

/// Every day of so many days from the first of January 2026 on.
fn days(number: i64) -> BTreeSet<Date> {
    let first = date(2026, 1, 1);
    (0..number)
        .map(|day| first.checked_add(jiff::Span::new().days(day)).unwrap())
        .collect()
}

#[test]
fn a_month_of_days_and_six_years_of_months_stay() {
    assert!(surplus(&BTreeSet::new(), 31, 72).is_empty());
    assert!(surplus(&days(31), 31, 72).is_empty());
    // Day by day for eight years, as the evaluator does.
    let mut there = BTreeSet::new();
    for day in days(8 * 366) {
        there.insert(day);
        for old in surplus(&there, 31, 72) {
            assert!(there.remove(&old));
        }
    }
    let newest = *there.last().unwrap();
    let firsts = there.iter().filter(|day| day.day() == 1);
    assert_eq!(firsts.count(), 72);
    assert!(there.len() <= 31 + 72, "{}", there.len());
    let month_ago = newest.checked_sub(jiff::Span::new().days(30)).unwrap();
    assert_eq!(there.range(month_ago..).count(), 31);
    // A month whose first day nobody made keeps the first that is there; fewer than six years are not asked for.
    let gap: BTreeSet<_> = days(90).into_iter().filter(|day| day.day() > 9).collect();
    let kept = surplus(&gap, 1, 1);
    for first in [date(2026, 1, 10), date(2026, 2, 10), date(2026, 3, 10)] {
        assert!(gap.contains(&first) && !kept.contains(&first));
    }
    assert_eq!(gap.len() - kept.len(), 4);
    assert_eq!(FEWEST_MONTHS, 72);
}
