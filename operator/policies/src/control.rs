//! A control: statement, mappings, dated parameters, what is done about it, checks, evidence, remedy, and its own worlds.

use std::collections::BTreeMap;
use std::fmt;

use jiff::SignedDuration;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::expression::Expression;

/// What the catalogue claims to be, wherever it is shown.
pub const CLAIM: &str = "HDS-equivalent controls, territory MA: neither certification nor attestation.";

/// One requirement of the catalogue.
#[derive(Clone, Debug)]
pub struct Control {
    /// `DMP-XXX-NN`, never used again for another one.
    pub id: String,
    pub title: Title,
    /// What must be true.
    pub statement: Text,
    /// Why, here: what the platform does and where it ends.
    pub rationale: String,
    pub severity: Severity,
    /// Whose law it is about.
    pub territory: Territory,
    /// Identifiers of each framework, by its key.
    pub mappings: BTreeMap<String, Vec<String>>,
    pub parameters: Vec<Parameter>,
    pub enforcement: Vec<Enforcement>,
    pub implementation: Implementation,
    pub checks: Vec<Check>,
    pub evidence: EvidenceRule,
    /// Commands to type, with comments.
    pub remediation: String,
    pub tests: Vec<Case>,
}

impl Control {
    /// `XXX` of the id.
    pub fn family(&self) -> &str {
        self.id.split('-').nth(1).unwrap_or_default()
    }

    /// The values of the parameters on that day, one for each name that has one.
    pub fn parameters_on(&self, day: Date) -> Vec<&Parameter> {
        let mut found = BTreeMap::<&str, &Parameter>::new();
        for parameter in self.parameters.iter().filter(|one| one.holds_on(day)) {
            let later = found
                .get(parameter.name.as_str())
                .is_none_or(|other| other.since < parameter.since);
            if later {
                found.insert(&parameter.name, parameter);
            }
        }
        let mut found: Vec<_> = found.into_values().collect();
        // As they are written.
        found.sort_by_key(|parameter| {
            self.parameters
                .iter()
                .position(|one| std::ptr::eq(one, *parameter))
        });
        found
    }

    /// The whole number that a parameter is on that day; before its first day, that of its first day.
    pub fn number_on(&self, name: &str, day: Date) -> Option<i64> {
        let named = self.parameters.iter().filter(|one| one.name == name);
        let first = named.min_by_key(|one| one.since)?;
        let held = self.parameters_on(day);
        let held = held.into_iter().find(|one| one.name == name);
        held.unwrap_or(first).value.as_i64()
    }

    /// How long a piece of its evidence counts.
    pub fn time_to_live(&self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.evidence.ttl_days))
    }

    /// The role that answers for it, and brings what people have to bring.
    pub fn owner(&self) -> &str {
        self.implementation.owner.as_deref().unwrap_or(SECURITY)
    }

    /// The checks whose inputs nobody collects on a running platform: people bring them.
    pub fn brought(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.observed)
    }

    /// The tests that prove it, as `<path>::<function>`.
    pub fn proofs(&self) -> impl Iterator<Item = &str> {
        self.implementation.by.iter().filter_map(|by| match by {
            By::Test(name) => Some(name.as_str()),
            By::Policy(_) | By::Code(_) | By::Alert(_) => None,
        })
    }
}

/// Answers for every control that names nobody else.
const SECURITY: &str = "dmp-security";

/// Roles that can answer for a control (`manifests/operator/roles.yaml`).
pub const OWNERS: [&str; 2] = ["dmp-host", SECURITY];

/// A title in the languages of the country's institutions and in English.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    pub fr: String,
    pub ar: String,
    pub en: String,
}

/// A sentence in French and in English.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    pub fr: String,
    pub en: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Medium,
    High,
    Critical,
}

impl Severity {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Territory of the catalogue: Morocco.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Territory {
    MA,
}

/// A threshold, and from when to when it holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameter {
    pub name: String,
    /// A whole number, a text, or a short list of these.
    pub value: Value,
    pub unit: String,
    /// First day.
    pub since: Date,
    /// Last day; absent: until a later value begins.
    #[serde(default)]
    pub until: Option<Date>,
    /// Absent: no platform has another value.
    #[serde(default)]
    pub stricter: Option<Stricter>,
    /// On a platform with a stricter value of its own ([`crate::profile`]): what it is instead of.
    #[serde(skip)]
    pub instead_of: Option<Catalogued>,
}

