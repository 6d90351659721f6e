//! The task: what the software is asked to do, with which gateway and which certificate.
//!
//! In a product this is the hospital system itself: its patient, its document, its user. Members that are not known
//! here are left aside.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;

use crate::error::{Result, SolutionError};

/// No `Debug`: it holds a person's log-in and data.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    action: String,
    /// `https://host:port`.
    pub gateway: String,
    /// PEM file of the CA of the gateway's certificate.
    ca: PathBuf,
    /// PEM file with the software's certificate chain and its key.
    identity: PathBuf,
    /// OIDC id token of the professional who works with the software.
    pub id_token: String,
    /// PurposeOfUse (HL7 v3) of this access.
    pub purpose: String,
    pub given: Given,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Feeds a patient's identity to the registry.
    Register,
    /// Looks a patient up.
    Find,
    /// Publishes a document.
    Publish,
    /// Lists and reads a patient's documents.
    Read,
}

/// What the task is about.
#[derive(Deserialize)]
pub struct Given {
    patient: Option<Value>,
    changed: Option<Value>,
    document: Option<Document>,
    unknown: Option<Identifier>,
}

/// A document of the hospital system.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    pub title: String,
    pub content_type: String,
    #[serde(rename = "type")]
    pub kind: Value,
    pub format: String,
    /// URN of the document, made once and kept with it.
    pub unique_id: String,
    data: String,
}

/// A number by which a person is known, and whose number it is.
#[derive(Clone, Deserialize, PartialEq, Eq)]
pub struct Identifier {
    pub system: String,
    pub value: String,
}

/// `system|value`, as a search writes it.
impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}", self.system, self.value)
    }
}

impl Task {
    /// # Errors
    /// [`SolutionError::Task`], which names a member that is missing but never a value.
    pub fn read(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|error| {
            let text = error.to_string();
            SolutionError::Task(match error.classify() {
                Category::Data if text.starts_with("missing field") => text,
                Category::Data => format!("a value of another type, line {}", error.line()),
                _ => format!("not JSON, line {}", error.line()),
            })
        })
    }

    /// # Errors
    /// [`SolutionError::UnknownAction`].
    pub fn action(&self) -> Result<Action> {
        match self.action.as_str() {
            "register" => Ok(Action::Register),
            "find" => Ok(Action::Find),
            "publish" => Ok(Action::Publish),
            "read" => Ok(Action::Read),
            other => Err(SolutionError::UnknownAction(
                other
                    .chars()
                    .filter(char::is_ascii_alphanumeric)
                    .take(32)
                    .collect(),
            )),
        }
    }

    pub(crate) fn ca(&self) -> Result<Vec<u8>> {
        file("ca", &self.ca)
    }

    pub(crate) fn identity(&self) -> Result<Vec<u8>> {
        file("identity", &self.identity)
    }
}

fn file(field: &'static str, path: &PathBuf) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| SolutionError::File {
        field,
        path: path.clone(),
        source,
    })
}

impl Given {
    /// # Errors
    /// [`SolutionError::Missing`].
    pub fn patient(&self) -> Result<&Value> {
        self.patient
            .as_ref()
            .ok_or(SolutionError::Missing("given.patient"))
    }

    /// The number by which the patient is asked for: the first of hers.
    ///
    /// # Errors
    /// [`SolutionError::Missing`].
    pub fn identifier(&self) -> Result<Identifier> {
        first_identifier(self.patient()?).ok_or(SolutionError::Missing("given.patient.identifier"))
    }

    /// The patient as she is after a change, when there was one.
    pub const fn changed(&self) -> Option<&Value> {
        self.changed.as_ref()
    }

    /// A number that nobody has, when the task is to look for it.
    pub const fn unknown(&self) -> Option<&Identifier> {
        self.unknown.as_ref()
    }

    /// # Errors
    /// [`SolutionError::Missing`].
    pub fn document(&self) -> Result<&Document> {
        self.document
            .as_ref()
            .ok_or(SolutionError::Missing("given.document"))
    }
}

/// The first identifier that has a system and a value.
pub(crate) fn first_identifier(patient: &Value) -> Option<Identifier> {
    let identifiers = patient.get("identifier")?.as_array()?;
    identifiers
        .iter()
        .find_map(|identifier| Identifier::deserialize(identifier).ok())
}

impl Document {
    /// The bytes, exactly as the hospital system has them.
    ///
    /// # Errors
    /// [`SolutionError::Missing`] when they are not base64.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        STANDARD
            .decode(&self.data)
            .map_err(|_| SolutionError::Missing("given.document.data"))
    }
}
