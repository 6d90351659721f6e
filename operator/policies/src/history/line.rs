//! One day of the posture as a line of text, sealed by a hash over the line before it.
//!
//! `2026-12-02 chained ppfn p2,x0,s0,e0,f1,n1 <report> <controls> <hash>`: single spaces, ASCII. `report` is the SHA-256 of that
//! moment's ClusterReport (64 hex), `controls` the name of the list of controls ([`list_name`], 32 hex), `hash` the SHA-256 over
//! the hash of the line before it, a line feed, and this line up to its hash (64 hex).

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::civil::Date;

use crate::Verdict;

/// What the hash of a line covers where no line is before it.
pub const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Hex of a list's name.
const LIST_NAME: usize = 32;

/// How a line stands to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// There was none.
    First,
    Chained,
    /// What is before it is not as it was written: the chain begins again.
    Broken,
}

impl Link {
    const ALL: [Self; 3] = [Self::First, Self::Chained, Self::Broken];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Chained => "chained",
            Self::Broken => "broken",
        }
    }
}

/// What is known of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// UTC.
    pub date: Date,
    /// Of each control, in the order of its list.
    pub verdicts: Vec<Verdict>,
    /// SHA-256 of the report, hex.
    pub report: String,
    /// Name of the list of controls.
    pub controls: String,
}

impl Day {
    /// How many controls have the verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.verdicts.iter().filter(|one| **one == verdict).count()
    }
}

/// A day in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub day: Day,
    pub link: Link,
    /// Hex.
    pub hash: String,
}

/// The text is no line: another number of words, or a word that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no line of a history")]
pub struct NoLine;

impl Line {
    /// After the line with the hash `previous`; a first or broken one covers [`NOTHING`].
    pub fn seal(day: Day, link: Link, previous: &str) -> Self {
        let mut line = Self {
            day,
            link,
            hash: String::new(),
        };
        line.hash = line.hash_after(previous);
        line
    }

    /// Whether the hash is that of this line after `previous`.
    pub fn follows(&self, previous: &str) -> bool {
        self.hash == self.hash_after(previous)
    }

    /// # Errors
    /// [`NoLine`]; the chain is not looked at.
    pub fn parse(text: &str) -> Result<Self, NoLine> {
        let words: Vec<&str> = text.split(' ').collect();
        let [date, link, letters, counts, report, controls, hash] = words[..] else {
            return Err(NoLine);
        };
        let hex = |word: &str, length| word.len() == length && word.bytes().all(is_hex);
        if !(hex(report, 64) && hex(controls, LIST_NAME) && hex(hash, 64)) {
            return Err(NoLine);
        }
        let verdicts: Option<Vec<_>> = letters.chars().map(verdict).collect();
        let line = Self {
            day: Day {
                date: date.parse().map_err(|_| NoLine)?,
                verdicts: verdicts.ok_or(NoLine)?,
                report: report.to_owned(),
                controls: controls.to_owned(),
            },
            link: Link::ALL
                .into_iter()
                .find(|one| one.as_str() == link)
                .ok_or(NoLine)?,
            hash: hash.to_owned(),
        };
        // Counts that are not those of the letters, or a day written in another way.
        if line.day.counts() == counts && line.day.date.to_string() == date {
            Ok(line)
        } else {
            Err(NoLine)
        }
    }

    fn hash_after(&self, previous: &str) -> String {
        let previous = match self.link {
            Link::First | Link::Broken => NOTHING,
            Link::Chained => previous,
        };
        sha256(&format!("{previous}\n{}", self.body()))
    }

    fn body(&self) -> String {
        let letters: String = self.day.verdicts.iter().copied().map(letter).collect();
        let (day, link) = (&self.day, self.link.as_str());
        format!(
            "{} {link} {letters} {} {} {}",
            day.date,
            day.counts(),
            day.report,
            day.controls
        )
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.body(), self.hash)
    }
}

impl Day {
    /// `p6,x0,s0,e2,f1,n50`.
    fn counts(&self) -> String {
        Verdict::ALL
            .map(|one| format!("{}{}", letter(one), self.count(one)))
            .join(",")
    }
}

/// Of a verdict, in a line.
pub const fn letter(verdict: Verdict) -> char {
    match verdict {
        Verdict::Pass => 'p',
        Verdict::Excepted => 'x',
        Verdict::Stale => 's',
        Verdict::Error => 'e',
        Verdict::Fail => 'f',
        Verdict::NotYet => 'n',
    }
}

fn verdict(of: char) -> Option<Verdict> {
    Verdict::ALL.into_iter().find(|one| letter(*one) == of)
}

/// Name of a list of controls: the first half of the SHA-256 of its ids with single spaces, hex.
pub fn list_name<'i>(ids: impl IntoIterator<Item = &'i str>) -> String {
    let ids: Vec<_> = ids.into_iter().collect();
    let mut name = sha256(&ids.join(" "));
    name.truncate(LIST_NAME);
    name
}

const fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn sha256(text: &str) -> String {
    hex::encode(digest(&SHA256, text.as_bytes()))
}
