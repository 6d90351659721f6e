//! The posture over time as a picture of a page: how many controls had which verdict, day by day, with patterns that a black and
//! white print tells apart, names beside them, and the last days as a table.
//!
//! Not here: the rest of the page ([`super::html`]).

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use dmp_policies::Verdict;
use dmp_policies::history::{History, Line, Link};
use jiff::civil::Date;
use maud::{Markup, html};

/// Of the picture, in its own units: where days begin and end, its height, the room for names on the right.
const LEFT: i32 = 30;
const WIDTH: i32 = 800;
const HEIGHT: i32 = 240;
const NAMES: i32 = 170;
/// Most points of a picture.
const MOST: i32 = 400;
/// Days in the table.
const LAST: usize = 14;
/// Between two names.
const LINE: i32 = 15;
const DATES: i32 = 5;

/// What is drawn together, from below.
const BANDS: [Band; 5] = [
    Band {
        id: "pass",
        of: &[Verdict::Pass],
        french: "réussi",
        english: "pass",
    },
    Band {
        id: "excepted",
        of: &[Verdict::Excepted],
        french: "toléré",
        english: "excepted",
    },
    Band {
        id: "fail",
        of: &[Verdict::Fail, Verdict::Stale],
        french: "échec ou périmé",
        english: "fail or stale",
    },
    Band {
        id: "error",
        of: &[Verdict::Error],
        french: "erreur",
        english: "error",
    },
    Band {
        id: "not-yet",
        of: &[Verdict::NotYet],
        french: "pas encore",
        english: "not yet",
    },
];

struct Band {
    id: &'static str,
    of: &'static [Verdict],
    french: &'static str,
    english: &'static str,
}

impl Band {
    fn count(&self, line: &Line) -> i32 {
        let counts = self.of.iter().map(|verdict| line.day.count(*verdict));
        i32::try_from(counts.sum::<usize>()).unwrap_or(i32::MAX)
    }

    const fn name(&self, french: bool) -> &'static str {
        if french { self.french } else { self.english }
    }
}

/// The days that are drawn: the last one of each `step`.
struct Points<'h> {
    lines: Vec<&'h Line>,
    first: Date,
    /// Days.
    step: i32,
    /// Of the steps, those without a day included.
    columns: i32,
}

impl<'h> Points<'h> {
    /// `None` without a day.
    fn of(history: &'h History) -> Option<Self> {
        let first = history.lines().map(|line| line.day.date).min()?;
        let last = history.lines().map(|line| line.day.date).max()?;
        let days = days_between(first, last) + 1;
        let step = if days <= MOST {
            1
        } else {
            7 * ceiling(days, 7 * MOST)
        };
        let mut lines: Vec<&Line> = history.lines().collect();
        lines.sort_by_key(|line| line.day.date);
        let mut points: Vec<&Line> = Vec::new();
        for line in lines {
            let column = |line: &Line| days_between(first, line.day.date) / step;
            if points.last().is_some_and(|point| column(point) == column(line)) {
                points.pop();
            }
            points.push(line);
        }
        Some(Self {
            lines: points,
            first,
            step,
            columns: ceiling(days, step),
        })
    }

    fn column(&self, line: &Line) -> i32 {
        days_between(self.first, line.day.date) / self.step
    }

    /// Where a column begins.
    const fn x(&self, column: i32) -> i32 {
        LEFT + WIDTH * column / self.columns
    }

    fn day(&self, column: i32) -> Date {
        let days = jiff::Span::new().days(column * self.step);
        self.first.checked_add(days).unwrap_or(self.first)
    }
}

fn days_between(first: Date, last: Date) -> i32 {
    first.until(last).map_or(0, |span| span.get_days())
}

const fn ceiling(number: i32, by: i32) -> i32 {
    (number + by - 1) / by
}

/// The part of the page; `None`: it could not be read.
pub fn section(history: Option<&History>, french: bool) -> Markup {
    let say = |in_french: &'static str, english: &'static str| if french { in_french } else { english };
    let points = history.and_then(Points::of);
    html! {
        h2 { (say("Dans le temps", "Over time")) }
        @match (history, points) {
            (None, _) => p {
                (say(
                    "L’historique n’a pas pu être lu : il faut le rôle dmp-evidence-reader dans dmp-evidence.",
                    "The history could not be read: it needs role dmp-evidence-reader in dmp-evidence.",
                ))
            },
            (Some(_), None) => p {
                (say(
                    "Aucun jour n’est encore conservé : l’évaluateur garde le premier à son prochain passage.",
                    "No day has been kept yet: the evaluator keeps the first one at its next pass.",
                ))
            },
            (Some(history), Some(points)) => {
                (said(history, &points, french))
                (picture(&points, french))
                (table(history, french))
            },
        }
    }
}

/// What the picture is of, and whether the chain of days holds.
fn said(history: &History, points: &Points<'_>, french: bool) -> Markup {
    let breaks = history.walk(None).breaks;
    let (step, days) = (points.step, history.lines().count());
    html! {
        p {
            @if french {
                (days) " jours conservés ; "
                @if step == 1 { "un trait par jour" } @else { "un trait pour " (step) " jours, le dernier d’entre eux" }
                " ; un blanc : personne n’a évalué. "
                @match breaks.first() {
                    None => "La chaîne des jours est intacte.",
                    Some(first) => strong { "La chaîne des jours est rompue (" (first.at) ") : dmpctl compliance history." },
                }
            } @else {
                (days) " days kept; "
                @if step == 1 { "one bar a day" } @else { "one bar for " (step) " days, the last of them" }
                "; a gap: nobody evaluated. "
                @match breaks.first() {
                    None => "The chain of days holds.",
                    Some(first) => strong { "The chain of days is broken (" (first.at) "): dmpctl compliance history." },
                }
            }
        }
    }
}

