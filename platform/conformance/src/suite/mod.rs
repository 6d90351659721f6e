//! Profiles, their requirements and tests: the form of `tests/conformance/<profile>/*.yaml`.
//!
//! To add a test: a file beside the others (its rules: [`crate::judge`]); to add a profile: a folder with `profile.yaml`.
//! What is not understood, not verified or there twice is an error of [`Suite::load`], with file and field.

mod check;
mod load;
mod rule;

use serde::{Deserialize, Serialize};

pub use load::{Problem, SuiteError};
pub use rule::Rule;

/// All profiles, by scope.
#[derive(Clone, Debug)]
pub struct Suite {
    profiles: Vec<Profile>,
}

impl Suite {
    /// The suite that was compiled in.
    ///
    /// # Errors
    /// Every problem of its files.
    pub fn embedded() -> Result<Self, SuiteError> {
        Self::load(load::embedded())
    }

    /// Reads `(<profile>/<file>.yaml, text)`, in any order.
    ///
    /// # Errors
    /// Every problem of the files.
    pub fn load<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, SuiteError> {
        load::load(files).map(|profiles| Self { profiles })
    }

    /// By scope, in alphabetical order.
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// The profile of a scope.
    pub fn profile(&self, scope: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.scope == scope)
    }

    /// A test by its id, `<profile>/<name>`.
    pub fn test(&self, id: &str) -> Option<&Test> {
        let (scope, _) = id.split_once('/')?;
        self.profile(scope)?.test(id)
    }
}

/// What opens one scope.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Name of its folder.
    pub scope: String,
    pub version: String,
    pub title: Text,
    /// IHE's name of the actor that the software is.
    pub actor: String,
    pub requirements: Vec<Requirement>,
    /// By id; `nominal` is first.
    pub tests: Vec<Test>,
    pub(crate) sha256: String,
}

impl Profile {
    /// SHA-256 of the profile and its tests, names and bytes, hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// A test by its id, `<profile>/<name>`.
    pub fn test(&self, id: &str) -> Option<&Test> {
        self.tests.iter().find(|test| test.id == id)
    }

    /// A requirement by its number.
    pub fn requirement(&self, id: &str) -> Option<&Requirement> {
        self.requirements.iter().find(|requirement| requirement.id == id)
    }

    /// The tests with a verdict on a requirement.
    pub fn tests_of(&self, requirement: &str) -> impl Iterator<Item = &Test> {
        self.tests.iter().filter(move |test| {
            test.verdicts
                .iter()
                .any(|verdict| verdict.requirement == requirement)
        })
    }
}

/// A text for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Text {
    pub fr: String,
    pub en: String,
}

/// One numbered requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Requirement {
    /// `DF-03`.
    pub id: String,
    pub text: Text,
    /// Where it comes from: profile, version, section.
    pub source: String,
    pub verified: Verified,
    /// Of [`Verified::NotYet`] alone: what is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
}

/// How a requirement is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verified {
    /// By a verdict of a test, at least one.
    Automatic,
    /// By the vendor's signed word.
    Attested,
    /// By a person of the laboratory.
    Inspected,
    /// Not so far: the part of the platform it needs does not exist.
    NotYet,
}

impl Verified {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Attested => "attested",
            Self::Inspected => "inspected",
            Self::NotYet => "not-yet",
        }
    }
}

/// One test of a profile.
#[derive(Clone, Debug)]
pub struct Test {
    /// `<profile>/<name>`.
    pub id: String,
    pub title: Text,
    /// What the developer makes the software do.
    pub task: Text,
    pub action: Action,
    pub given: Given,
    pub faults: Vec<Fault>,
    pub verdicts: Vec<Verdict>,
}

impl Test {
    /// Its id without the profile: `nominal`.
    pub fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or(&self.id)
    }

    /// Whether it is the one where nothing goes wrong.
    pub fn is_nominal(&self) -> bool {
        self.name() == NOMINAL
    }
}

/// Name of the test that every profile has and every run sits.
pub const NOMINAL: &str = "nominal";

/// What the software does in a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Feeds a patient (ITI-104).
    Register,
    /// Searches a patient (ITI-78, ITI-119).
    Find,
    /// Publishes a document (ITI-65).
    Publish,
    /// Lists and retrieves documents (ITI-67, ITI-68).
    Read,
}

impl Action {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Find => "find",
            Self::Publish => "publish",
            Self::Read => "read",
        }
    }
}

/// What is prepared for a test, and is in the JSON that the software and the rules get.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Given {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientGiven>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<DocumentGiven>,
    /// The patient opposes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub opposed: bool,
    /// An identifier that the platform does not know.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unknown: bool,
    /// The same patient with another telecom and address.
    #[serde(default, skip_serializing_if = "is_false")]
    pub changed: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PatientGiven {
    /// On the platform before the test begins.
    Registered,
    /// Given to the software, not on the platform yet.
    Described,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentGiven {
    /// On the platform before the test begins.
    Published,
    /// Given to the software, not on the platform yet.
    Described,
}

/// Something that goes wrong on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// What exchanges and rules call it.
    pub id: String,
    /// Operation it is played on.
    pub on: String,
    /// First request of that operation it is played on, counted from 1 in the test.
    #[serde(default = "one")]
    pub nth: u32,
    /// On how many requests in a row.
    #[serde(default = "one")]
    pub times: u32,
    pub play: Play,
}

const fn one() -> u32 {
    1
}

/// What is played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Play {
    /// This answer instead of the platform.
    Answer(Answer),
    /// The platform does it, its answer is lost, this one comes instead.
    Lose(Answer),
    /// The platform's answer, one byte of its body changed.
    Corrupt,
}

/// An answer that the gateway renders in the shape of the operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Answer {
    pub status: u16,
    /// Code of the error.
    pub code: String,
    /// Header `Retry-After`, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

/// What a test says about a requirement.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Number of the requirement.
    pub requirement: String,
    pub rule: Rule,
    /// What to fix when it is not met.
    pub says: Text,
}
