//! FHIR Reference: the ways in which a resource names another.

use serde_json::Value;

use crate::element::Element;
use crate::error::FhirError;
use crate::id;
use crate::identifier::Identifier;

/// What a Reference element points to. No `Debug`: it may identify a person.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reference<'a> {
    /// `Patient/<id>`, `https://host/fhir/Patient/<id>`, each perhaps with `/_history/<version>`.
    Literal {
        base: Option<&'a str>,
        kind: &'a str,
        id: &'a str,
    },
    /// `urn:uuid:…`, whole.
    Uuid(&'a str),
    /// `urn:oid:…`, whole.
    Oid(&'a str),
    /// `#id`, without the `#`.
    Contained(&'a str),
    /// `Patient?identifier=…` (conditional reference, in a transaction only).
    Conditional { kind: &'a str, query: &'a str },
    /// A logical reference: `Reference.identifier` without a literal.
    Identifier(Identifier<'a>),
}

impl<'a> Reference<'a> {
    /// Reads a Reference element; the literal wins when it has both.
    ///
    /// # Errors
    /// `reference-invalid` when the literal has none of the known forms, `element-missing` when there is nothing in it.
    pub fn parse(value: &'a Value, path: &str) -> Result<Self, FhirError> {
        let element = Element::new(value, path)?;
        if let Some(text) = element.text("reference")? {
            return Self::parse_url(text).ok_or_else(|| {
                FhirError::new(
                    "reference-invalid",
                    crate::IssueType::Value,
                    element.at("reference"),
                    "the reference has no known form",
                )
            });
        }
        match element.element("identifier")? {
            Some(identifier) => identifier
                .as_identifier()?
                .map(Self::Identifier)
                .ok_or_else(|| FhirError::required(identifier.at("value"))),
            None => Err(FhirError::required(element.at("reference"))),
        }
    }

    /// Reads the text of a literal reference; `None` when it has no known form.
    pub fn parse_url(text: &'a str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('#') {
            return id::is_valid(inner).then_some(Self::Contained(inner));
        }
        if let Some(uuid) = text.strip_prefix("urn:uuid:") {
            return is_uuid(uuid).then_some(Self::Uuid(text));
        }
        if let Some(oid) = text.strip_prefix("urn:oid:") {
            return is_oid(oid).then_some(Self::Oid(text));
        }
        if let Some((kind, query)) = text.split_once('?') {
            return (is_kind(kind) && !query.is_empty()).then_some(Self::Conditional { kind, query });
        }
        let text = match text.rsplit_once("/_history/") {
            Some((text, version)) if id::is_valid(version) => text,
            Some(_) => return None,
            None => text,
        };
        let (rest, id) = text.rsplit_once('/')?;
        let (base, kind) = match rest.rsplit_once('/') {
            Some((base, kind)) => (Some(base), kind),
            None => (None, rest),
        };
        let absolute = base.is_none_or(|base| {
            let host = base
                .strip_prefix("https://")
                .or_else(|| base.strip_prefix("http://"));
            host.is_some_and(|host| !host.is_empty())
        });
        (absolute && is_kind(kind) && id::is_valid(id)).then_some(Self::Literal { base, kind, id })
    }

    /// The id, when this is a literal reference to a resource of this type.
    pub fn is(&self, wanted: &str) -> Option<&'a str> {
        match *self {
            Self::Literal { kind, id, .. } if kind == wanted => Some(id),
            _ => None,
        }
    }
}

/// A resource type name: `Patient`, `DocumentReference`.
fn is_kind(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase()) && text.bytes().all(|b| b.is_ascii_alphabetic())
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn is_oid(text: &str) -> bool {
    text.len() <= 256
        && matches!(text.as_bytes().first(), Some(b'0'..=b'2'))
        && text.split('.').count() > 1
        && text.split('.').all(|part| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_digit())
                && (part == "0" || !part.starts_with('0'))
        })
}
