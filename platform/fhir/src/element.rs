//! A JSON object with its place in the resource: typed access that says what is wrong and where.

use serde_json::{Map, Value};

use crate::error::FhirError;
use crate::identifier::{Coding, Identifier};

/// One complex element of a resource.
#[derive(Clone)]
pub(crate) struct Element<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

impl<'a> Element<'a> {
    pub(crate) fn new(value: &'a Value, path: impl Into<String>) -> Result<Self, FhirError> {
        let path = path.into();
        match value {
            Value::Object(map) => Ok(Self { map, path }),
            _ => Err(FhirError::structure(path, "an object is expected")),
        }
    }

    /// The resource itself, which must be a `kind`.
    pub(crate) fn resource(value: &'a Value, kind: &'static str) -> Result<Self, FhirError> {
        let element = Self::new(value, kind)?;
        if element.text("resourceType")? == Some(kind) {
            Ok(element)
        } else {
            Err(FhirError::structure(
                element.at("resourceType"),
                "another type of resource is expected",
            ))
        }
    }

    pub(crate) fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name)
    }

    /// A string, uri, code or date: not empty when present.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, FhirError> {
        match self.map.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => {
                Err(FhirError::value(self.at(name), "a text must not be empty"))
            }
            // FHIR R4, data type string: no character below 32 but tab, line feed and carriage return.
            Some(Value::String(text))
                if text.chars().any(|c| c < ' ' && !matches!(c, '\t' | '\n' | '\r')) =>
            {
                Err(FhirError::value(
                    self.at(name),
                    "a text must not have control characters",
                ))
            }
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(FhirError::structure(self.at(name), "a text is expected")),
        }
    }

    pub(crate) fn required(&self, name: &str) -> Result<&'a str, FhirError> {
        self.text(name)?.ok_or_else(|| FhirError::required(self.at(name)))
    }

    /// A code out of a closed list.
    pub(crate) fn code(&self, name: &str, known: &[&str]) -> Result<Option<&'a str>, FhirError> {
        match self.text(name)? {
            Some(code) if !known.contains(&code) => Err(FhirError::value(
                self.at(name),
                "the code is not in the value set",
            )),
            code => Ok(code),
        }
    }

    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, FhirError> {
        match self.map.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(FhirError::structure(self.at(name), "a boolean is expected")),
        }
    }

    /// FHIR `unsignedInt`.
    pub(crate) fn unsigned(&self, name: &str) -> Result<Option<u64>, FhirError> {
        match self.map.get(name) {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| FhirError::value(self.at(name), "a whole number from 0 is expected")),
        }
    }

    pub(crate) fn element(&self, name: &str) -> Result<Option<Self>, FhirError> {
        self.map
            .get(name)
            .map(|value| Self::new(value, self.at(name)))
            .transpose()
    }

    /// The items of a repeating element; an absent one has none, a present one at least one.
    pub(crate) fn items(&self, name: &str) -> Result<&'a [Value], FhirError> {
        match self.map.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) if items.is_empty() => {
                Err(FhirError::structure(self.at(name), "a list must not be empty"))
            }
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(FhirError::structure(self.at(name), "a list is expected")),
        }
    }

    pub(crate) fn elements(&self, name: &str) -> Result<Vec<Self>, FhirError> {
        self.items(name)?
            .iter()
            .enumerate()
            .map(|(i, item)| Self::new(item, format!("{}.{name}[{i}]", self.path)))
            .collect()
    }

    /// A repeating text (`name.given`). `null` stands for an item that has only an extension.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<&'a str>, FhirError> {
        let mut texts = Vec::new();
        for (i, item) in self.items(name)?.iter().enumerate() {
            match item {
                Value::String(text) if !text.trim().is_empty() => texts.push(text.as_str()),
                Value::Null => {}
                _ => {
                    return Err(FhirError::structure(
                        format!("{}.{name}[{i}]", self.path),
                        "a text is expected",
                    ));
                }
            }
        }
        Ok(texts)
    }

    /// This element as an Identifier; one without value (only an extension) is none.
    pub(crate) fn as_identifier(&self) -> Result<Option<Identifier<'a>>, FhirError> {
        let system = self.text("system")?;
        Ok(self.text("value")?.map(|value| Identifier { system, value }))
    }

    pub(crate) fn identifiers(&self, name: &str) -> Result<Vec<Identifier<'a>>, FhirError> {
        let mut found = Vec::new();
        for element in self.elements(name)? {
            found.extend(element.as_identifier()?);
        }
        Ok(found)
    }

    /// The codings of this CodeableConcept; a coding without code is none.
    pub(crate) fn codings(&self) -> Result<Vec<Coding<'a>>, FhirError> {
        let mut found = Vec::new();
        for coding in self.elements("coding")? {
            if let Some(code) = coding.text("code")? {
                found.push(Coding {
                    system: coding.text("system")?,
                    code,
                });
            }
        }
        Ok(found)
    }
}
