//! Whether one version is among those that a record names: its list of versions, or its ranges of events, as the OSV schema evaluates
//! them.

use std::cmp::Ordering;

use super::order::Version;
use super::package::Ecosystem;
use super::record::{Affected, Event};

/// What a record says of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With the first version without it, when there is one.
    Affected {
        fixed: Option<String>,
    },
    NotAffected,
    /// Nobody can tell, and why.
    Undecided(String),
}

/// What is said of this version of the package that `affected` is about.
pub fn answer(affected: &Affected, ecosystem: &Ecosystem, version: &str) -> Answer {
    let in_ranges = in_ranges(affected, ecosystem, version);
    if matches!(in_ranges, Answer::Affected { .. }) {
        return in_ranges;
    }
    if is_listed(&affected.versions, ecosystem, version) {
        return Answer::Affected { fixed: None };
    }
    if affected.ranges.is_empty() && affected.versions.is_empty() {
        return Answer::Undecided("it names no version, only commits".to_owned());
    }
    in_ranges
}

/// Without the versions that the ranges name already.
pub(super) fn without_repetition(affected: &mut Affected, ecosystem: &Ecosystem) {
    let named = |version: &String| matches!(in_ranges(affected, ecosystem, version), Answer::Affected { .. });
    let rest = affected
        .versions
        .iter()
        .filter(|one| !named(one))
        .cloned()
        .collect();
    affected.versions = rest;
}

fn is_listed(versions: &[String], ecosystem: &Ecosystem, version: &str) -> bool {
    let parsed = ecosystem.version(version);
    versions.iter().any(|one| {
        let same = || ecosystem.version(one)?.compare(parsed.as_ref()?);
        one == version || same() == Some(Ordering::Equal)
    })
}

fn in_ranges(affected: &Affected, ecosystem: &Ecosystem, version: &str) -> Answer {
    let mut answer = Answer::NotAffected;
    for range in &affected.ranges {
        match in_range(range, ecosystem, version) {
            Answer::NotAffected => {}
            found @ Answer::Affected { .. } => return found,
            undecided @ Answer::Undecided(_) => answer = undecided,
        }
    }
    answer
}

/// A place in the order of versions; `None` is before all of them.
type Place = Option<Version>;

fn order(one: &Place, other: &Place) -> Ordering {
    match (one, other) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        // Of one ecosystem all are of one kind.
        (Some(one), Some(other)) => one.compare(other).unwrap_or(Ordering::Equal),
    }
}

fn in_range(range: &[Event], ecosystem: &Ecosystem, version: &str) -> Answer {
    let undecided = |text: &str| Answer::Undecided(format!("`{text}` is no version of {ecosystem}"));
    let place = |text: &str| match text {
        "0" => Some(None),
        text => ecosystem.version(text).map(Some),
    };
    let Some(here) = ecosystem.version(version) else {
        return undecided(version);
    };
    let here = Some(here);
    let mut events = Vec::new();
    let (mut limits, mut within) = (false, false);
    for event in range {
        let (Event::Introduced(text) | Event::Fixed(text) | Event::LastAffected(text) | Event::Limit(text)) =
            event;
        if let Event::Limit(text) = event {
            limits = true;
            if text == "*" {
                within = true;
                continue;
            }
        }
        let Some(place) = place(text) else {
            return undecided(text);
        };
        if matches!(event, Event::Limit(_)) {
            within |= order(&here, &place).is_lt();
        } else {
            events.push((place, event));
        }
    }
    if limits && !within {
        return Answer::NotAffected;
    }
    // What begins and ends at one version is nothing.
    let ends = |event: &Event| !matches!(event, Event::Introduced(_));
    events.sort_by(|(one, event), (other, other_event)| {
        order(one, other).then_with(|| ends(event).cmp(&ends(other_event)))
    });
    let mut inside = false;
    for (place, event) in &events {
        match (event, order(&here, place)) {
            (Event::Introduced(_), Ordering::Equal | Ordering::Greater) => inside = true,
            (Event::Fixed(_), Ordering::Equal | Ordering::Greater)
            | (Event::LastAffected(_), Ordering::Greater) => inside = false,
            _ => {}
        }
    }
    if !inside {
        return Answer::NotAffected;
    }
    let fixed = events.iter().find_map(|(place, event)| match event {
        Event::Fixed(text) if order(&here, place).is_lt() => Some(text.clone()),
        _ => None,
    });
    Answer::Affected { fixed }
}
