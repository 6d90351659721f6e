//! How a platform stands as OSCAL 1.2.2 (NIST), for the tools of auditors: catalogue, profiles, component definition, mappings,
//! system security plan, assessment plan and results, plan of action. The documents name each other by their files.
//!
//! The same catalogue, report and system give the same bytes: identifiers are UUIDv5 of names, the time is that of the posture.
//! Nothing is `satisfied` but what passes; what is not there yet is `planned`. HDS-equivalent controls, territory MA: no document
//! claims a certification. Of norms only identifiers and our own headings are written, never their text.
//!
//! To add a document: its file here, its line in [`documents`], its schema in `schemas/`. [`kept`]: the documents of a day as one text.
//!
//! Not here: reading the cluster, the signature, files on a disk (`dmpctl`), objects in the API (`dmp-evaluator`).

mod catalog;
mod component;
mod ids;
pub mod kept;
mod mapping;
mod metadata;
mod plan;
mod poam;
mod profile;
mod results;
mod ssp;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::framework::Framework;
use crate::load::Catalogue;
use crate::posture::{Standing, changed_at};

/// The version of OSCAL of all documents.
pub const VERSION: &str = "1.2.2";

/// The platform that the documents are about.
#[derive(Clone, Copy, Debug)]
pub struct System<'a> {
    /// Name of its `Platform`.
    pub name: &'a str,
    /// `metadata.uid` of its `Platform`: no two platforms share an identifier.
    pub uid: &'a str,
}

/// A document as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Document {
    /// Name of its file, by which the others name it.
    pub file: String,
    /// JSON, with a line feed at the end.
    pub text: String,
}

/// All documents. When every control passes there is no plan of action: OSCAL has no empty one.
///
/// # Errors
/// When JSON cannot be written.
pub fn documents(
    catalogue: &Catalogue,
    standings: &[Standing<'_>],
    system: System<'_>,
    now: Timestamp,
) -> Result<Vec<Document>, serde_json::Error> {
    let source = Source {
        catalogue,
        standings,
        system,
        at: changed_at(standings, now),
    };
    let mut documents = vec![(ids::CATALOG.to_owned(), catalog::document(&source))];
    documents.push((ids::PROFILE.to_owned(), profile::whole(&source)));
    documents.extend(
        source
            .frameworks()
            .map(|framework| (ids::profile(framework), profile::of(&source, framework))),
    );
    documents.push((ids::COMPONENTS.to_owned(), component::document(&source)));
    documents.push((ids::MAPPINGS.to_owned(), mapping::document(&source)));
    documents.push((ids::SSP.to_owned(), ssp::document(&source)));
    documents.push((ids::PLAN.to_owned(), plan::document(&source)));
    documents.push((ids::RESULTS.to_owned(), results::document(&source)));
    documents.extend(poam::document(&source).map(|document| (ids::POAM.to_owned(), document)));
    let written = documents.into_iter().map(|(file, document)| {
        let text = serde_json::to_string_pretty(&without_nothing(document))? + "\n";
        Ok(Document { file, text })
    });
    written.collect()
}

/// What all documents are made of.
struct Source<'a> {
    catalogue: &'a Catalogue,
    standings: &'a [Standing<'a>],
    system: System<'a>,
    /// The time of the posture.
    at: Timestamp,
}

impl Source<'_> {
    /// UUID of a thing of this platform.
    fn uuid(&self, name: &str) -> String {
        ids::uuid(self.system.uid, name)
    }

    /// UUID of a document: each state of it is another one.
    fn document(&self, file: &str) -> String {
        self.uuid(&format!("document/{file}/{}/{}", metadata::RELEASE, self.at))
    }

    /// The frameworks that a control serves.
    fn frameworks(&self) -> impl Iterator<Item = &Framework> {
        let frameworks = self.catalogue.frameworks().iter();
        frameworks.filter(|one| one.identifiers.iter().any(|it| !it.controls.is_empty()))
    }
}

/// Without fields that have no value and lists that have nothing in them: OSCAL has neither.
fn without_nothing(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, without_nothing(value)));
            let nothing = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            fields.filter(|(_, value)| !nothing(value)).collect()
        }
        Value::Array(items) => items.into_iter().map(without_nothing).collect(),
        other => other,
    }
}
