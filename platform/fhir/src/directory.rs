//! Organization, Practitioner, PractitionerRole (IHE mCSD), named by INPE.

use serde_json::Value;

use crate::bundle::Transaction;
use crate::element::Element;
use crate::error::{FhirError, IssueType};
use crate::reference::Reference;
use crate::systems;

/// Longest INPE that is accepted, in bytes (nine digits by the sources known; its format is not established).
const MAX_INPE: usize = 32;

pub struct Organization<'a> {
    pub inpe: &'a str,
    pub active: bool,
    pub name: Option<&'a str>,
}

pub struct Practitioner<'a> {
    pub inpe: &'a str,
    pub active: bool,
    /// `text` of the first name, or its parts in the order prefix, given, family.
    pub display: Option<String>,
}

pub struct PractitionerRole<'a> {
    /// INPE of the professional.
    pub practitioner: &'a str,
    /// INPE of the establishment.
    pub organization: &'a str,
    pub active: bool,
    /// Code of [`systems::PROFESSION`].
    pub profession: &'a str,
}

impl<'a> Organization<'a> {
    /// # Errors
    /// `inpe-missing`, or what is wrong with an element.
    pub fn parse(resource: &'a Value) -> Result<Self, FhirError> {
        let element = Element::resource(resource, "Organization")?;
        Ok(Self {
            inpe: inpe(&element)?,
            active: element.boolean("active")?.unwrap_or(true),
            name: element.text("name")?,
        })
    }
}

impl<'a> Practitioner<'a> {
    /// # Errors
    /// `inpe-missing`, or what is wrong with an element.
    pub fn parse(resource: &'a Value) -> Result<Self, FhirError> {
        let element = Element::resource(resource, "Practitioner")?;
        let display = match element.elements("name")?.first() {
            Some(name) => display(name)?,
            None => None,
        };
        Ok(Self {
            inpe: inpe(&element)?,
            active: element.boolean("active")?.unwrap_or(true),
            display,
        })
    }
}

impl<'a> PractitionerRole<'a> {
    /// Its references lead to entries of the same Bundle, or name an INPE.
    ///
    /// # Errors
    /// `reference-dangling`, `profession-missing`, or what is wrong with an element.
    pub fn parse(resource: &'a Value, bundle: &Transaction<'a>) -> Result<Self, FhirError> {
        let element = Element::resource(resource, "PractitionerRole")?;
        let mut profession = None;
        for concept in element.elements("code")? {
            let codings = concept.codings()?;
            profession =
                profession.or_else(|| codings.iter().find_map(|coding| coding.of(systems::PROFESSION)));
        }
        let profession = profession.ok_or_else(|| {
            FhirError::new(
                "profession-missing",
                IssueType::Required,
                element.at("code"),
                "a role needs the code of a profession",
            )
        })?;
        Ok(Self {
            practitioner: target(&element, "practitioner", "Practitioner", bundle)?,
            organization: target(&element, "organization", "Organization", bundle)?,
            active: element.boolean("active")?.unwrap_or(true),
            profession,
        })
    }
}

fn target<'a>(
    element: &Element<'a>,
    name: &str,
    kind: &'static str,
    bundle: &Transaction<'a>,
) -> Result<&'a str, FhirError> {
    let path = element.at(name);
    let value = element
        .value(name)
        .ok_or_else(|| FhirError::required(path.clone()))?;
    let reference = Reference::parse(value, &path)?;
    let dangling = || {
        FhirError::new(
            "reference-dangling",
            IssueType::NotFound,
            path.clone(),
            "the reference leads to nothing",
        )
    };
    if let Reference::Identifier(identifier) = reference {
        return identifier.of(systems::INPE).ok_or_else(dangling);
    }
    let resource = bundle
        .resolve(&reference)
        .and_then(|entry| entry.resource)
        .ok_or_else(dangling)?;
    inpe(&Element::resource(resource, kind)?)
}

fn inpe<'a>(element: &Element<'a>) -> Result<&'a str, FhirError> {
    element
        .identifiers("identifier")?
        .iter()
        .find_map(|identifier| identifier.of(systems::INPE))
        .filter(|inpe| inpe.len() <= MAX_INPE && inpe.bytes().all(|b| b.is_ascii_alphanumeric()))
        .ok_or_else(|| {
            FhirError::new(
                "inpe-missing",
                IssueType::Required,
                element.at("identifier"),
                "an INPE is required",
            )
        })
}

fn display(name: &Element<'_>) -> Result<Option<String>, FhirError> {
    if let Some(text) = name.text("text")? {
        return Ok(Some(text.to_owned()));
    }
    let mut parts = name.texts("prefix")?;
    parts.extend(name.texts("given")?);
    parts.extend(name.text("family")?);
    Ok((!parts.is_empty()).then(|| parts.join(" ")))
}
