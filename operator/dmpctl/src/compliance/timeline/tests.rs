//! Bars, patterns, names, gaps and sentences of the picture.

use jiff::civil::date;

use super::super::history::tests::{DAY, objects};
use super::*;

fn days(first: Date, number: i32) -> History {
    History::read(objects(
        (0..number).map(|day| (first.checked_add(jiff::Span::new().days(day)).unwrap(), DAY)),
    ))
}

#[test]
fn without_days_or_without_the_right_there_is_a_sentence_and_no_picture() {
    for (history, french, words) in [
        (Some(History::default()), true, "Aucun jour"),
        (Some(History::default()), false, "No day has been kept"),
        (None, true, "dmp-evidence-reader"),
        (None, false, "dmp-evidence-reader"),
    ] {
        let page = section(history.as_ref(), french).into_string();
        assert!(page.contains(words) && !page.contains("<svg"), "{page}");
    }
}

#[test]
fn each_band_has_a_pattern_of_its_own_a_name_and_a_column_of_the_table() {
    let history = days(date(2026, 12, 1), 20);
    for (french, heads) in [
        (
            true,
            [
                "réussi",
                "échec ou périmé",
                "pas encore",
                "La chaîne des jours est intacte",
            ],
        ),
        (
            false,
            ["pass", "fail or stale", "not yet", "The chain of days holds"],
        ),
    ] {
        let page = section(Some(&history), french).into_string();
        for head in heads {
            assert!(page.contains(head), "{head}: {page}");
        }
        assert_eq!(page.matches("<tr>").count(), 1 + LAST);
        // What the last day has none of has no name in the picture, and its pattern is there all the same.
        assert_eq!(page.matches("text-anchor").count(), 5);
        assert_eq!(page.matches("<pattern ").count(), BANDS.len());
    }
    let drawn: std::collections::BTreeSet<_> = BANDS
        .iter()
        .map(|band| {
            pattern(band)
                .into_string()
                .split_once("<rect")
                .unwrap()
                .1
                .to_owned()
        })
        .collect();
    assert_eq!(drawn.len(), BANDS.len());
}

#[test]
fn bars_fill_the_height_neighbours_are_one_and_a_day_without_a_line_is_a_gap() {
    let whole = days(date(2026, 12, 1), 10);
    let points = Points::of(&whole).unwrap();
    let y = |controls: i32| HEIGHT - HEIGHT * controls / 4 + 10;
    assert_eq!(area(&points, 0, &y), "M30 250H830V190H30Z");
    // Fail and stale together, none excepted.
    assert_eq!(area(&points, 2, &y), "M30 190H830V70H30Z");
    assert_eq!(area(&points, 1, &y), "");
    let gap = [1, 2, 5].map(|day| (date(2026, 12, day), DAY));
    let gap = History::read(objects(gap));
    let points = Points::of(&gap).unwrap();
    assert_eq!(points.columns, 5);
    assert_eq!(area(&points, 0, &y).matches('M').count(), 2);
}

#[test]
fn long_times_are_weeks_and_never_more_than_400_points() {
    for (number, step) in [(400, 1), (401, 7), (700, 7)] {
        let history = days(date(2026, 1, 1), number);
        let points = Points::of(&history).unwrap();
        assert_eq!(points.step, step, "{number}");
        assert!(points.columns <= MOST && points.lines.len() <= 400);
        // Of a week its last day.
        let last = points.lines.last().unwrap().day.date;
        assert_eq!(last, history.lines().next_back().unwrap().day.date);
    }
    let ends = [date(2026, 1, 1), date(2036, 1, 1)].map(|day| (day, DAY));
    let history = History::read(objects(ends));
    let points = Points::of(&history).unwrap();
    assert_eq!((points.step, points.lines.len()), (14, 2));
    assert!(points.columns <= MOST);
}

#[test]
fn a_broken_chain_is_said_and_drawn() {
    let mut objects = objects([1, 2].map(|day| (date(2026, 12, day), DAY)));
    let text = objects.get_mut("posture-2026").unwrap().get_mut("days").unwrap();
    *text = text.replacen("pfsn p1,x0,s1,e0,f1,n1", "ppsn p2,x0,s1,e0,f0,n1", 1);
    let history = History::read(objects.clone());
    let mut day = history.lines().next().unwrap().day.clone();
    day.date = date(2026, 12, 3);
    let line = history.next(day, None).unwrap();
    let (name, data) = history.with(&line, &super::super::history::tests::IDS);
    objects.insert(name, data);
    let page = section(Some(&History::read(objects)), false).into_string();
    assert!(
        page.contains("broken (2026-12-01)") && page.contains("class=\"broken\""),
        "{page}"
    );
    assert!(page.contains("2026-12-03 (broken)"), "{page}");
}