/// The catalogue's own value where a platform has a stricter one.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalogued {
    pub value: Value,
    pub since: Date,
    /// Why the platform has another one.
    pub reason: String,
}

/// Which of two values is the stricter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stricter {
    /// Of two numbers.
    Lower,
    Higher,
    /// Of two lists of texts: the one that has every item of the other.
    More,
    Fewer,
}

impl Parameter {
    fn holds_on(&self, day: Date) -> bool {
        self.since <= day && self.until.is_none_or(|last| day <= last)
    }
}

/// Where a control is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enforcement {
    /// On the object that is written.
    Admission,
    /// By the operator: other objects, real placement, age, stores.
    Operator,
    /// By a service, on each request.
    Runtime,
    /// By a document of people.
    Evidence,
}

impl Enforcement {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admission => "admission",
            Self::Operator => "operator",
            Self::Runtime => "runtime",
            Self::Evidence => "evidence",
        }
    }
}

/// What is done about a control today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Every clause of the statement is enforced, and a test of this repository proves it.
    Enforced,
    /// Nothing keeps it from being violated; a violation is found.
    Checked,
    /// People bring a document.
    Evidence,
    /// A clause of the statement at least is watched by nothing: it counts as failing.
    NotYet,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Enforced, Self::Checked, Self::Evidence, Self::NotYet];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::Checked => "checked",
            Self::Evidence => "evidence",
            Self::NotYet => "not-yet",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// State of a control, with what it rests on.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Implementation {
    pub state: State,
    /// `evidence`: the document that is asked for.
    #[serde(default)]
    pub form: Option<String>,
    /// The role that answers for it, one of [`OWNERS`]; absent: `dmp-security`.
    #[serde(default)]
    pub owner: Option<String>,
    /// What does it, or the part of it that is done; exists in this repository.
    #[serde(default)]
    pub by: Vec<By>,
    /// `not-yet`: the part of the platform that is not there.
    #[serde(default)]
    pub missing: Option<String>,
    /// What it does not cover.
    #[serde(default)]
    pub limits: Option<String>,
}

/// Something in this repository that enforces, checks or proves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Name of a ValidatingAdmissionPolicy.
    Policy(String),
    /// Path of a source or manifest.
    Code(String),
    /// `<path>::<function>`.
    Test(String),
    /// Name of an alert, which has a runbook.
    Alert(String),
}

impl By {
    /// What it is called, and of which kind it is.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Policy(name) => ("policy", name),
            Self::Code(path) => ("code", path),
            Self::Test(name) => ("test", name),
            Self::Alert(name) => ("alert", name),
        }
    }
}

/// A question over inputs with the answer yes or no.
#[derive(Clone, Debug)]
pub struct Check {
    pub name: String,
    /// What is true when it passes.
    pub asks: String,
    /// Whether the evaluator collects its inputs on a running platform.
    pub observed: bool,
    /// Each input by its name, and what it is.
    pub inputs: BTreeMap<String, String>,
    pub rule: Rule,
}

#[derive(Clone, Debug)]
pub enum Rule {
    /// CEL over the inputs and `params`.
    Cel(Expression),
    Builtin(Builtin),
}

/// A rule that CEL cannot say, because it is about the control itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Builtin {
    /// Input `results`: `{test, passed}` of a release; every test that the control names is among them and passed.
    TestsPassed,
}

impl Builtin {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TestsPassed => "tests-passed",
        }
    }

    /// Its inputs, with what they are.
    pub fn inputs(self) -> BTreeMap<String, String> {
        match self {
            Self::TestsPassed => BTreeMap::from([(
                "results".to_owned(),
                "results of the release's tests: test (path::function), passed".to_owned(),
            )]),
        }
    }
}

/// How it is seen, and how long that counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EvidenceRule {
    pub how: String,
    pub ttl_days: u32,
}

/// A world, and what a check must say of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    pub check: String,
    pub name: String,
    pub verdict: Expected,
    pub inputs: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    Pass,
    Fail,
    /// The world cannot be judged.
    Error,
}
