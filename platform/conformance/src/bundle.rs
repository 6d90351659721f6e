//! Everything of a finished sitting, so that anybody with the same suite comes to the same result.
//!
//! Its JSON text ([`Bundle::text`]) is what is hashed, kept and signed. Whether a signature counts is decided elsewhere.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exchange::Exchange;
use crate::judge::{Finding, judge};
use crate::suite::{Profile, Requirement, Suite, SuiteError, Text, Verified};

/// A finished sitting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bundle {
    /// Scope of the profile.
    pub profile: String,
    pub profile_version: String,
    /// [`Profile::sha256`].
    pub profile_sha256: String,
    pub title: Text,
    /// `<vendor namespace>/<Solution name>`.
    pub solution: String,
    /// Of the solution.
    pub version: String,
    /// `<vendor namespace>/<SolutionCredential name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    pub mode: Mode,
    /// Where the random choices of the sitting come from.
    pub seed: u64,
    /// The tests that were sat.
    pub tests: Vec<Sat>,
    /// Titles of the profile's tests, by id.
    pub titles: BTreeMap<String, Text>,
    /// All requirements of the profile, in its order.
    pub requirements: Vec<Outcome>,
}

/// Why a sitting is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The vendor's own: shows, does not count.
    #[default]
    Sandbox,
    /// The server's own, of a submitted version.
    Rehearsal,
    /// By a laboratory, with a random subset.
    Supervised,
    /// After the homologation.
    Surveillance,
}

impl Mode {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Rehearsal => "rehearsal",
            Self::Supervised => "supervised",
            Self::Surveillance => "surveillance",
        }
    }
}

/// A test that was sat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sat {
    /// `<profile>/<name>`.
    pub test: String,
    pub began: Timestamp,
    /// The JSON that the software got.
    pub given: Value,
    pub exchanges: Vec<Exchange>,
    /// What [`judge`] said.
    pub findings: Vec<Finding>,
}

/// What became of a requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outcome {
    /// Number of the requirement.
    pub id: String,
    pub text: Text,
    pub source: String,
    pub verified: Verified,
    /// Whether every verdict on it that was judged is met; absent: not tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub met: Option<bool>,
    /// Why it was not tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_tested: Option<Text>,
}

/// How a bundle differs from what the suite here makes of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    #[error("the suite here cannot be used")]
    Suite(#[from] SuiteError),
    #[error("the suite here has no profile `{0}`: replay with the release the bundle was made with")]
    UnknownProfile(String),
    #[error(
        "the bundle was judged by profile {bundle}, the suite here is {here}: replay with the release it was made with"
    )]
    OtherProfile { bundle: String, here: String },
    #[error("the profile has no test `{0}`")]
    UnknownTest(String),
    #[error("`{0}` is in the bundle twice")]
    TestTwice(String),
    #[error("`{test}` has {bundle} findings in the bundle and {here} here")]
    Findings {
        test: String,
        bundle: usize,
        here: usize,
    },
    #[error("the finding of `{test}` on {requirement} is another here")]
    Finding { test: String, requirement: String },
    #[error("the outcomes of the requirements are others here")]
    Outcomes,
    #[error("title, version or other words about the profile are not its own")]
    Described,
}

impl Bundle {
    /// What comes of the tests that were sat; mode `sandbox`, see [`Bundle::held`].
    pub fn new(profile: &Profile, solution: &str, version: &str, seed: u64, sat: Vec<Sat>) -> Self {
        Self {
            profile: profile.scope.clone(),
            profile_version: profile.version.clone(),
            profile_sha256: profile.sha256().to_owned(),
            title: profile.title.clone(),
            solution: solution.to_owned(),
            version: version.to_owned(),
            credential: None,
            mode: Mode::default(),
            seed,
            titles: titles(profile),
            requirements: outcomes(profile, &sat),
            tests: sat,
        }
    }

    /// The same, held with this credential in this mode.
    #[must_use]
    pub fn held(self, credential: &str, mode: Mode) -> Self {
        Self {
            credential: Some(credential.to_owned()),
            mode,
            ..self
        }
    }

