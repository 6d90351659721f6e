//! What is tolerated for a while: one check of one control, on the platform as a whole or in namespaces that are named, asked for by
//! the role that answers for the control and approved by another person in another role. Pure.
//!
//! An exception makes nothing pass: what fails within it is `excepted`, says until when, and fails again by itself the day after.
//! Who may ask and approve is the API server's to say (policy `dmp-policy-exception`).

use jiff::civil::Date;

use crate::control::Control;
use crate::judge::{Finding, Judgement, Verdict};
use crate::load::Catalogue;

/// The control that says what an exception is.
pub const RULE: &str = "DMP-GOV-03";
/// Its parameter: the longest one, days.
const LONGEST: &str = "longestDays";

/// One exception as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    pub name: String,
    pub control: String,
    /// Name of the check.
    pub check: String,
    /// Where; empty: what is found of the platform as a whole.
    pub namespaces: Vec<String>,
    /// The role as which it was asked for.
    pub role: String,
    /// When it was asked for; `None` when that is not known.
    pub asked: Option<Date>,
    /// Its last day; `None` when it is no day.
    pub until: Option<Date>,
    /// The role as which it was approved.
    pub approved: Option<String>,
}

/// Why an exception counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Void {
    #[error("this release has no control `{0}`: `dmpctl compliance list`")]
    UnknownControl(String),
    #[error("the control has no check `{0}`: `dmpctl compliance explain` names them")]
    UnknownCheck(String),
    #[error("`{owner}` answers for the control and asks, not `{role}`")]
    WrongRole { owner: String, role: String },
    #[error("its last day is none (YYYY-MM-DD)")]
    UnreadableDate,
    #[error("it is for {0} days at most: ask for a shorter one")]
    TooLong(i64),
    #[error("nobody in another role has approved it (`dmpctl compliance approve`)")]
    NotApproved,
    #[error("it ended on {0}")]
    Expired(Date),
}

impl Void {
    /// Reason of a condition.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownControl(_) => "UnknownControl",
            Self::UnknownCheck(_) => "UnknownCheck",
            Self::WrongRole { .. } => "WrongRole",
            Self::UnreadableDate => "UnreadableDate",
            Self::TooLong(_) => "TooLong",
            Self::NotApproved => "NotApproved",
            Self::Expired(_) => "Expired",
        }
    }
}

impl Exception {
    /// Whether it counts on a day.
    ///
    /// # Errors
    /// Why not.
    pub fn in_force(&self, catalogue: &Catalogue, today: Date) -> Result<(), Void> {
        let control = catalogue.control(&self.control);
        let control = control.ok_or_else(|| Void::UnknownControl(self.control.clone()))?;
        if control.checks.iter().all(|check| check.name != self.check) {
            return Err(Void::UnknownCheck(self.check.clone()));
        }
        if control.owner() != self.role {
            return Err(Void::WrongRole {
                owner: control.owner().to_owned(),
                role: self.role.clone(),
            });
        }
        let (Some(asked), Some(until)) = (self.asked, self.until) else {
            return Err(Void::UnreadableDate);
        };
        let longest = longest(catalogue, asked);
        if days(asked, until) > longest {
            return Err(Void::TooLong(longest));
        }
        if self.approved.as_ref().is_none_or(|role| *role == self.role) {
            return Err(Void::NotApproved);
        }
        if today > until {
            return Err(Void::Expired(until));
        }
        Ok(())
    }

    fn covers(&self, control: &Control, finding: &Finding) -> bool {
        let named = |scope: &String| self.namespaces.contains(scope);
        let place = finding.scope.as_ref().map_or(self.namespaces.is_empty(), named);
        self.control == control.id && self.check == finding.about && place
    }
}

/// The longest exception that was possible on a day; none when the catalogue does not say.
fn longest(catalogue: &Catalogue, on: Date) -> i64 {
    let rule = catalogue.control(RULE);
    let mut parameters = rule.into_iter().flat_map(|rule| rule.parameters_on(on));
    let found = parameters.find(|parameter| parameter.name == LONGEST);
    found.and_then(|parameter| parameter.value.as_i64()).unwrap_or(0)
}

fn days(from: Date, to: Date) -> i64 {
    from.until(to).map_or(i64::MAX, |span| i64::from(span.get_days()))
}

/// The judgement with what `in_force` tolerates: what failed or is stale within an exception. What nobody knows, and what is not there, stays.
pub fn except(control: &Control, mut judgement: Judgement, in_force: &[&Exception]) -> Judgement {
    for finding in &mut judgement.findings {
        let exception = in_force.iter().find(|one| one.covers(control, finding));
        let Some((exception, until)) = exception.and_then(|one| Some((one, one.until?))) else {
            continue;
        };
        if matches!(finding.verdict, Verdict::Fail | Verdict::Stale) {
            finding.verdict = Verdict::Excepted;
            finding.until = Some(until);
            let because = std::mem::take(&mut finding.because);
            finding.because = format!("tolerated until {until} by {}: {because}", exception.name);
        }
    }
    let worst = judgement.findings.iter().map(|finding| finding.verdict).max();
    judgement.verdict = worst.unwrap_or(judgement.verdict);
    judgement
}
