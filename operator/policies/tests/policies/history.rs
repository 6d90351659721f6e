//! The posture over time: lines, their chain, whoever changes it, years that go.

use dmp_policies::history::{Anchor, Data, Day, FEWEST_YEARS, History, Line, Link, list_name, name, year};
use dmp_policies::{Catalogue, Verdict};
use jiff::civil::{Date, date};

const IDS: [&str; 3] = ["DMP-NET-01", "DMP-NET-02", "DMP-WRK-01"];

fn day(date: Date, verdicts: [Verdict; 3]) -> Day {
    Day {
        date,
        verdicts: verdicts.to_vec(),
        report: "a".repeat(64),
        controls: list_name(IDS),
    }
}

fn good(date: Date) -> Day {
    day(date, [Verdict::Pass, Verdict::Fail, Verdict::NotYet])
}

/// The objects of a history, as they stand in the API.
#[derive(Clone, Default)]
struct Objects(std::collections::BTreeMap<String, Data>);

impl Objects {
    fn of(days: impl IntoIterator<Item = Date>) -> Self {
        let mut objects = Self::default();
        for date in days {
            assert!(objects.write(date, None).is_some(), "{date}");
        }
        objects
    }

    fn history(&self) -> History {
        History::read(self.0.clone())
    }

    /// As the evaluator does it.
    fn write(&mut self, date: Date, known: Option<&Anchor>) -> Option<Line> {
        let history = self.history();
        let line = history.next(good(date), known)?;
        let (name, data) = history.with(&line, &IDS);
        self.0.insert(name, data);
        Some(line)
    }

    fn change(&mut self, year: i16, key: &str, change: impl Fn(&str) -> String) {
        let text = self.0.get_mut(&name(year)).unwrap().get_mut(key).unwrap();
        let changed = change(text);
        assert_ne!(*text, changed, "the test changes something");
        *text = changed;
    }

    fn breaks(&self) -> Vec<String> {
        let breaks = self.history().walk(None).breaks;
        breaks.into_iter().map(|one| one.at).collect()
    }
}

fn december(days: std::ops::RangeInclusive<i8>) -> impl Iterator<Item = Date> {
    days.map(|day| date(2026, 12, day))
}

#[test]
fn a_line_is_read_as_it_was_written_and_nothing_else_is_a_line() {
    let line = Line::seal(good(date(2026, 12, 1)), Link::First, "");
    let text = line.to_string();
    assert!(
        text.starts_with("2026-12-01 first pfn p1,x0,s0,e0,f1,n1 aaaa"),
        "{text}"
    );
    assert_eq!(Line::parse(&text), Ok(line));
    for bad in [
        String::new(),
        "2026-12-01".to_owned(),
        text.replace(" first ", " FIRST "),
        text.replace(" pfn ", " pfq "),
        text.replace("p1,", "p2,"),
        text.replace(" pfn ", " ppn "),
        text.replace("2026-12-01", "2026-13-01"),
        text.replace("2026-12-01", "20261201"),
        text.replace("aaaa", "AAAA"),
        text.replace(' ', "  "),
        text.get(..text.len() - 1).unwrap().to_owned(),
        format!("{text} more"),
    ] {
        assert!(Line::parse(&bad).is_err(), "{bad}");
    }
}

#[test]
fn the_whole_catalogue_takes_less_than_300_bytes_a_day() {
    let catalogue = Catalogue::embedded().unwrap();
    let controls = catalogue.controls();
    let day = Day {
        date: date(2026, 12, 1),
        verdicts: controls.iter().map(|_| Verdict::NotYet).collect(),
        report: "a".repeat(64),
        controls: list_name(controls.iter().map(|one| one.id.as_str())),
    };
    let line = Line::seal(day, Link::First, "").to_string();
    assert!((250..300).contains(&line.len()), "{}", line.len());
}

