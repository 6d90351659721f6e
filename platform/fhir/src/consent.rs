//! Consent: the two shapes the platform acts on (IHE PCF, explicit basic).
//!
//! Opposition: `provision.type = deny`, without actor. Care relation: `provision.type = permit` with one actor, named
//! by INPE. Anything that would narrow or widen these (nested provisions, data, classes, other purposes) is refused:
//! what is not enforced is not accepted.

use serde_json::Value;

use crate::date::DateTime;
use crate::element::Element;
use crate::error::{FhirError, IssueType};
use crate::reference::Reference;
use crate::{structure, systems};

const STATUSES: [&str; 6] = [
    "draft",
    "proposed",
    "active",
    "rejected",
    "inactive",
    "entered-in-error",
];
/// Members of `provision` that are understood.
const UNDERSTOOD: [&str; 6] = ["id", "type", "period", "actor", "purpose", "extension"];
/// Longest INPE reference that is accepted, in bytes.
const MAX_INPE: usize = 32;

pub struct Consent<'a> {
    pub resource: &'a Value,
    pub id: Option<&'a str>,
    pub status: &'a str,
    pub patient: Reference<'a>,
    pub kind: Kind<'a>,
    pub start: Option<DateTime<'a>>,
    pub end: Option<DateTime<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// No professional reads, searches or writes.
    Opposition,
    /// The professional with this INPE cares for the patient.
    CareRelation { inpe: &'a str },
}

impl<'a> Consent<'a> {
    /// # Errors
    /// `consent-not-supported` for a Consent of another shape, or what is wrong with an element.
    pub fn parse(resource: &'a Value) -> Result<Self, FhirError> {
        let element = Element::resource(resource, "Consent")?;
        structure::check(resource)?;
        let status = element
            .code("status", &STATUSES)?
            .ok_or_else(|| FhirError::required(element.at("status")))?;
        element
            .element("scope")?
            .ok_or_else(|| FhirError::required(element.at("scope")))?;
        if element.elements("category")?.is_empty() {
            return Err(FhirError::required(element.at("category")));
        }
        let patient = element
            .value("patient")
            .ok_or_else(|| FhirError::required(element.at("patient")))?;
        let provision = element
            .element("provision")?
            .ok_or_else(|| FhirError::required(element.at("provision")))?;
        check_understood(resource, &provision)?;
        let kind = kind(&provision)?;
        let (start, end) = match provision.element("period")? {
            Some(period) => (time(&period, "start")?, time(&period, "end")?),
            None => (None, None),
        };
        if let (Some(start), Some(end)) = (start, end)
            && end.end() <= start.earliest()
        {
            return Err(FhirError::value(
                provision.at("period"),
                "the period ends before it starts",
            ));
        }
        Ok(Self {
            resource,
            id: element.text("id")?,
            status,
            patient: Reference::parse(patient, &element.at("patient"))?,
            kind,
            start,
            end,
        })
    }

    /// Only `active` has an effect.
    pub fn is_active(&self) -> bool {
        self.status == "active"
    }
}

fn unsupported(path: impl Into<String>) -> FhirError {
    FhirError::new(
        "consent-not-supported",
        IssueType::NotSupported,
        path,
        "this part of a Consent would not be enforced, so it is not accepted",
    )
}

fn check_understood(resource: &Value, provision: &Element<'_>) -> Result<(), FhirError> {
    if resource.get("modifierExtension").is_some() {
        return Err(unsupported("Consent.modifierExtension"));
    }
    let members = resource.get("provision").and_then(Value::as_object);
    if members.is_some_and(|members| members.keys().any(|name| !UNDERSTOOD.contains(&name.as_str()))) {
        return Err(unsupported(provision.path()));
    }
    for purpose in provision.elements("purpose")? {
        if purpose.text("code")? != Some("TREAT") {
            return Err(unsupported(provision.at("purpose")));
        }
    }
    Ok(())
}

fn kind<'a>(provision: &Element<'a>) -> Result<Kind<'a>, FhirError> {
    let actors = provision.elements("actor")?;
    match (provision.code("type", &["deny", "permit"])?, actors.as_slice()) {
        // An opposition is against every purpose: one that names a purpose is narrower.
        (Some("deny"), []) if !provision.has("purpose") => Ok(Kind::Opposition),
        (Some("permit"), [actor]) => {
            let path = actor.at("reference");
            let reference = actor
                .value("reference")
                .ok_or_else(|| FhirError::required(path.clone()))?;
            match Reference::parse(reference, &path)? {
                Reference::Identifier(identifier) => identifier
                    .of(systems::INPE)
                    .filter(|inpe| inpe.len() <= MAX_INPE && inpe.bytes().all(|b| b.is_ascii_alphanumeric()))
                    .map(|inpe| Kind::CareRelation { inpe })
                    .ok_or_else(|| FhirError::value(path, "the actor must be named by an INPE")),
                _ => Err(FhirError::value(path, "the actor must be named by an INPE")),
            }
        }
        (None, _) => Err(FhirError::required(provision.at("type"))),
        _ => Err(unsupported(provision.at("actor"))),
    }
}

fn time<'a>(period: &Element<'a>, name: &str) -> Result<Option<DateTime<'a>>, FhirError> {
    period
        .text(name)?
        .map(|text| DateTime::parse(text, &period.at(name)))
        .transpose()
}
