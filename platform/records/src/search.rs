//! ITI-67's parameters, applied in memory to the opened metadata of one record (FHIR R4 search: token and date).
//!
//! `,` is or, a repeated parameter is and. A parameter that is not understood is an error, never ignored: a filter
//! that silently does nothing shows too much.

use dmp_core::problem::Problem;
use dmp_fhir::date::DateTime;
use dmp_fhir::document::DocumentReference;
use dmp_fhir::{Coding, Identifier};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// What is not a filter: the patient is in the request, the rest shapes the gateway's answer.
const NOT_FILTERS: [&str; 4] = ["patient", "patient.identifier", "_format", "_pretty"];

/// All conditions; a document must meet each.
#[derive(Default)]
pub(crate) struct Query {
    conditions: Vec<Condition>,
}

enum Condition {
    Id(Vec<String>),
    Status(Vec<Token>),
    Type(Vec<Token>),
    Category(Vec<Token>),
    ContentType(Vec<Token>),
    Identifier(Vec<Token>),
    Date(Vec<(Comparison, String)>),
}

/// `code`, `system|code`, `|code` (no system), `system|` (any code of it).
struct Token {
    system: System,
    code: Option<String>,
}

enum System {
    Any,
    None,
    Is(String),
}

#[derive(Clone, Copy)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    StartsAfter,
    EndsBefore,
}

impl Query {
    /// # Errors
    /// 400 `search-parameter-unknown` or `search-parameter-invalid`, naming the parameter and never its value.
    pub(crate) fn parse(parameters: &[(String, String)]) -> Result<Self, Problem> {
        let mut query = Self::default();
        for (name, value) in parameters {
            let condition = match name.as_str() {
                name if NOT_FILTERS.contains(&name) => continue,
                "_id" => Condition::Id(alternatives(value)),
                "status" => Condition::Status(tokens(value)),
                "type" => Condition::Type(tokens(value)),
                "category" => Condition::Category(tokens(value)),
                "contenttype" => Condition::ContentType(tokens(value)),
                "identifier" => Condition::Identifier(tokens(value)),
                "date" => Condition::Date(dates(value).ok_or_else(|| invalid("date"))?),
                _ => {
                    let title = "a search parameter is not understood";
                    let known = name
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b"_-.:".contains(&b))
                        && name.len() < 40;
                    let problem = Problem::bad_request("search-parameter-unknown", title);
                    return Err(if known {
                        problem.with_detail(format!("`{name}`"))
                    } else {
                        problem
                    });
                }
            };
            query.conditions.push(condition);
        }
        Ok(query)
    }

    pub(crate) fn matches(&self, document: &DocumentReference<'_>) -> bool {
        self.conditions
            .iter()
            .all(|condition| condition.matches(document))
    }
}

fn invalid(name: &str) -> Problem {
    Problem::bad_request(
        "search-parameter-invalid",
        "a search parameter has no usable value",
    )
    .with_detail(format!("`{name}`"))
}

impl Condition {
    fn matches(&self, document: &DocumentReference<'_>) -> bool {
        match self {
            Self::Id(ids) => {
                let id = document.resource.get("id").and_then(Value::as_str);
                ids.iter().any(|wanted| Some(wanted.as_str()) == id)
            }
            Self::Status(tokens) => tokens.iter().any(|token| token.is_code(document.status)),
            Self::Type(tokens) => any_coding(tokens, &document.types),
            Self::Category(tokens) => any_coding(tokens, &document.categories),
            Self::ContentType(tokens) => document
                .content
                .iter()
                .filter_map(|attachment| attachment.content_type)
                .any(|kind| tokens.iter().any(|token| token.is_code(kind))),
            Self::Identifier(tokens) => document
                .identifiers
                .iter()
                .chain(&document.master_identifier)
                .any(|identifier| tokens.iter().any(|token| token.is_identifier(identifier))),
            Self::Date(alternatives) => document
                .date
                .and_then(|date| DateTime::parse(date, "date").ok())
                .is_some_and(|date| alternatives.iter().any(|(how, wanted)| how.holds(&date, wanted))),
        }
    }
}

fn any_coding(tokens: &[Token], codings: &[Coding<'_>]) -> bool {
    codings
        .iter()
        .any(|coding| tokens.iter().any(|token| token.meets(coding.system, coding.code)))
}

impl Token {
    fn meets(&self, system: Option<&str>, code: &str) -> bool {
        let system = match &self.system {
            System::Any => true,
            System::None => system.is_none(),
            System::Is(wanted) => system == Some(wanted),
        };
        system && self.code.as_deref().is_none_or(|wanted| wanted == code)
    }

    /// For an element of type `code`: its system is implied, whatever the caller wrote.
    fn is_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    fn is_identifier(&self, identifier: &Identifier<'_>) -> bool {
        self.meets(identifier.system, identifier.value)
    }
}

impl Comparison {
    /// R4 §3.1.1.4.6: both sides are periods.
    fn holds(self, date: &DateTime<'_>, wanted: &str) -> bool {
        let Ok(wanted) = DateTime::parse(wanted, "date") else {
            return false;
        };
        let ((first, last), (from, to)) = (period(date), period(&wanted));
        let within = first >= from && last <= to;
        match self {
            Self::Equal => within,
            Self::NotEqual => !within,
            Self::Less => first < from,
            Self::Greater => last > to,
            Self::LessOrEqual => first < from || within,
            Self::GreaterOrEqual => last > to || within,
            Self::StartsAfter => first > to,
            Self::EndsBefore => last < from,
        }
    }
}

/// First and last instant, both included; an instant is both.
fn period(date: &DateTime<'_>) -> (Timestamp, Timestamp) {
    let (first, end) = (date.earliest(), date.end());
    let last = end.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(end);
    (first, last.max(first))
}

fn alternatives(value: &str) -> Vec<String> {
    value.split(',').map(str::to_owned).collect()
}

fn tokens(value: &str) -> Vec<Token> {
    let token = |text: &str| match text.split_once('|') {
        None => Token {
            system: System::Any,
            code: Some(text.to_owned()),
        },
        Some((system, code)) => Token {
            system: if system.is_empty() {
                System::None
            } else {
                System::Is(system.to_owned())
            },
            code: (!code.is_empty()).then(|| code.to_owned()),
        },
    };
    value.split(',').map(token).collect()
}

fn dates(value: &str) -> Option<Vec<(Comparison, String)>> {
    let one = |text: &str| {
        let (how, date) = match text.split_at_checked(2) {
            Some(("eq", date)) => (Comparison::Equal, date),
            Some(("ne", date)) => (Comparison::NotEqual, date),
            Some(("lt", date)) => (Comparison::Less, date),
            Some(("gt", date)) => (Comparison::Greater, date),
            Some(("le", date)) => (Comparison::LessOrEqual, date),
            Some(("ge", date)) => (Comparison::GreaterOrEqual, date),
            Some(("sa", date)) => (Comparison::StartsAfter, date),
            Some(("eb", date)) => (Comparison::EndsBefore, date),
            _ => (Comparison::Equal, text),
        };
        DateTime::parse(date, "date").ok()?;
        Some((how, date.to_owned()))
    };
    value.split(',').map(one).collect()
}

#[cfg(test)]
mod tests;
