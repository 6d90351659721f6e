//! Along the chain from its oldest line: what is not as it was written.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Date;

use super::line::{Line, Link, NOTHING};
use super::{Anchor, FEWEST_YEARS, History, Year, name};

/// One place where the chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// `YYYY-MM-DD`, or the name of the object when no day of it can be read.
    pub at: String,
    pub why: &'static str,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.why)
    }
}

/// What was met.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// From old to new; a line that says `broken` is one, too.
    pub breaks: Vec<Break>,
    /// The last line before the first break that no line marks.
    pub sound: Option<Anchor>,
    /// Breaks that a later line marks.
    marked: usize,
    /// Days with a line that follows the one before it.
    days: BTreeSet<Date>,
}

impl Walk {
    /// Whether there is a break that no line marks.
    pub fn is_broken(&self) -> bool {
        self.breaks.len() > self.marked
    }

    /// The first break that no line marks.
    pub fn news(&self) -> Option<&Break> {
        self.breaks.get(self.marked)
    }

    /// Whether there is a line of the day that follows the one before it.
    pub fn has(&self, day: Date) -> bool {
        self.days.contains(&day)
    }

    fn broken(&mut self, at: impl fmt::Display, why: &'static str) {
        self.breaks.push(Break {
            at: at.to_string(),
            why,
        });
    }

    /// Takes the next line; `before` is the end of what is before it.
    fn step(&mut self, year: &Year, line: &Line, before: Option<&Anchor>) {
        let date = line.day.date;
        if line.link == Link::Broken {
            self.broken(date, "the evaluator found the days before it changed");
            self.marked = self.breaks.len();
        }
        let met = self.breaks.len();
        let previous = before.map_or(NOTHING, |before| before.hash.as_str());
        if !line.follows(previous) {
            self.broken(date, "it, or what is before it, is not as it was written");
        }
        if line.link == Link::First && before.is_some() {
            self.broken(date, "it says that nothing is before it");
        }
        if line.link == Link::Chained && before.is_none() {
            self.broken(date, "nothing is before it");
        }
        let late = before.is_some_and(|before| before.date >= date);
        if date.year() != year.year || (late && line.link != Link::Broken) {
            self.broken(date, "it is not where its day belongs");
        }
        let list = year.controls.get(&line.day.controls);
        if list.is_none_or(|ids| ids.len() != line.day.verdicts.len()) {
            self.broken(date, "its list of controls is not there");
        }
        if self.breaks.len() == met {
            self.days.insert(date);
            if !self.is_broken() {
                self.sound = Some(Anchor::of(line));
            }
        }
    }
}

impl History {
    /// The whole chain. `known` is a line that the caller saw in it before: without it the chain is broken.
    pub fn walk(&self, known: Option<&Anchor>) -> Walk {
        let mut walk = Walk::default();
        let mut before: Option<Anchor> = None;
        for (index, year) in self.years.iter().enumerate() {
            let begins = match &year.anchor {
                Some(anchor) => anchor.as_ref(),
                None => {
                    walk.broken(name(year.year), "its anchor cannot be read");
                    None
                }
            };
            if index > 0 && begins != before.as_ref() {
                walk.broken(name(year.year), "it does not begin where the year before it ends");
            } else if index == 0 && begins.is_some() {
                // Older years are taken away only when there are as many as must be kept.
                if self.years.len() < usize::from(FEWEST_YEARS) {
                    walk.broken(name(year.year), "the year before it is not there");
                }
                before = begins.cloned();
            }
            for line in &year.lines {
                match line {
                    Ok(line) => {
                        walk.step(year, line, before.as_ref());
                        before = Some(Anchor::of(line));
                    }
                    Err(text) => {
                        let day = text.split(' ').next().and_then(|word| word.parse::<Date>().ok());
                        let at = day.map_or_else(|| name(year.year), |day| day.to_string());
                        walk.broken(at, "it cannot be read");
                    }
                }
            }
        }
        if let Some(known) = known
            && !self.lines().any(|line| line.hash == known.hash)
        {
            walk.broken(known.date, "the line of this day is not there any more");
        }
        walk
    }
}