#[test]
fn days_and_years_are_chained_and_a_day_is_written_once() {
    let mut objects = Objects::of(december(30..=31).chain([date(2027, 1, 1), date(2027, 1, 5)]));
    assert_eq!(objects.breaks(), [""; 0]);
    assert_eq!(
        objects.0.keys().collect::<Vec<_>>(),
        ["posture-2026", "posture-2027"]
    );
    let history = objects.history();
    let links: Vec<_> = history.lines().map(|line| line.link).collect();
    assert_eq!(links, [Link::First, Link::Chained, Link::Chained, Link::Chained]);
    assert_eq!(history.controls(history.lines().next().unwrap()), IDS);
    let last = history.lines().nth(1).unwrap();
    assert_eq!(
        objects.0["posture-2027"]["anchor"],
        format!("2026-12-31 {}", last.hash)
    );
    assert_eq!(objects.0["posture-2026"]["anchor"], "none");
    // The same day again, and a clock that went back.
    assert!(objects.write(date(2027, 1, 5), None).is_none());
    assert!(objects.write(date(2027, 1, 4), None).is_none());
    assert!(objects.write(date(2026, 1, 1), None).is_none());
}

#[test]
fn whoever_changes_or_takes_away_a_day_is_found_out_and_the_chain_begins_again_marked() {
    let whole = Objects::of(december(1..=5));
    let without = |gone: usize| {
        move |text: &str| {
            let lines = text.lines().enumerate().filter(|(at, _)| *at != gone);
            lines.map(|(_, line)| format!("{line}\n")).collect::<String>()
        }
    };
    let better = |text: &str| text.replacen("pfn p1,x0,s0,e0,f1,n1", "ppn p2,x0,s0,e0,f0,n1", 1);
    type Change<'c> = (&'c str, &'c dyn Fn(&str) -> String, &'c str);
    let changes: [Change<'_>; 8] = [
        ("days", &better, "2026-12-01"),
        ("days", &without(0), "2026-12-02"),
        ("days", &without(2), "2026-12-04"),
        (
            "days",
            &|text| text.replacen("2026-12-03", "2026-12-3", 1),
            "posture-2026",
        ),
        (
            "days",
            &|text| text.replacen(" chained", " first", 1),
            "2026-12-02",
        ),
        (
            "days",
            &|text| format!("{text}2026-12-09 and nothing\n"),
            "2026-12-09",
        ),
        (
            "controls",
            &|text| text.replace("DMP-NET-02", "DMP-NET-03"),
            "2026-12-01",
        ),
        (
            "anchor",
            &|_| format!("2025-12-31 {}", "b".repeat(64)),
            "posture-2026",
        ),
    ];
    for (key, change, first) in changes {
        let mut objects = whole.clone();
        objects.change(2026, key, change);
        assert_eq!(objects.breaks().first().map(String::as_str), Some(first), "{key}");
        // The next day says so, once; the days after it go on.
        let line = objects.write(date(2026, 12, 6), None).unwrap();
        assert_eq!(line.link, Link::Broken, "{first}");
        let line = objects.write(date(2026, 12, 7), None).unwrap();
        let walk = objects.history().walk(None);
        if key == "controls" {
            // The list was written again beside the other one: only what is sealed counts.
            continue;
        }
        assert_eq!(line.link, Link::Chained, "{first}");
        assert!(!walk.is_broken() && walk.breaks.len() > 1, "{:?}", walk.breaks);
        assert_eq!(walk.breaks[0].at, first, "the mark hides nothing");
    }
}

#[test]
fn a_line_written_anew_with_its_hash_does_not_carry_the_one_after_it() {
    let mut objects = Objects::of(december(1..=3));
    let history = objects.history();
    let lines: Vec<_> = history.lines().cloned().collect();
    let forged = Line::seal(
        day(date(2026, 12, 2), [Verdict::Pass; 3]),
        Link::Chained,
        &lines[0].hash,
    );
    objects.change(2026, "days", |text| {
        text.replace(&lines[1].to_string(), &forged.to_string())
    });
    assert_eq!(objects.breaks(), ["2026-12-03"]);
}

