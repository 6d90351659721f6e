//! Patient: identifiers, names in their scripts, birth date at the precision it is known.

use serde_json::Value;

use crate::date::Date;
use crate::element::Element;
use crate::error::{FhirError, IssueType};
use crate::id;
use crate::identifier::Identifier;
use crate::structure;

const GENDERS: [&str; 4] = ["male", "female", "other", "unknown"];
const NAME_USES: [&str; 7] = [
    "usual",
    "official",
    "temp",
    "nickname",
    "anonymous",
    "old",
    "maiden",
];
const IDENTIFIER_USES: [&str; 5] = ["usual", "official", "temp", "secondary", "old"];
/// Longest identifier system and value that are accepted, in bytes.
const MAX_IDENTIFIER: usize = 256;

/// What the registry reads of a Patient; the rest stays in `resource`. No `Debug`: it is a person.
pub struct Patient<'a> {
    pub resource: &'a Value,
    /// Those with system and value, at least one; each can be searched for.
    pub identifiers: Vec<Identifier<'a>>,
    pub names: Vec<Name<'a>>,
    /// `1951` stays `1951`.
    pub birth_date: Option<Date<'a>>,
    pub gender: Option<&'a str>,
    /// Absent means active.
    pub active: bool,
}

/// One HumanName. A person may have one word as a name, in any script.
pub struct Name<'a> {
    pub usage: Option<&'a str>,
    pub text: Option<&'a str>,
    pub family: Option<&'a str>,
    pub given: Vec<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    Arabic,
    Tifinagh,
    Latin,
    Other,
}

impl Name<'_> {
    /// The script of the first letter that has one of ours.
    pub fn script(&self) -> Script {
        let parts = self.family.iter().chain(&self.given).chain(&self.text);
        let mut other = Script::Other;
        for letter in parts.flat_map(|part| part.chars()) {
            match letter {
                '\u{0600}'..='\u{06FF}'
                | '\u{0750}'..='\u{077F}'
                | '\u{FB50}'..='\u{FDFF}'
                | '\u{FE70}'..='\u{FEFF}' => {
                    return Script::Arabic;
                }
                '\u{2D30}'..='\u{2D7F}' => return Script::Tifinagh,
                'A'..='Z' | 'a'..='z' | '\u{00C0}'..='\u{024F}' => other = Script::Latin,
                _ => {}
            }
        }
        other
    }
}

impl<'a> Patient<'a> {
    /// # Errors
    /// `patient-without-identifier`, or what is wrong with an element.
    pub fn parse(resource: &'a Value) -> Result<Self, FhirError> {
        let element = Element::resource(resource, "Patient")?;
        structure::check(resource)?;
        if element.text("id")?.is_some_and(|id| !id::is_valid(id)) {
            return Err(FhirError::value(element.at("id"), "not a FHIR id"));
        }
        if element.has("link") {
            return Err(FhirError::new(
                "link-not-supported",
                IssueType::NotSupported,
                element.at("link"),
                "patients are linked and merged by the registry only",
            ));
        }
        let birth_date = match element.text("birthDate")? {
            Some(text) => Some(Date::parse(text, &element.at("birthDate"))?),
            None => None,
        };
        Ok(Self {
            resource,
            identifiers: identifiers(&element)?,
            names: element
                .elements("name")?
                .iter()
                .map(name)
                .collect::<Result<_, _>>()?,
            birth_date,
            gender: element.code("gender", &GENDERS)?,
            active: element.boolean("active")?.unwrap_or(true),
        })
    }

    pub fn has_identifier(&self, system: &str, value: &str) -> bool {
        self.identifiers
            .iter()
            .any(|identifier| identifier.of(system) == Some(value))
    }
}

fn identifiers<'a>(element: &Element<'a>) -> Result<Vec<Identifier<'a>>, FhirError> {
    let mut found = Vec::new();
    for item in element.elements("identifier")? {
        item.code("use", &IDENTIFIER_USES)?;
        let Some(identifier) = item.as_identifier()? else {
            continue;
        };
        for (name, text) in [
            ("system", identifier.system.unwrap_or_default()),
            ("value", identifier.value),
        ] {
            if text.len() > MAX_IDENTIFIER || text.chars().any(char::is_control) || text.trim() != text {
                return Err(FhirError::value(
                    item.at(name),
                    "too long, or with spaces around it or control characters",
                ));
            }
        }
        if identifier.system.is_some() && !found.contains(&identifier) {
            found.push(identifier);
        }
    }
    if found.is_empty() {
        return Err(FhirError::new(
            "patient-without-identifier",
            IssueType::Required,
            element.at("identifier"),
            "a Patient needs an identifier with system and value",
        ));
    }
    Ok(found)
}

fn name<'a>(element: &Element<'a>) -> Result<Name<'a>, FhirError> {
    Ok(Name {
        usage: element.code("use", &NAME_USES)?,
        text: element.text("text")?,
        family: element.text("family")?,
        given: element.texts("given")?,
    })
}