fn picture(points: &Points<'_>, french: bool) -> Markup {
    let most = points.lines.iter().map(|line| line.day.verdicts.len()).max();
    let most = most.and_then(|most| i32::try_from(most).ok()).unwrap_or(1).max(1);
    let y = |controls: i32| HEIGHT - HEIGHT * controls / most + 10;
    let title = if french {
        "Nombre de contrôles par verdict, jour par jour ; les derniers jours sont dans le tableau qui suit"
    } else {
        "Number of controls by verdict, day by day; the last days are in the table below"
    };
    let end = points.columns;
    html! {
        svg viewBox=(format!("0 0 {} {}", LEFT + WIDTH + NAMES, HEIGHT + 35)) role="img" aria-label=(title) {
            defs { @for band in &BANDS { (pattern(band)) } }
            text x="0" y=(y(most) + 4) { (most) }
            text x="0" y=(y(0) + 4) { "0" }
            @for (index, band) in BANDS.iter().enumerate() {
                path d=(area(points, index, &y)) fill=(format!("url(#over-{})", band.id)) stroke="#000" stroke-width="0.4" {}
            }
            @for line in points.lines.iter().filter(|line| line.link == Link::Broken) {
                @let x = points.x(points.column(line));
                path class="broken" d=(format!("M{x} 4V{}", HEIGHT + 10)) stroke="#000" stroke-width="2" stroke-dasharray="5 3" {}
            }
            @if let Some(last) = points.lines.last() {
                @for (band, at) in names(last, &y) {
                    rect x=(LEFT + WIDTH + 8) y=(at - 10) width="12" height="12" fill=(format!("url(#over-{})", band.id)) stroke="#000" stroke-width="0.5" {}
                    text x=(LEFT + WIDTH + 26) y=(at) { (band.count(last)) " " (band.name(french)) }
                }
            }
            @for part in 0..dates(end) {
                @let column = (end - 1) * part / (dates(end) - 1).max(1);
                text x=(points.x(column)) y=(HEIGHT + 28) text-anchor=(if part == 0 { "start" } else { "middle" }) { (points.day(column)) }
            }
        }
    }
}

/// How many dates are written below so many columns.
fn dates(columns: i32) -> i32 {
    columns.min(DATES)
}

/// The bars of one band, as one path: neighbours of one height are one bar.
fn area(points: &Points<'_>, index: usize, y: &impl Fn(i32) -> i32) -> String {
    let mut bars: Vec<(i32, i32, i32, i32)> = Vec::new();
    for line in &points.lines {
        let below: i32 = BANDS.iter().take(index).map(|band| band.count(line)).sum();
        let (bottom, top) = (y(below), y(below + BANDS[index].count(line)));
        if bottom == top {
            continue;
        }
        let column = points.column(line);
        match bars.last_mut() {
            Some((_, end, b, t)) if *end == column && (*b, *t) == (bottom, top) => *end = column + 1,
            _ => bars.push((column, column + 1, bottom, top)),
        }
    }
    let mut path = String::new();
    for (from, to, bottom, top) in bars {
        let (from, to) = (points.x(from), points.x(to));
        let _ = write!(path, "M{from} {bottom}H{to}V{top}H{from}Z");
    }
    path
}

/// Where the name of each band that the last day has is written: beside it, and not over another one.
fn names(last: &Line, y: &impl Fn(i32) -> i32) -> Vec<(&'static Band, i32)> {
    let mut below = 0;
    let mut lowest = HEIGHT + 14;
    let mut names = Vec::new();
    for band in BANDS.iter().filter(|band| band.count(last) > 0) {
        let count = band.count(last);
        let middle = (y(below) + y(below + count)) / 2 + 4;
        lowest = middle.min(lowest);
        names.push((band, lowest));
        lowest -= LINE;
        below += count;
    }
    names
}

/// Told apart without colours: empty, dots, dense strokes, bars, dashes.
fn pattern(band: &Band) -> Markup {
    let (ground, drawn) = match band.id {
        "pass" => ("#eef7f0", ""),
        "excepted" => ("#fff", "M2 2h2v2h-2z"),
        "fail" => ("#e9a0ac", "M-1 1L1 -1M0 6L6 0M5 7L7 5M0 3L3 0M3 6L6 3"),
        "error" => ("#ffd9a8", "M1.5 0V6M4.5 0V6"),
        _ => ("#e4e4e4", "M1 3H3"),
    };
    html! {
        pattern id=(format!("over-{}", band.id)) width="6" height="6" patternUnits="userSpaceOnUse" {
            rect width="6" height="6" fill=(ground) {}
            @if !drawn.is_empty() { path d=(drawn) stroke="#222" stroke-width="0.8" fill="#222" {} }
        }
    }
}

/// The last days, for who does not see the picture.
fn table(history: &History, french: bool) -> Markup {
    let lines: Vec<_> = history.lines().rev().take(LAST).collect();
    html! {
        table {
            caption { @if french { "Les derniers jours" } @else { "The last days" } }
            thead { tr {
                th scope="col" { @if french { "Jour" } @else { "Day" } }
                @for band in &BANDS { th scope="col" { (band.name(french)) } }
            } }
            tbody {
                @for line in lines {
                    tr {
                        th scope="row" { (line.day.date) @if line.link == Link::Broken { @if french { " (rompue)" } @else { " (broken)" } } }
                        @for band in &BANDS { td { (band.count(line)) } }
                    }
                }
            }
        }
    }
}
