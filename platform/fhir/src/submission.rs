//! SubmissionSet: the List of MHD that says who sends what under which unique id.

use serde_json::Value;

use crate::date::DateTime;
use crate::element::Element;
use crate::error::{FhirError, IssueType};
use crate::identifier::Identifier;
use crate::reference::Reference;

const SOURCE_ID: &str = "https://profiles.ihe.net/ITI/MHD/StructureDefinition/ihe-sourceId";
const STATUSES: [&str; 3] = ["current", "retired", "entered-in-error"];

/// What the platform reads of a SubmissionSet; the rest stays in `resource`.
pub struct SubmissionSet<'a> {
    pub resource: &'a Value,
    pub status: &'a str,
    pub unique_id: Identifier<'a>,
    /// Extension `ihe-sourceId`.
    pub source_id: Option<&'a str>,
    pub subject: Option<Reference<'a>>,
    pub entries: Vec<Reference<'a>>,
    /// FHIR dateTime, as written.
    pub date: &'a str,
}

/// Whether a resource is a List with the code `submissionset` (MHD `MHDlistTypes`).
pub fn is_submission_set(resource: &Value) -> bool {
    resource.get("resourceType").and_then(Value::as_str) == Some("List")
        && resource
            .get("code")
            .and_then(|code| code.get("coding")?.as_array())
            .is_some_and(|codings| {
                codings
                    .iter()
                    .any(|coding| coding.get("code").and_then(Value::as_str) == Some("submissionset"))
            })
}

impl<'a> SubmissionSet<'a> {
    /// # Errors
    /// `not-a-submission-set`, `submission-set-without-unique-id`, or what is wrong with an element.
    pub fn parse(resource: &'a Value) -> Result<Self, FhirError> {
        let element = Element::resource(resource, "List")?;
        if !is_submission_set(resource) {
            return Err(FhirError::new(
                "not-a-submission-set",
                IssueType::Value,
                "List.code",
                "a List with the code submissionset is expected",
            ));
        }
        let date = element.required("date")?;
        DateTime::parse(date, &element.at("date"))?;
        let mut entries = Vec::new();
        for entry in element.elements("entry")? {
            let item = entry
                .value("item")
                .ok_or_else(|| FhirError::required(entry.at("item")))?;
            entries.push(Reference::parse(item, &entry.at("item"))?);
        }
        let subject = element.value("subject");
        Ok(Self {
            resource,
            status: element
                .code("status", &STATUSES)?
                .ok_or_else(|| FhirError::required(element.at("status")))?,
            unique_id: unique_id(&element)?,
            source_id: source_id(&element)?,
            subject: subject
                .map(|value| Reference::parse(value, &element.at("subject")))
                .transpose()?,
            entries,
            date,
        })
    }
}

/// The identifier typed `uniqueId`, else the one of use `usual` (MHD 4.2), else the only one.
fn unique_id<'a>(element: &Element<'a>) -> Result<Identifier<'a>, FhirError> {
    let identifiers = element.elements("identifier")?;
    let typed = |identifier: &Element<'a>| -> Result<bool, FhirError> {
        let codings = match identifier.element("type")? {
            Some(concept) => concept.codings()?,
            None => Vec::new(),
        };
        Ok(codings.iter().any(|coding| coding.code == "uniqueId"))
    };
    let mut usual = None;
    for identifier in &identifiers {
        if typed(identifier)? {
            usual = Some(identifier);
            break;
        }
        if identifier.text("use")? == Some("usual") {
            usual = usual.or(Some(identifier));
        }
    }
    let found = match (usual, identifiers.as_slice()) {
        (Some(found), _) => Some(found),
        (None, [only]) => Some(only),
        _ => None,
    };
    found
        .map(Element::as_identifier)
        .transpose()?
        .flatten()
        .ok_or_else(|| {
            FhirError::new(
                "submission-set-without-unique-id",
                IssueType::Required,
                element.at("identifier"),
                "the SubmissionSet needs its uniqueId",
            )
        })
}

fn source_id<'a>(element: &Element<'a>) -> Result<Option<&'a str>, FhirError> {
    for extension in element.elements("extension")? {
        if extension.text("url")? == Some(SOURCE_ID)
            && let Some(identifier) = extension.element("valueIdentifier")?
        {
            return identifier.text("value");
        }
    }
    Ok(None)
}
