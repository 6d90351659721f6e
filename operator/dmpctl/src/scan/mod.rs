//! "Nothing to read": looks for texts in everything that was written down, in every form they may have been written.
//!
//! A needle (a name, an identifier, a phrase of a document) is looked for as UTF-8, UTF-16 in both byte orders, hex,
//! base64 at its three offsets in both alphabets, JSON escapes and percent-encoding; in plain bytes and in what
//! gzip, zlib, zstd and lz4 streams inside them contain. It never prints a needle: a hit names its label.
//!
//! Not here: where the bytes come from. [`tree`] walks folders; the caller feeds streams (pod logs, Secrets, dumps)
//! to [`Scanner::reader`].

mod compressed;
mod needle;
pub mod tree;

use std::collections::BTreeMap;
use std::io::{self, Read};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};

pub use needle::{Encoding, Needle, NeedleError};

/// Bytes read at once. A compressed stream in the middle of a file is opened as far as it lies in one window; one that
/// is the whole file, to its end.
const WINDOW: usize = 16 * 1024 * 1024;

/// Where a needle was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// File or stream.
    pub place: String,
    /// Offset in it; in the decompressed bytes when `inside` names a compression.
    pub offset: u64,
    /// The needle's label, never its text.
    pub needle: String,
    pub encoding: Encoding,
    /// `gzip`, `zlib`, `zstd`, `lz4` (outermost first) when it was inside a compressed stream.
    pub inside: Vec<&'static str>,
}

/// What was looked at, and what was found.
#[derive(Default, Debug)]
pub struct Report {
    pub hits: Vec<Hit>,
    pub bytes: u64,
    pub places: u64,
    /// Compressed streams that were opened, by kind.
    pub opened: BTreeMap<&'static str, u64>,
    /// What could not be read, with the reason: a scan that saw less than everything says so.
    pub unread: Vec<String>,
}

impl Report {
    /// Adds another report to this one.
    pub fn merge(&mut self, other: Self) {
        self.hits.extend(other.hits);
        self.bytes += other.bytes;
        self.places += other.places;
        self.unread.extend(other.unread);
        for (kind, count) in other.opened {
            *self.opened.entry(kind).or_default() += count;
        }
    }
}

/// Looks for a set of needles.
pub struct Scanner {
    needles: Vec<Needle>,
    /// Texts whose letter case does not matter, and those whose case does (base64).
    folded: Patterns,
    exact: Patterns,
    opener: compressed::Opener,
    longest: usize,
}

struct Patterns {
    automaton: AhoCorasick,
    /// Needle and encoding of each pattern.
    meaning: Vec<(usize, Encoding)>,
}

impl Patterns {
    fn new(patterns: Vec<(usize, Encoding, Vec<u8>)>, fold: bool) -> Result<Self, NeedleError> {
        let meaning = patterns
            .iter()
            .map(|(needle, encoding, _)| (*needle, *encoding))
            .collect();
        let automaton = AhoCorasickBuilder::new()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(fold)
            .build(patterns.iter().map(|(_, _, bytes)| bytes))
            .map_err(|_| NeedleError::TooMany)?;
        Ok(Self { automaton, meaning })
    }
}

impl Scanner {
    /// # Errors
    /// [`NeedleError`] when a needle is too short to be told from chance.
    pub fn new(needles: Vec<Needle>) -> Result<Self, NeedleError> {
        let (mut folded, mut exact, mut longest) = (Vec::new(), Vec::new(), 0);
        for (index, needle) in needles.iter().enumerate() {
            for (encoding, bytes) in needle.patterns()? {
                longest = longest.max(bytes.len());
                let list = if encoding.case_matters() {
                    &mut exact
                } else {
                    &mut folded
                };
                list.push((index, encoding, bytes));
            }
        }
        Ok(Self {
            needles,
            folded: Patterns::new(folded, true)?,
            exact: Patterns::new(exact, false)?,
            opener: compressed::Opener::new()?,
            longest,
        })
    }

    /// Scans bytes in memory.
    pub fn bytes(&self, place: &str, bytes: &[u8]) -> Report {
        let mut report = Report {
            places: 1,
            bytes: bytes.len() as u64,
            ..Report::default()
        };
        self.window(place, 0, 0, bytes, &mut report);
        report
    }

    /// Scans a stream to its end.
    ///
    /// # Errors
    /// The stream's own.
    pub fn reader(&self, place: &str, mut stream: impl Read) -> io::Result<Report> {
        let mut report = Report {
            places: 1,
            ..Report::default()
        };
        let overlap = self.longest.saturating_sub(1);
        let mut window: Vec<u8> = Vec::new();
        let (mut start, mut seen) = (0u64, 0usize);
        loop {
            let read = (&mut stream).take(WINDOW as u64).read_to_end(&mut window)?;
            report.bytes += read as u64;
            if read == 0 {
                return Ok(report);
            }
            self.window(place, start, seen, &window, &mut report);
            // The tail stays: a needle may lie across the border.
            let keep = window.len().min(overlap);
            start += (window.len() - keep) as u64;
            window.drain(..window.len() - keep);
            seen = keep;
        }
    }

    /// Scans a file: its bytes, and when it is one compressed stream, all that is in it.
    ///
    /// # Errors
    /// The file's own.
    pub fn file(&self, place: &str, mut file: impl Read + io::Seek) -> io::Result<Report> {
        let mut first = [0u8; 4];
        let read = (&mut file).take(4).read(&mut first)?;
        file.rewind()?;
        let mut report = self.reader(place, &mut file)?;
        file.rewind()?;
        if let Some((kind, content)) =
            compressed::whole(first.get(..read).unwrap_or_default(), io::BufReader::new(file))
        {
            let mut inside = self.reader(&format!("{place} ({kind})"), content)?;
            inside.places = 0;
            for hit in &mut inside.hits {
                hit.inside.insert(0, kind);
            }
            report.merge(inside);
        }
        Ok(report)
    }

    /// `seen` bytes at the beginning were scanned before: a match must reach beyond them.
    fn window(&self, place: &str, start: u64, seen: usize, bytes: &[u8], report: &mut Report) {
        self.plain(place, start, seen, bytes, &[], report);
        self.opener.open(bytes, seen, &mut |offset, kinds, content| {
            if let Some(kind) = kinds.last() {
                *report.opened.entry(kind).or_default() += 1;
            }
            let place = format!("{place}@{}", start + offset as u64);
            self.plain(&place, 0, 0, content, kinds, report);
        });
    }

    fn plain(
        &self,
        place: &str,
        start: u64,
        seen: usize,
        bytes: &[u8],
        kinds: &[&'static str],
        report: &mut Report,
    ) {
        for patterns in [&self.folded, &self.exact] {
            for found in patterns.automaton.find_overlapping_iter(bytes) {
                if found.end() <= seen {
                    continue;
                }
                let Some((needle, encoding)) = patterns.meaning.get(found.pattern().as_usize()) else {
                    continue;
                };
                let Some(needle) = self.needles.get(*needle) else {
                    continue;
                };
                report.hits.push(Hit {
                    place: place.to_owned(),
                    offset: start + found.start() as u64,
                    needle: needle.label().to_owned(),
                    encoding: *encoding,
                    inside: kinds.to_vec(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
