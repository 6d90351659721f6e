//! A record of an OSV export (schema 1.x, <https://ossf.github.io/osv-schema/>), and what is kept of it: what matching needs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::package::{Ecosystem, Name};
use super::rating::{self, Rating};

/// Why a text is no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("it is not JSON (line {line}, column {column})")]
    NotJson { line: usize, column: usize },
    #[error("it has no `{0}`, or not as OSV has it")]
    Field(&'static str),
    #[error("its schema_version is not 1.x")]
    OtherSchema,
}

/// One known vulnerability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub id: String,
    /// Ids of the same vulnerability.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Ids of what it was made from: of an advisory of Debian the vulnerabilities that it mends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstream: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    /// It was none after all.
    #[serde(default, skip_serializing_if = "is_false")]
    pub withdrawn: bool,
    /// `None`: nobody rated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    pub affected: Vec<Affected>,
}

/// One package, and which versions of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// [`Name`], as text.
    pub package: String,
    /// Those of versions; ranges of commits are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Vec<Event>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
}

/// Where a range of versions begins or ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// `0`: before every version.
    Introduced(String),
    /// The first version without it.
    Fixed(String),
    /// The last version with it.
    LastAffected(String),
    /// Nothing is said of versions from here on; `*`: no such end.
    Limit(String),
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Record {
    /// What is kept of a record, and when it was last changed.
    ///
    /// # Errors
    /// [`Invalid`]: a text that is no record is not left out in silence.
    pub fn read(text: &[u8]) -> Result<(Self, Timestamp), Invalid> {
        let whole: Value = serde_json::from_slice(text).map_err(|error| Invalid::NotJson {
            line: error.line(),
            column: error.column(),
        })?;
        let id = whole["id"].as_str().filter(|id| !id.is_empty());
        let id = id.ok_or(Invalid::Field("id"))?;
        let schema = &whole["schema_version"];
        if !schema.is_null() && !schema.as_str().is_some_and(|version| version.starts_with("1.")) {
            return Err(Invalid::OtherSchema);
        }
        let modified = moment(&whole, "modified")?.ok_or(Invalid::Field("modified"))?;
        let record = Self {
            id: id.to_owned(),
            aliases: texts(&whole, "aliases")?,
            upstream: texts(&whole, "upstream")?,
            published: moment(&whole, "published")?,
            withdrawn: moment(&whole, "withdrawn")?.is_some(),
            rating: rating::of_record(&whole),
            affected: list(&whole, "affected")?
                .iter()
                .map(affected)
                .collect::<Result<Vec<_>, _>>()?
                .into_iter()
                .flatten()
                .collect(),
        };
        Ok((record, modified))
    }

    /// Its own id, and the others of the same vulnerability.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        // A record made from one other is about the same; an advisory of many is not about any one of them.
        let upstream = self.upstream.iter().filter(|_| self.upstream.len() == 1);
        let all = std::iter::once(&self.id).chain(&self.aliases).chain(upstream);
        all.map(String::as_str)
    }
}

fn moment(of: &Value, field: &'static str) -> Result<Option<Timestamp>, Invalid> {
    match &of[field] {
        Value::Null => Ok(None),
        Value::String(text) => text.parse().map(Some).map_err(|_| Invalid::Field(field)),
        _ => Err(Invalid::Field(field)),
    }
}

fn list<'v>(of: &'v Value, field: &'static str) -> Result<&'v [Value], Invalid> {
    match &of[field] {
        Value::Null => Ok(&[]),
        Value::Array(items) => Ok(items),
        _ => Err(Invalid::Field(field)),
    }
}

fn texts(of: &Value, field: &'static str) -> Result<Vec<String>, Invalid> {
    let text = |one: &Value| one.as_str().map(ToOwned::to_owned).ok_or(Invalid::Field(field));
    list(of, field)?.iter().map(text).collect()
}

/// `None` of a package that is of no ecosystem that is compared, or of none at all (commits alone).
fn affected(one: &Value) -> Result<Option<Affected>, Invalid> {
    if one["package"].is_null() {
        return Ok(None);
    }
    let (Some(ecosystem), Some(name)) = (
        one["package"]["ecosystem"].as_str(),
        one["package"]["name"].as_str(),
    ) else {
        return Err(Invalid::Field("affected.package"));
    };
    let Some(ecosystem) = Ecosystem::parse(ecosystem) else {
        return Ok(None);
    };
    let mut ranges = Vec::new();
    for range in list(one, "ranges")? {
        match range["type"].as_str() {
            Some("SEMVER" | "ECOSYSTEM") => ranges.push(events(range)?),
            Some("GIT") => {}
            _ => return Err(Invalid::Field("affected.ranges.type")),
        }
    }
    Ok(Some(Affected {
        package: Name::new(ecosystem, name).to_string(),
        ranges,
        versions: texts(one, "versions")?,
    }))
}

fn events(range: &Value) -> Result<Vec<Event>, Invalid> {
    const WRONG: Invalid = Invalid::Field("affected.ranges.events");
    let mut found = Vec::new();
    for event in list(range, "events")? {
        for (name, version) in event.as_object().ok_or(WRONG)? {
            let version = version.as_str().ok_or(WRONG)?.to_owned();
            found.push(match name.as_str() {
                "introduced" => Event::Introduced(version),
                "fixed" => Event::Fixed(version),
                "last_affected" => Event::LastAffected(version),
                "limit" => Event::Limit(version),
                _ => return Err(WRONG),
            });
        }
    }
    let begins = found.iter().any(|event| matches!(event, Event::Introduced(_)));
    begins.then_some(found).ok_or(WRONG)
}