#[test]
fn the_newest_day_that_was_taken_away_is_missed_by_who_saw_it() {
    let mut objects = Objects::of(december(1..=3));
    let last = Anchor::of(objects.history().lines().next_back().unwrap());
    objects.change(2026, "days", |text| {
        text.lines().take(2).map(|line| format!("{line}\n")).collect()
    });
    assert_eq!(objects.breaks(), [""; 0]);
    let seen = objects.history().walk(Some(&last));
    assert_eq!(seen.news().unwrap().at, "2026-12-03");
    assert_eq!(
        objects.write(date(2026, 12, 4), Some(&last)).unwrap().link,
        Link::Broken
    );
    // All of it.
    let mut objects = Objects::default();
    assert_eq!(
        objects.write(date(2026, 12, 4), Some(&last)).unwrap().link,
        Link::Broken
    );
}

#[test]
fn a_day_of_the_future_that_nobody_sealed_stops_nothing() {
    let mut objects = Objects::of(december(1..=2));
    let forged = Line::seal(good(date(2026, 12, 30)), Link::Chained, "no hash of ours");
    objects.change(2026, "days", |text| format!("{text}{forged}\n"));
    assert_eq!(objects.write(date(2026, 12, 3), None).unwrap().link, Link::Broken);
    assert_eq!(
        objects.write(date(2026, 12, 4), None).unwrap().link,
        Link::Chained
    );
}

#[test]
fn another_catalogue_of_the_same_year_has_its_own_list() {
    let mut objects = Objects::of(december(1..=1));
    let more = ["DMP-NET-01", "DMP-NET-02", "DMP-NEW-01", "DMP-WRK-01"];
    let history = objects.history();
    let wider = Day {
        verdicts: vec![Verdict::Pass; 4],
        controls: list_name(more),
        ..good(date(2026, 12, 2))
    };
    let line = history.next(wider, None).unwrap();
    let (name, data) = history.with(&line, &more);
    objects.0.insert(name, data);
    let history = objects.history();
    assert_eq!(objects.breaks(), [""; 0]);
    let read: Vec<_> = history
        .lines()
        .map(|line| history.controls(line).to_vec())
        .collect();
    assert_eq!(read, [IDS.to_vec(), more.to_vec()]);
}

#[test]
fn years_go_by_their_number_never_below_the_least_and_the_chain_goes_on() {
    let first = |year: i16| date(year, 6, 1);
    let mut objects = Objects::of((2026..=2034).map(first));
    assert_eq!(objects.history().surplus(10), [""; 0]);
    let gone = objects.history().surplus(FEWEST_YEARS);
    assert_eq!(gone, ["posture-2026", "posture-2027", "posture-2028"]);
    assert_eq!(objects.history().surplus(1), gone);
    for name in &gone {
        objects.0.remove(name);
    }
    assert_eq!(objects.breaks(), [""; 0], "its anchor is still named");
    assert!(objects.0["posture-2029"]["anchor"].starts_with("2028-06-01 "));
    assert_eq!(objects.write(first(2035), None).unwrap().link, Link::Chained);
    // One that must still be there, and one in between.
    for (gone, first) in [(2029..=2030, "posture-2031"), (2032..=2032, "posture-2033")] {
        let mut objects = objects.clone();
        for year in gone {
            objects.0.remove(&name(year));
        }
        assert_eq!(objects.breaks().first().map(String::as_str), Some(first));
    }
}

#[test]
fn other_objects_are_no_years() {
    assert_eq!(year("posture-2026"), Some(2026));
    assert_eq!(name(2026), "posture-2026");
    for other in [
        "posture-26",
        "posture-+026",
        "posture-20261",
        "dmp-net-01.policies",
        "posture-",
    ] {
        assert_eq!(year(other), None, "{other}");
    }
    let history = History::read([("posture-x".to_owned(), Data::new())]);
    assert!(history.is_empty() && history.walk(None).breaks.is_empty());
}
