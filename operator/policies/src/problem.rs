//! What is wrong in the files of the catalogue, all at once, each with its name.

use std::fmt;

/// Names of what can be wrong: stable, for tests and for people who search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// No YAML, a field that is missing or unknown, a value of another kind.
    Unreadable,
    /// A file that is neither a control nor a framework, or has another name than its content.
    FileName,
    DuplicateId,
    /// Empty or too long.
    Text,
    UnknownFramework,
    /// An identifier that the framework's file does not list.
    UnknownIdentifier,
    /// Control and framework do not both name the link.
    OneSidedMapping,
    /// A control that serves no text at all.
    NoMapping,
    /// Two values for the same days, two units or two directions of one parameter.
    ParameterContradiction,
    /// A period that reaches into the next one's.
    ParameterOverlap,
    /// A period that ends before it begins.
    ParameterPeriod,
    /// Neither whole number nor text nor a short list of these.
    ParameterValue,
    /// A direction that does not fit the value.
    ParameterDirection,
    /// What the state must say (proof, form and owner, what is missing), or must not.
    State,
    /// `enforced` or `checked` without a check.
    NoCheck,
    /// Neither or both of `cel` and `builtin`.
    Check,
    /// A check without a compliant or without a violating world.
    NoTest,
    /// A world of a check that does not exist.
    TestOfNothing,
    /// A world that does not come to what it says.
    TestDisagrees,
    CelUnparsable,
    CelOverBudget,
    /// A name, parameter or function that a check does not have.
    CelUnknownName,
    /// An input that no expression looks at.
    InputUnused,
    /// Evidence that lives for no time or for years.
    TimeToLive,
}

impl Wrong {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::FileName => "file-name",
            Self::DuplicateId => "duplicate-id",
            Self::Text => "text",
            Self::UnknownFramework => "unknown-framework",
            Self::UnknownIdentifier => "unknown-identifier",
            Self::OneSidedMapping => "one-sided-mapping",
            Self::NoMapping => "no-mapping",
            Self::ParameterContradiction => "parameter-contradiction",
            Self::ParameterOverlap => "parameter-overlap",
            Self::ParameterPeriod => "parameter-period",
            Self::ParameterValue => "parameter-value",
            Self::ParameterDirection => "parameter-direction",
            Self::State => "state",
            Self::NoCheck => "no-check",
            Self::Check => "check",
            Self::NoTest => "no-test",
            Self::TestOfNothing => "test-of-nothing",
            Self::TestDisagrees => "test-disagrees",
            Self::CelUnparsable => "cel-unparsable",
            Self::CelOverBudget => "cel-over-budget",
            Self::CelUnknownName => "cel-unknown-name",
            Self::InputUnused => "input-unused",
            Self::TimeToLive => "time-to-live",
        }
    }
}

/// Something that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `controls/DMP-XXX-NN.yaml`, `frameworks/<key>.yaml`.
    pub file: String,
    /// Path of the field in it; empty when it is the file itself.
    pub field: String,
    pub wrong: Wrong,
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            field,
            wrong,
            what,
        } = self;
        let name = wrong.as_str();
        if field.is_empty() {
            write!(f, "{file}: {what} ({name})")
        } else {
            write!(f, "{file}: {field}: {what} ({name})")
        }
    }
}

/// Why the catalogue cannot be used: correct the files that are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("files of the catalogue of controls are to be corrected")?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for CatalogueError {}

/// What is wrong so far.
#[derive(Default)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    pub(crate) fn add(
        &mut self,
        file: &str,
        field: impl Into<String>,
        wrong: Wrong,
        what: impl Into<String>,
    ) {
        self.0.push(Problem {
            file: file.to_owned(),
            field: field.into(),
            wrong,
            what: what.into(),
        });
    }
}
