//! The posture of each day on a real API server: when it is written, who it meets, what is found out, what goes.

use dmp_evaluator::history::Keeper;
use dmp_evaluator::publish::Publisher;
use dmp_evaluator::run::once;
use dmp_policies::Verdict;
use dmp_policies::history::{Data, Day, FEWEST_YEARS, History, Line, Link, list_name, name};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::world::World;

/// Noon, so that a test never goes over midnight.
fn noon(days: i64) -> Timestamp {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let noon = today.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap();
    noon.timestamp() + SignedDuration::from_hours(24 * days)
}

fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn object(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "dmp-evidence" } })
}

async fn pass(world: &World, publisher: &mut Publisher, at: Timestamp) {
    once(&world.evaluator, &world.catalogue, publisher, at)
        .await
        .unwrap();
}

/// Of the years that the test writes into, by their names.
async fn objects(world: &World, years: impl IntoIterator<Item = i16>) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for year in years {
        let name = name(year);
        if let Some(live) = world.get(&object(&name)).await {
            found.push((name, live));
        }
    }
    found
}

fn history(objects: &[(String, Value)]) -> History {
    let data = |live: &Value| serde_json::from_value::<Data>(live["data"].clone()).unwrap();
    History::read(objects.iter().map(|(name, live)| (name.clone(), data(live))))
}

#[tokio::test]
async fn a_day_has_one_line_and_no_other_pass_of_it_writes() {
    let Some(world) = World::start().await else {
        return;
    };
    world.namespace("dmp-national", "restricted").await;
    let (first, second) = (noon(0), noon(1));
    let years = || [day_of(first).year(), day_of(first).year() + 1];
    let mut publisher = Publisher::default();
    pass(&world, &mut publisher, first).await;
    let written = objects(&world, years()).await;
    for _ in 0..3 {
        pass(&world, &mut publisher, first).await;
    }
    // Another process, and a clock that went back: nothing for a day before the last one.
    pass(&world, &mut Publisher::default(), first).await;
    pass(&world, &mut publisher, noon(-1)).await;
    assert_eq!(
        objects(&world, years()).await,
        written,
        "not a byte of the object, its version included"
    );

    let read = history(&written);
    let lines: Vec<_> = read.lines().cloned().collect();
    let [line] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!((line.day.date, line.link), (day_of(first), Link::First));
    let ids: Vec<_> = world
        .catalogue
        .controls()
        .iter()
        .map(|one| one.id.clone())
        .collect();
    assert_eq!(read.controls(line), ids);
    let of = |id: &str| line.day.verdicts[ids.iter().position(|one| one == id).unwrap()];
    assert_eq!(of("DMP-NET-01"), Verdict::Fail);
    assert_eq!(of("DMP-BCK-01"), Verdict::NotYet);

    // Two processes at once on the next day: one line.
    let mut other = Publisher::default();
    tokio::join!(
        pass(&world, &mut publisher, second),
        pass(&world, &mut other, second)
    );
    for publisher in [&mut publisher, &mut other] {
        pass(&world, publisher, second).await;
    }
    let read = history(&objects(&world, years()).await);
    let links: Vec<_> = read.lines().map(|line| (line.day.date, line.link)).collect();
    assert_eq!(
        links,
        [(day_of(first), Link::First), (day_of(second), Link::Chained)]
    );
    assert!(read.walk(None).breaks.is_empty());
}

#[tokio::test]
async fn whoever_changes_the_history_is_in_the_history() {
    let Some(world) = World::start().await else {
        return;
    };
    let years = || [day_of(noon(0)).year(), day_of(noon(0)).year() + 1];
    let mut publisher = Publisher::default();
    pass(&world, &mut publisher, noon(0)).await;
    pass(&world, &mut publisher, noon(1)).await;
    // One control less that is not there yet, one more that passes.
    let written = objects(&world, years()).await;
    let days = written[0].1["data"]["days"].as_str().unwrap();
    let better = days.replacen('n', "p", 1);
    assert_ne!(days, better);
    let mut changed = object(&written[0].0);
    changed["data"] = json!({ "days": better });
    world.apply(&changed).await;
    let read = history(&objects(&world, years()).await);
    assert!(read.walk(None).is_broken());

    // The process that saw it before, and one that begins anew.
    pass(&world, &mut publisher, noon(2)).await;
    pass(&world, &mut Publisher::default(), noon(3)).await;
    let read = history(&objects(&world, years()).await);
    let links: Vec<_> = read.lines().rev().take(2).map(|line| line.link).collect();
    assert_eq!(links, [Link::Chained, Link::Broken]);
    let walk = read.walk(None);
    assert!(!walk.is_broken() && !walk.breaks.is_empty(), "{walk:?}");

    // All of it is taken away under a process that saw it.
    pass(&world, &mut publisher, noon(3)).await;
    for (name, _) in objects(&world, years()).await {
        world.delete(&object(&name)).await;
    }
    pass(&world, &mut publisher, noon(4)).await;
    let read = history(&objects(&world, years()).await);
    assert_eq!(
        read.lines().map(|line| line.link).collect::<Vec<_>>(),
        [Link::Broken]
    );
}

#[tokio::test]
async fn years_that_are_too_old_go_and_nothing_else_of_the_namespace() {
    let Some(world) = World::start().await else {
        return;
    };
    let ids = ["DMP-NET-01"];
    let this = day_of(noon(0)).year();
    let mut kept = std::collections::BTreeMap::<String, Data>::new();
    for year in this - 8..this {
        let read = History::read(kept.clone());
        let of = Day {
            date: date(year, 12, 31),
            verdicts: vec![Verdict::Pass],
            report: "a".repeat(64),
            controls: list_name(ids),
        };
        let line: Line = read.next(of, None).unwrap();
        let (name, data) = read.with(&line, &ids);
        kept.insert(name, data);
    }
    for (name, data) in &kept {
        let mut body = object(name);
        body["data"] = json!(data);
        world.apply(&body).await;
    }
    let mut other = object("posture-of-somebody");
    other["data"] = json!({ "days": "" });
    world.apply(&other).await;

    let mut publisher = Publisher::default();
    publisher.history = Keeper::new(FEWEST_YEARS);
    pass(&world, &mut publisher, noon(0)).await;
    let there = objects(&world, this - 9..=this + 1).await;
    let names: Vec<_> = there.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, (this - 5..=this).map(name).collect::<Vec<_>>());
    let read = history(&there);
    assert!(read.walk(None).breaks.is_empty(), "its anchor is still named");
    assert_eq!(read.lines().next_back().unwrap().link, Link::Chained);
    assert!(world.get(&other).await.is_some());
}
