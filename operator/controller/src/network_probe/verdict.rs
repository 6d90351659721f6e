//! What a report proves. Pure.

use dmp_client::probe::{Expected, Outcome, Report};

/// What one namespace's probe, or all of them, came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What is denied failed, what is allowed passed.
    Enforced,
    /// A forbidden connection passed; which.
    NotEnforced(String),
    /// The probe proved nothing; why.
    Unknown(String),
}

impl Verdict {
    /// From a pod's termination message.
    pub fn of_message(message: &str) -> Self {
        match serde_json::from_str::<Report>(message) {
            Ok(report) => Self::of_report(&report),
            Err(_) => Self::Unknown("the probe ended without a report".to_owned()),
        }
    }

    /// A forbidden connection that passed is proof by itself; that others failed is proof only beside one that passed.
    pub fn of_report(report: &Report) -> Self {
        let names = |expected, holds: fn(Outcome) -> bool| {
            let of = report.flows.iter().filter(move |flow| flow.expected == expected);
            let chosen = of.filter(move |flow| holds(flow.outcome));
            chosen
                .map(|flow| flow.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let passed = names(Expected::Deny, |outcome| outcome == Outcome::Connected);
        if !passed.is_empty() {
            return Self::NotEnforced(format!("a pod connected where no policy allows it to: {passed}"));
        }
        let broken = names(Expected::Allow, |outcome| outcome != Outcome::Connected);
        if !broken.is_empty() {
            return Self::Unknown(format!(
                "what is allowed did not pass either, so that nothing is proved: {broken}"
            ));
        }
        let proves = |expected| report.flows.iter().any(|flow| flow.expected == expected);
        if proves(Expected::Allow) && proves(Expected::Deny) {
            Self::Enforced
        } else {
            Self::Unknown("the probe tried nothing".to_owned())
        }
    }
}
