//! DocumentReference and Attachment (MHD ITI-65, ITI-67).

use serde_json::Value;

use crate::date::DateTime;
use crate::element::Element;
use crate::error::{FhirError, IssueType};
use crate::hash;
use crate::identifier::{Coding, Identifier};
use crate::reference::Reference;

const STATUSES: [&str; 3] = ["current", "superseded", "entered-in-error"];
const RELATIONS: [&str; 4] = ["replaces", "transforms", "signs", "appends"];

/// What the platform reads of a DocumentReference; the rest stays in `resource`.
pub struct DocumentReference<'a> {
    pub resource: &'a Value,
    pub status: &'a str,
    pub master_identifier: Option<Identifier<'a>>,
    pub identifiers: Vec<Identifier<'a>>,
    pub subject: Option<Reference<'a>>,
    pub types: Vec<Coding<'a>>,
    pub categories: Vec<Coding<'a>>,
    /// FHIR instant, as written.
    pub date: Option<&'a str>,
    /// At least one.
    pub content: Vec<Attachment<'a>>,
    /// `(code, target)`, code one of `replaces`, `transforms`, `signs`, `appends`.
    pub relates_to: Vec<(&'a str, Reference<'a>)>,
}

impl<'a> DocumentReference<'a> {
    /// # Errors
    /// What is wrong with an element, by its code and path.
    pub fn parse(resource: &'a Value) -> Result<Self, FhirError> {
        let element = Element::resource(resource, "DocumentReference")?;
        let status = element
            .code("status", &STATUSES)?
            .ok_or_else(|| FhirError::required(element.at("status")))?;
        let master_identifier = match element.element("masterIdentifier")? {
            Some(identifier) => identifier.as_identifier()?,
            None => None,
        };
        let date = element.text("date")?;
        if let Some(date) = date {
            DateTime::parse(date, &element.at("date"))?;
        }
        let mut content = Vec::new();
        for part in element.elements("content")? {
            let attachment = part
                .element("attachment")?
                .ok_or_else(|| FhirError::required(part.at("attachment")))?;
            content.push(Attachment::read(&attachment)?);
        }
        if content.is_empty() {
            return Err(FhirError::required(element.at("content")));
        }
        Ok(Self {
            resource,
            status,
            master_identifier,
            identifiers: element.identifiers("identifier")?,
            subject: reference(&element, "subject")?,
            types: match element.element("type")? {
                Some(concept) => concept.codings()?,
                None => Vec::new(),
            },
            categories: concepts(&element, "category")?,
            date,
            content,
            relates_to: relations(&element)?,
        })
    }

    /// `(system, code)` of the type, then of the categories: what sorts the document into a class.
    pub fn codes(&self) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        self.types
            .iter()
            .chain(&self.categories)
            .filter_map(|coding| Some((coding.system?, coding.code)))
    }
}

fn reference<'a>(element: &Element<'a>, name: &str) -> Result<Option<Reference<'a>>, FhirError> {
    element
        .value(name)
        .map(|value| Reference::parse(value, &element.at(name)))
        .transpose()
}

fn concepts<'a>(element: &Element<'a>, name: &str) -> Result<Vec<Coding<'a>>, FhirError> {
    let mut codings = Vec::new();
    for concept in element.elements(name)? {
        codings.extend(concept.codings()?);
    }
    Ok(codings)
}

fn relations<'a>(element: &Element<'a>) -> Result<Vec<(&'a str, Reference<'a>)>, FhirError> {
    let mut relations = Vec::new();
    for relation in element.elements("relatesTo")? {
        let code = relation
            .code("code", &RELATIONS)?
            .ok_or_else(|| FhirError::required(relation.at("code")))?;
        let target =
            reference(&relation, "target")?.ok_or_else(|| FhirError::required(relation.at("target")))?;
        relations.push((code, target));
    }
    Ok(relations)
}

/// FHIR Attachment.
#[derive(Clone, Copy)]
pub struct Attachment<'a> {
    pub content_type: Option<&'a str>,
    pub url: Option<&'a str>,
    /// Inline content, base64.
    pub data: Option<&'a str>,
    /// Bytes.
    pub size: Option<u64>,
    /// SHA-1 of the bytes, base64.
    pub hash: Option<&'a str>,
    pub title: Option<&'a str>,
    pub language: Option<&'a str>,
    /// FHIR dateTime, as written.
    pub creation: Option<&'a str>,
}

impl<'a> Attachment<'a> {
    fn read(element: &Element<'a>) -> Result<Self, FhirError> {
        let creation = element.text("creation")?;
        if let Some(creation) = creation {
            DateTime::parse(creation, &element.at("creation"))?;
        }
        Ok(Self {
            content_type: element.text("contentType")?,
            url: element.text("url")?,
            data: element.text("data")?,
            size: element.unsigned("size")?,
            hash: element.text("hash")?,
            title: element.text("title")?,
            language: element.text("language")?,
            creation,
        })
    }

    /// Whether these are the bytes that size and hash speak of (what is not said is not checked).
    ///
    /// # Errors
    /// `attachment-size-mismatch`, `attachment-hash-mismatch`.
    pub fn check(&self, bytes: &[u8]) -> Result<(), FhirError> {
        if self.size.is_some_and(|size| size != bytes.len() as u64) {
            return Err(FhirError::new(
                "attachment-size-mismatch",
                IssueType::Invariant,
                "DocumentReference.content.attachment.size",
                "the document has another size",
            ));
        }
        if self
            .hash
            .is_some_and(|claimed| claimed != hash::sha1_base64(bytes))
        {
            return Err(FhirError::new(
                "attachment-hash-mismatch",
                IssueType::Invariant,
                "DocumentReference.content.attachment.hash",
                "the document has another SHA-1",
            ));
        }
        Ok(())
    }
}