    /// Its JSON, as it is hashed and kept.
    pub fn text(&self) -> String {
        // INVARIANT: every key in it is a text, so that it is always JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads [`Bundle::text`].
    ///
    /// # Errors
    /// When it is no bundle.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// SHA-256 of [`Bundle::text`], hex.
    pub fn sha256(&self) -> String {
        hex::encode(digest(&SHA256, self.text().as_bytes()))
    }

    /// Whether something was tested and everything tested is met.
    pub fn passed(&self) -> bool {
        let mut tested = self
            .requirements
            .iter()
            .filter_map(|outcome| outcome.met)
            .peekable();
        tested.peek().is_some() && tested.all(|met| met)
    }

    /// Judges everything again with the suite that was compiled in.
    ///
    /// # Errors
    /// The first difference.
    pub fn replay(&self) -> Result<(), Difference> {
        self.replay_with(&Suite::embedded()?)
    }

    /// Judges everything again.
    ///
    /// # Errors
    /// The first difference.
    pub fn replay_with(&self, suite: &Suite) -> Result<(), Difference> {
        let profile = suite
            .profile(&self.profile)
            .ok_or_else(|| Difference::UnknownProfile(self.profile.clone()))?;
        if profile.sha256() != self.profile_sha256 {
            return Err(Difference::OtherProfile {
                bundle: self.profile_sha256.clone(),
                here: profile.sha256().to_owned(),
            });
        }
        for (at, sat) in self.tests.iter().enumerate() {
            if self.tests.iter().take(at).any(|other| other.test == sat.test) {
                return Err(Difference::TestTwice(sat.test.clone()));
            }
            replay(profile, sat)?;
        }
        let described = (&self.profile_version, &self.title, &self.titles);
        if described != (&profile.version, &profile.title, &titles(profile)) {
            return Err(Difference::Described);
        }
        if self.requirements != outcomes(profile, &self.tests) {
            return Err(Difference::Outcomes);
        }
        Ok(())
    }
}

fn replay(profile: &Profile, sat: &Sat) -> Result<(), Difference> {
    let test = profile
        .test(&sat.test)
        .ok_or_else(|| Difference::UnknownTest(sat.test.clone()))?;
    let findings = judge(test, &sat.given, &sat.exchanges);
    if findings.len() != sat.findings.len() {
        return Err(Difference::Findings {
            test: sat.test.clone(),
            bundle: sat.findings.len(),
            here: findings.len(),
        });
    }
    match findings
        .iter()
        .zip(&sat.findings)
        .find(|(here, there)| here != there)
    {
        Some((here, _)) => Err(Difference::Finding {
            test: sat.test.clone(),
            requirement: here.requirement.clone(),
        }),
        None => Ok(()),
    }
}

fn titles(profile: &Profile) -> BTreeMap<String, Text> {
    profile
        .tests
        .iter()
        .map(|test| (test.id.clone(), test.title.clone()))
        .collect()
}

fn outcomes(profile: &Profile, sat: &[Sat]) -> Vec<Outcome> {
    profile
        .requirements
        .iter()
        .map(|requirement| {
            let verdicts = sat
                .iter()
                .flat_map(|sat| &sat.findings)
                .filter(|finding| finding.requirement == requirement.id);
            let met = verdicts.map(|finding| finding.met).reduce(|all, met| all && met);
            Outcome {
                id: requirement.id.clone(),
                text: requirement.text.clone(),
                source: requirement.source.clone(),
                verified: requirement.verified,
                met,
                not_tested: met.is_none().then(|| not_tested(profile, requirement)),
            }
        })
        .collect()
}

fn not_tested(profile: &Profile, requirement: &Requirement) -> Text {
    match requirement.verified {
        Verified::Automatic => {
            let names = |language: fn(&Text) -> &String| {
                let titles = profile
                    .tests_of(&requirement.id)
                    .map(|test| language(&test.title));
                titles.map(String::as_str).collect::<Vec<_>>().join(" », « ")
            };
            Text {
                fr: format!("essai non passé : « {} »", names(|title| &title.fr)),
                en: format!("test not sat: « {} »", names(|title| &title.en)),
            }
        }
        Verified::Attested => Text {
            fr: "attestée par l’éditeur, sous sa signature".to_owned(),
            en: "attested by the vendor, under its signature".to_owned(),
        },
        Verified::Inspected => Text {
            fr: "inspectée par un laboratoire".to_owned(),
            en: "inspected by a laboratory".to_owned(),
        },
        Verified::NotYet => requirement.reason.clone().unwrap_or_else(|| Text {
            fr: "pas encore vérifiable".to_owned(),
            en: "not verifiable yet".to_owned(),
        }),
    }
}
