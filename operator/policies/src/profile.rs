//! Stricter values of parameters that a platform has of its own (`PolicyProfile`): which count, and what is in force with them. Pure.
//!
//! A profile only tightens, and counts whole or not at all: when one of its values loosens, contradicts another or is of no
//! parameter, the catalogue's own values are in force and [`Refused`] names the parameter. On each day the stricter of the
//! catalogue's value and the platform's is in force, so that a release that tightens is never held back by a profile.
//!
//! Not here: who may write a profile (the API server), where it is read (`dmp-evaluator`, `dmp-operator`, `dmpctl`).

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::civil::Date;
use serde_json::Value;

use crate::control::{Catalogued, Control, Parameter, Stricter};
use crate::expression::MOST_OF_PARAMETER;
use crate::load::Catalogue;

/// The largest number that a platform chooses: nothing that is computed with it overflows.
pub const LARGEST: i64 = 1_000_000;
/// The longest text in a list, in bytes.
const LONGEST_TEXT: usize = 253;

/// What a platform chose, as it is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    pub choices: Vec<Choice>,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Id of the control.
    pub control: String,
    pub parameter: String,
    pub value: Value,
    /// Its first day; `None` when it is no day.
    pub since: Option<Date>,
    pub reason: String,
}

impl Choice {
    /// As it is written in a `PolicyProfile`; `since`: `YYYY-MM-DD`.
    pub fn new(control: &str, parameter: &str, value: &Value, since: &str, reason: &str) -> Self {
        Self {
            control: control.to_owned(),
            parameter: parameter.to_owned(),
            value: value.clone(),
            since: since.parse().ok(),
            reason: reason.to_owned(),
        }
    }

    fn is_of(&self, control: &Control, parameter: &str) -> bool {
        self.control == control.id && self.parameter == parameter
    }
}

/// Why nothing of a profile counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{control} {parameter}: {why}")]
pub struct Refused {
    /// Which of the choices it is about.
    pub at: usize,
    pub control: String,
    pub parameter: String,
    pub why: Why,
}

/// What is wrong with a choice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    #[error("this release has no such control (`dmpctl compliance list`)")]
    UnknownControl,
    #[error("the control has no such parameter (`dmpctl compliance explain` names them)")]
    UnknownParameter,
    #[error("no platform has another value: the catalogue does not say which one is stricter")]
    Fixed,
    #[error("its value is {0}")]
    WrongType(String),
    #[error("its first day is none (YYYY-MM-DD)")]
    UnreadableDate,
    #[error("it begins before the catalogue's own value does, on {0}")]
    TooEarly(Date),
    #[error("it has two values for {0}")]
    Contradiction(Date),
    #[error("{chosen} is looser than the catalogue's {own}")]
    Loosens { own: String, chosen: String },
}

impl Why {
    /// Reason of a condition.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownControl => "UnknownControl",
            Self::UnknownParameter => "UnknownParameter",
            Self::Fixed => "FixedParameter",
            Self::WrongType(_) => "WrongType",
            Self::UnreadableDate => "UnreadableDate",
            Self::TooEarly(_) => "TooEarly",
            Self::Contradiction(_) => "Contradiction",
            Self::Loosens { .. } => "Loosens",
        }
    }
}

/// The catalogue with the values of a profile.
///
/// # Errors
/// The first choice that cannot count: then none does.
pub fn tightened(catalogue: &Catalogue, profile: &Profile) -> Result<Catalogue, Refused> {
    for (at, choice) in profile.choices.iter().enumerate() {
        let earlier = profile.choices.iter().take(at);
        validate(catalogue, choice, earlier).map_err(|why| Refused {
            at,
            control: choice.control.clone(),
            parameter: choice.parameter.clone(),
            why,
        })?;
    }
    let mut catalogue = catalogue.clone();
    for control in &mut catalogue.controls {
        control.parameters = parameters(control, profile);
    }
    Ok(catalogue)
}

/// What is in force on a platform: with its profile when that counts, else as the catalogue has it.
pub fn in_force<'c>(catalogue: &'c Catalogue, profile: Option<&Profile>) -> Cow<'c, Catalogue> {
    let with = profile.and_then(|profile| tightened(catalogue, profile).ok());
    with.map_or(Cow::Borrowed(catalogue), Cow::Owned)
}

/// How many parameters have a value of the platform's own on a day.
pub fn count(catalogue: &Catalogue, day: Date) -> usize {
    let controls = catalogue.controls().iter();
    let parameters = controls.flat_map(|control| control.parameters_on(day));
    parameters.filter(|one| one.instead_of.is_some()).count()
}

