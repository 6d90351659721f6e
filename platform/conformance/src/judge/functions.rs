//! The functions that rules have beside those of CEL, and the budget that ends a rule which goes on for too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cel::extractors::This;
use cel::objects::{Key, Map};
use cel::{Context, ExecutionError, FunctionContext, ResolveResult, Value};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

use super::value::{LongText, Tree, hidden, list};

/// What one rule may look at: values that `at` visits, and each 256 bytes that are decoded. Whoever is judged decides how
/// much there is; the largest submission of a test takes a hundredth of it.
const BUDGET: u64 = 100_000;

/// What `at` may find at once: CEL copies a list for each element that it adds.
const MOST: usize = 500;

/// What is left for the rule that is evaluated.
#[derive(Clone, Default)]
pub(super) struct Budget(Arc<AtomicU64>);

impl Budget {
    /// For the next rule.
    pub(super) fn renew(&self) {
        self.0.store(BUDGET, Ordering::Relaxed);
    }

    fn found(&self, values: usize) -> Result<(), ExecutionError> {
        let amount = if values > MOST { usize::MAX } else { 1 + values };
        self.spend(amount)
    }

    fn spend(&self, amount: usize) -> Result<(), ExecutionError> {
        let left = self.0.load(Ordering::Relaxed);
        match left.checked_sub(amount as u64) {
            Some(left) => {
                self.0.store(left, Ordering::Relaxed);
                Ok(())
            }
            None => Err(ExecutionError::function_error(
                "at",
                "there is too much in the exchanges of this test to be judged",
            )),
        }
    }
}

pub(super) fn add(context: &mut Context<'_>, budget: &Budget) {
    let left = budget.clone();
    context.add_function(
        "at",
        move |This(value): This<Value>, path: Arc<String>| -> ResolveResult { at(&left, value, &path) },
    );
    let left = budget.clone();
    context.add_function("sha1", move |This(text): This<Value>| -> ResolveResult {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &decoded(&left, "sha1", &text)?);
        Ok(Value::String(Arc::new(STANDARD.encode(hash))))
    });
    let left = budget.clone();
    context.add_function("bytes_size", move |This(text): This<Value>| -> ResolveResult {
        let bytes = decoded(&left, "bytes_size", &text)?;
        i64::try_from(bytes.len())
            .map(Value::Int)
            .map_err(|error| ExecutionError::function_error("bytes_size", error))
    });
    context.add_function("seconds", seconds);
}

/// `a.b.c`; a name with dots stands between backticks, `*` is every name.
fn at(budget: &Budget, value: Value, path: &str) -> ResolveResult {
    let mut found = Vec::new();
    flatten(value, &mut found);
    budget.found(found.len())?;
    for name in names(path) {
        let key = Key::from(name);
        let mut next = Vec::new();
        for map in found.iter().filter_map(members) {
            if name == "*" {
                map.map
                    .values()
                    .for_each(|value| flatten(value.clone(), &mut next));
            } else if let Some(value) = map.map.get(&key) {
                flatten(value.clone(), &mut next);
            }
        }
        budget.found(next.len())?;
        found = next;
    }
    Ok(list(found.into_iter().map(hidden).collect()))
}

fn names(path: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = path;
    loop {
        let quoted = rest.strip_prefix('`').and_then(|rest| rest.split_once('`'));
        let (name, after) = match quoted {
            Some((name, after)) => (name, after.strip_prefix('.')),
            None => match rest.split_once('.') {
                Some((name, after)) => (name, Some(after)),
                None => (rest, None),
            },
        };
        names.push(name);
        match after {
            Some(after) => rest = after,
            None => return names,
        }
    }
}

fn members(value: &Value) -> Option<&Map> {
    match value {
        Value::Map(map) => Some(map),
        Value::Opaque(handle) => handle.downcast_ref::<Tree>().map(|tree| &tree.0),
        _ => None,
    }
}

fn flatten(value: Value, into: &mut Vec<Value>) {
    match value {
        Value::List(items) => items.iter().for_each(|item| flatten(item.clone(), into)),
        Value::Null => {}
        value => into.push(value),
    }
}

/// FHIR's base64Binary may have spaces in it.
fn decoded(budget: &Budget, function: &str, text: &Value) -> Result<Vec<u8>, ExecutionError> {
    let wrong = |what: String| ExecutionError::function_error(function, what);
    let text = match text {
        Value::String(text) => text.as_str(),
        Value::Opaque(handle) => match handle.downcast_ref::<LongText>() {
            Some(LongText(text)) => text.as_str(),
            None => return Err(wrong("a base64 text is needed".to_owned())),
        },
        _ => return Err(wrong("a base64 text is needed".to_owned())),
    };
    budget.spend(1 + text.len() / 256)?;
    let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD
        .decode(compact)
        .map_err(|error| wrong(format!("this is no base64: {error}")))
}

fn seconds(ftx: &FunctionContext, This(text): This<Arc<String>>) -> ResolveResult {
    instant(&text)
        .map(|instant| Value::Int(instant.as_second()))
        .ok_or_else(|| ftx.error("this is no date: a FHIR dateTime or an HTTP date is needed"))
}

/// FHIR instant, dateTime (`2026`, `2026-11` and `2026-11-29` begin in UTC) or the date of an HTTP header.
fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    if let Ok(date) = rfc2822::parse(text) {
        return Some(date.timestamp());
    }
    if text.contains('T') {
        return None;
    }
    let number = |part: Option<&str>| part.map_or(Some(1), |part| part.parse::<i8>().ok());
    let mut parts = text.splitn(3, '-');
    let year = parts.next()?.parse::<i16>().ok()?;
    let date = Date::new(year, number(parts.next())?, number(parts.next())?).ok()?;
    let midnight = DateTime::from_parts(date, Time::midnight());
    TimeZone::UTC.to_timestamp(midnight).ok()
}
