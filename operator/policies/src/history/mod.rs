//! The posture over time: one line a day ([`Line`]), one object a year, each line sealed over the one before it, so that whoever
//! changes or takes away a day is found out by who reads on. Pure: no client, no clock.
//!
//! A year is the `data` of the ConfigMap `posture-2026`: `days` (the lines), `controls` (the lists of controls that its lines
//! name, `<name> <id> <id>…`), `anchor` (day and hash of the line before its first one, or `none`), `legend`. What somebody wrote
//! into it that is no line stays, and is a break: nothing is dropped here.
//!
//! Not here: reading and writing the objects, when a day begins (`dmp-evaluator`), showing them (`dmpctl`).

mod line;
mod walk;

use std::collections::BTreeMap;

use jiff::civil::Date;

pub use line::{Day, Line, Link, NOTHING, NoLine, letter, list_name};
pub use walk::{Break, Walk};

/// What the name of a year's object begins with.
const PREFIX: &str = "posture-";
/// Years that are kept at least.
pub const FEWEST_YEARS: u16 = 6;
/// Years that are kept unless somebody says otherwise.
pub const USUAL_YEARS: u16 = 10;
const NONE: &str = "none";
const LEGEND: &str = "p=pass x=excepted s=stale e=error f=fail n=not-yet. A line of `days`: day (UTC), first|chained|broken, \
one letter a control in the order of its list in `controls`, how many of each letter, SHA-256 of that moment's ClusterReport, \
name of the list, SHA-256 over the hash before it, a line feed and this line up to here.\n";

/// `data` of a ConfigMap.
pub type Data = BTreeMap<String, String>;

/// Name of the object of a year.
pub fn name(year: i16) -> String {
    format!("{PREFIX}{year:04}")
}

/// The year of an object of that name.
pub fn year(name: &str) -> Option<i16> {
    let digits = name.strip_prefix(PREFIX).filter(|digits| digits.len() == 4)?;
    let year = digits.bytes().all(|byte| byte.is_ascii_digit());
    year.then(|| digits.parse().ok())?
}

/// A line's place, as the next year names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    pub date: Date,
    pub hash: String,
}

/// One object.
#[derive(Clone, Debug)]
struct Year {
    year: i16,
    /// `None` when it says nothing that can be read.
    anchor: Option<Option<Anchor>>,
    /// Ids by the name of their list; a list under a name that is not its own is left out.
    controls: BTreeMap<String, Vec<String>>,
    /// What is no line, as it is.
    lines: Vec<Result<Line, String>>,
    data: Data,
}

/// All that is there.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// From old to new.
    years: Vec<Year>,
}

impl History {
    /// Of objects by their names; what is no year is left out.
    pub fn read(objects: impl IntoIterator<Item = (String, Data)>) -> Self {
        let mut years: Vec<_> = objects
            .into_iter()
            .filter_map(|(name, data)| Some(Year::read(year(&name)?, data)))
            .collect();
        years.sort_by_key(|one| one.year);
        Self { years }
    }

    pub const fn is_empty(&self) -> bool {
        self.years.is_empty()
    }

    /// Every line that can be read, from old to new.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &Line> {
        self.years.iter().flat_map(|year| year.lines.iter().flatten())
    }

    /// Ids of a line's controls, in the order of its verdicts; empty when nobody knows them.
    pub fn controls(&self, line: &Line) -> &[String] {
        let known = self
            .years
            .iter()
            .find_map(|year| year.controls.get(&line.day.controls));
        known.map_or(&[], Vec::as_slice)
    }

    /// The line of `day`, to be written; `None` when there is one, or when the chain is further than `day`: a clock went back.
    /// `known` is a line that the caller saw in it before.
    pub fn next(&self, day: Day, known: Option<&Anchor>) -> Option<Line> {
        let walk = self.walk(known);
        if walk.has(day.date) || walk.sound.as_ref().is_some_and(|sound| sound.date >= day.date) {
            return None;
        }
        let (link, previous) = match (walk.is_broken(), &walk.sound) {
            (true, _) => (Link::Broken, NOTHING),
            (false, None) => (Link::First, NOTHING),
            (false, Some(sound)) => (Link::Chained, sound.hash.as_str()),
        };
        Some(Line::seal(day, link, previous))
    }

    /// The object of the line's year with the line in it: its name, and all of its data. `ids`: of the line's list.
    pub fn with(&self, line: &Line, ids: &[&str]) -> (String, Data) {
        let year = line.day.date.year();
        let there = self.years.iter().find(|one| one.year == year);
        let mut data = there.map(|one| one.data.clone()).unwrap_or_else(|| {
            let before = self.years.iter().filter(|one| one.year < year);
            let last = before.flat_map(|one| one.lines.iter().flatten()).next_back();
            let anchor = last.map_or_else(
                || NONE.to_owned(),
                |last| format!("{} {}", last.day.date, last.hash),
            );
            [("anchor".to_owned(), anchor)].into()
        });
        data.insert("legend".to_owned(), LEGEND.to_owned());
        let list = format!("{} {}", line.day.controls, ids.join(" "));
        let controls = data.entry("controls".to_owned()).or_default();
        if !controls.lines().any(|there| there == list) {
            push(controls, &list);
        }
        push(data.entry("days".to_owned()).or_default(), &line.to_string());
        (name(year), data)
    }

    /// Names of the objects that are more than `keep` years, the oldest first. Years are counted, not subtracted: a clock that
    /// jumps ahead takes nothing away.
    pub fn surplus(&self, keep: u16) -> Vec<String> {
        let more = self
            .years
            .len()
            .saturating_sub(usize::from(keep.max(FEWEST_YEARS)));
        self.years.iter().take(more).map(|one| name(one.year)).collect()
    }
}

fn push(text: &mut String, line: &str) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(line);
    text.push('\n');
}

impl Year {
    fn read(year: i16, data: Data) -> Self {
        let text = |key: &str| data.get(key).map_or("", String::as_str);
        let list = |line: &str| {
            let (name, ids) = line.split_once(' ')?;
            let own = list_name(ids.split(' ')) == name;
            own.then(|| (name.to_owned(), ids.split(' ').map(ToOwned::to_owned).collect()))
        };
        let anchor = match text("anchor").split_once(' ') {
            Some((date, hash)) => date.parse().ok().map(|date| {
                Some(Anchor {
                    date,
                    hash: hash.to_owned(),
                })
            }),
            None => (text("anchor") == NONE).then_some(None),
        };
        let lines = text("days").lines();
        Self {
            year,
            anchor,
            controls: text("controls").lines().filter_map(list).collect(),
            lines: lines
                .map(|line| Line::parse(line).map_err(|_| line.to_owned()))
                .collect(),
            data,
        }
    }
}

impl Anchor {
    pub fn of(line: &Line) -> Self {
        Self {
            date: line.day.date,
            hash: line.hash.clone(),
        }
    }
}