fn validate<'c>(
    catalogue: &Catalogue,
    choice: &Choice,
    mut earlier: impl Iterator<Item = &'c Choice>,
) -> Result<(), Why> {
    let mut controls = catalogue.controls().iter();
    let control = controls.find(|control| control.id == choice.control);
    let control = control.ok_or(Why::UnknownControl)?;
    let own: Vec<_> = named(control, &choice.parameter).collect();
    let first = own.iter().min_by_key(|one| one.since);
    let first = first.ok_or(Why::UnknownParameter)?;
    let stricter = first.stricter.ok_or(Why::Fixed)?;
    if !stricter.takes(&choice.value) {
        return Err(Why::WrongType(stricter.wanted()));
    }
    let since = choice.since.ok_or(Why::UnreadableDate)?;
    if since < first.since {
        return Err(Why::TooEarly(first.since));
    }
    if earlier.any(|other| other.is_of(control, &choice.parameter) && other.since == Some(since)) {
        return Err(Why::Contradiction(since));
    }
    let held = control.parameters_on(since);
    let held = held.into_iter().find(|one| one.name == choice.parameter);
    match held {
        Some(own) if !stricter.at_least(&choice.value, &own.value) => Err(Why::Loosens {
            own: text(&own.value),
            chosen: text(&choice.value),
        }),
        _ => Ok(()),
    }
}

fn named<'c>(control: &'c Control, name: &str) -> impl Iterator<Item = &'c Parameter> {
    control.parameters.iter().filter(move |one| one.name == name)
}

/// The parameters of a control with a profile that counts: one for each day on which one of the two changes.
fn parameters(control: &Control, profile: &Profile) -> Vec<Parameter> {
    let mut done = BTreeSet::new();
    let mut all = Vec::new();
    for Parameter { name, .. } in &control.parameters {
        if !done.insert(name) {
            continue;
        }
        let choices: Vec<_> = profile
            .choices
            .iter()
            .filter(|choice| choice.is_of(control, name))
            .collect();
        if choices.is_empty() {
            all.extend(named(control, name).cloned());
            continue;
        }
        let days = named(control, name).map(|own| own.since);
        let days: BTreeSet<Date> = days.chain(choices.iter().filter_map(|one| one.since)).collect();
        for day in days {
            let own = control.parameters_on(day);
            // Where the catalogue has none, the platform has none either.
            if let Some(own) = own.into_iter().find(|one| one.name == *name) {
                let begun = choices.iter().filter(|choice| choice.since <= Some(day));
                let choice = begun.max_by_key(|choice| choice.since);
                all.push(on(day, own, choice.copied()));
            }
        }
    }
    all
}

/// What a parameter is from that day on.
fn on(day: Date, own: &Parameter, choice: Option<&Choice>) -> Parameter {
    let mut parameter = own.clone();
    parameter.since = day;
    if let Some((choice, stricter)) = choice.zip(own.stricter)
        && !stricter.at_least(&own.value, &choice.value)
    {
        parameter.value = stricter.of(&own.value, &choice.value);
        parameter.instead_of = Some(Catalogued {
            value: own.value.clone(),
            since: own.since,
            reason: choice.reason.clone(),
        });
    }
    parameter
}

impl Stricter {
    /// Whether values of this kind have this direction.
    pub(crate) fn fits(self, value: &Value) -> bool {
        match self {
            Self::Lower | Self::Higher => value.is_i64(),
            Self::More | Self::Fewer => texts(value).is_some(),
        }
    }

    /// Whether a platform can choose the value.
    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Lower | Self::Higher => value
                .as_i64()
                .is_some_and(|number| (0..=LARGEST).contains(&number)),
            Self::More | Self::Fewer => texts(value).is_some_and(|texts| {
                let fits = |text: &&str| !text.is_empty() && text.len() <= LONGEST_TEXT;
                texts.len() <= MOST_OF_PARAMETER && texts.iter().all(fits)
            }),
        }
    }

    /// What a platform can choose, for people.
    fn wanted(self) -> String {
        match self {
            Self::Lower | Self::Higher => format!("a whole number from 0 to {LARGEST}"),
            Self::More | Self::Fewer => {
                format!("a list of {MOST_OF_PARAMETER} texts at most, each of 1 to {LONGEST_TEXT} bytes")
            }
        }
    }

    /// Whether `value` is as strict as `other`, or stricter.
    fn at_least(self, value: &Value, other: &Value) -> bool {
        self.of(value, other) == self.of(value, value)
    }

    /// The stricter of two values; of lists what both ask for together.
    fn of(self, one: &Value, other: &Value) -> Value {
        let numbers = || Some((one.as_i64()?, other.as_i64()?));
        let lists = || Some((texts(one)?, texts(other)?));
        match self {
            Self::Lower => numbers().map(|(one, other)| Value::from(one.min(other))),
            Self::Higher => numbers().map(|(one, other)| Value::from(one.max(other))),
            Self::More => lists().map(|(mut all, other)| {
                all.extend(other);
                sorted(all)
            }),
            Self::Fewer => lists().map(|(mut both, other)| {
                both.retain(|text| other.contains(text));
                sorted(both)
            }),
        }
        .unwrap_or_else(|| one.clone())
    }
}

/// The texts of a list of texts.
fn texts(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

/// A set has no order: the same items are the same value.
fn sorted(texts: Vec<&str>) -> Value {
    let texts: BTreeSet<&str> = texts.into_iter().collect();
    texts.into_iter().map(Value::from).collect()
}

/// A value for people.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
