//! The rules of a programme, and whether they are in force.

use std::collections::BTreeSet;

use dmp_api::body::Role;
use dmp_api::{HomologationProgramme, HomologationProgrammeSpec};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use kube::ResourceExt;

use crate::bodies::Bodies;
use crate::dossier::{Dossier, arrived};
use crate::quorum::DECIDING;
use crate::standing::{EvidenceRule, Rules};
use crate::statement::ProgrammeApproval;
use crate::{canonical, signed};

impl Dossier {
    /// Why a programme's rules do not hold for a submission.
    pub(crate) fn out_of_force(
        &self,
        programme: &HomologationProgramme,
        submitted_at: Timestamp,
    ) -> Option<String> {
        let name = programme.name_any();
        let approved = self
            .bodies
            .as_ref()
            .map_or_else(|_| Err(DECIDING.to_vec()), |bodies| approved(programme, bodies));
        if let Err(lacking) = approved {
            let roles = lacking
                .iter()
                .map(|role| role.as_str())
                .collect::<Vec<_>>()
                .join(" and ");
            return Some(format!(
                "HomologationProgramme `{name}` is not signed by the {roles} entity"
            ));
        }
        let day = submitted_at.to_zoned(TimeZone::UTC).date();
        let within =
            [&programme.spec.valid_from, &programme.spec.valid_until].map(|text| text.parse::<Date>());
        match within {
            [Ok(from), Ok(until)] if from <= day && day <= until => None,
            _ => Some(format!(
                "HomologationProgramme `{name}` takes submissions from {} to {}",
                programme.spec.valid_from, programme.spec.valid_until
            )),
        }
    }
}

/// SHA-256 of a programme without its signatures, hex: what the bodies sign.
pub fn programme_sha256(spec: &HomologationProgrammeSpec) -> String {
    canonical::sha256(&HomologationProgrammeSpec {
        signatures: Vec::new(),
        ..spec.clone()
    })
}

pub(crate) fn rules(spec: &HomologationProgrammeSpec) -> Rules {
    let evidence = spec.evidence.iter().map(|rule| EvidenceRule {
        kind: rule.kind,
        max_age_days: rule.max_age_days.into(),
        scopes: rule.scopes.iter().cloned().collect(),
    });
    Rules {
        max_days: spec.max_days.into(),
        domains: spec
            .domains
            .iter()
            .map(|rule| (rule.domain, rule.days.into()))
            .collect(),
        evidence: evidence.collect(),
    }
}

/// Whether both deciding bodies signed a programme, by two people.
///
/// # Errors
/// Who has not.
pub fn approved(programme: &HomologationProgramme, bodies: &Bodies) -> Result<(), Vec<Role>> {
    let sha256 = programme_sha256(&programme.spec);
    let about = |approval: &ProgrammeApproval| {
        approval.programme == programme.name_any() && approval.programme_sha256 == sha256
    };
    let verified = programme.spec.signatures.iter().filter_map(|text| {
        signed::verify::<ProgrammeApproval>(text, bodies, arrived(&programme.metadata)).ok()
    });
    let (mut roles, mut people) = (BTreeSet::new(), BTreeSet::new());
    for approval in verified.filter(|approval| about(&approval.statement)) {
        if people.insert(approval.signer.person) && people.insert(approval.signer.key_sha256) {
            roles.insert(approval.signer.role);
        }
    }
    let lacking: Vec<Role> = DECIDING
        .into_iter()
        .filter(|role| !roles.contains(role))
        .collect();
    if lacking.is_empty() { Ok(()) } else { Err(lacking) }
}
