//! A profile of the conformance suite as the custom resource that homologations name, and what a sitting says of its
//! requirements.

use dmp_api::conformance_profile::{ConformanceProfileSpec, Requirement, Verified};
use dmp_conformance::bundle::Bundle;
use dmp_conformance::suite;

use crate::statement::Outcome;

/// Name and specification of the `ConformanceProfile`.
pub fn of(profile: &suite::Profile) -> (String, ConformanceProfileSpec) {
    let name = format!("{}-{}", profile.scope, profile.version.replace('.', "-"));
    let requirements = profile.requirements.iter().map(|requirement| Requirement {
        id: requirement.id.clone(),
        text: requirement.text.fr.clone(),
        verified: match requirement.verified {
            suite::Verified::Automatic => Verified::Automatic,
            suite::Verified::Attested => Verified::Attested,
            suite::Verified::Inspected => Verified::Inspected,
            suite::Verified::NotYet => Verified::NotYet,
        },
    });
    let spec = ConformanceProfileSpec {
        scope: profile.scope.clone(),
        version: profile.version.clone(),
        title: profile.title.fr.clone(),
        requirements: requirements.collect(),
    };
    (name, spec)
}

/// What became of each requirement.
pub fn outcomes(bundle: &Bundle) -> Vec<Outcome> {
    let outcomes = bundle.requirements.iter().map(|outcome| Outcome {
        id: outcome.id.clone(),
        met: outcome.met,
        not_tested: outcome.not_tested.as_ref().map(|reason| reason.fr.clone()),
    });
    outcomes.collect()
}
