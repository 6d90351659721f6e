//! Whether a revocation is lifted: interop and security entity, each by its own signature over this very revocation. Pure.
//!
//! One way out and no other: a revocation cannot be changed or deleted. What cannot be read, verified or attributed lifts
//! nothing; nor does anything when it is not known whose product it is, for then nobody can tell who signs about their own. A body
//! that changes its mind revokes again.

use dmp_api::body::{Organisation, Role};
use dmp_api::{RevocationLift, SolutionRevocation, SolutionRevocationSpec};
use kube::ResourceExt;

use crate::canonical;
use crate::dossier::arrived;
use crate::quorum::{self, DECIDING};
use crate::signed::{Read, Refused, Signer};
use crate::statement::Lift;

/// What the lifts of one revocation come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// By name, in the order of arrival: who signed it, or why it does not count.
    pub lifts: Vec<(String, Result<Signer, Refused>)>,
    /// Deciding bodies that have not lifted it.
    pub lacking: Vec<Role>,
}

impl Verdict {
    pub const fn is_lifted(&self) -> bool {
        self.lacking.is_empty()
    }
}

/// SHA-256 of a revocation's specification, hex: what the bodies sign.
pub fn revocation_sha256(spec: &SolutionRevocationSpec) -> String {
    canonical::sha256(spec)
}

/// Whether a signed lift is about this revocation.
fn is_about(lift: &Lift, revocation: &SolutionRevocation) -> bool {
    lift.revocation == revocation.name_any()
        && revocation.uid().is_some_and(|uid| uid == lift.uid)
        && lift.revocation_sha256 == revocation_sha256(&revocation.spec)
}

/// The verdict about a revocation. `lifts`: all there are, or more than its own. `subjects`: whose products it closes.
pub fn judge<'a>(
    revocation: &SolutionRevocation,
    lifts: impl Iterator<Item = (&'a RevocationLift, Read<Lift>)>,
    subjects: &[Organisation],
) -> Verdict {
    let name = revocation.name_any();
    let mut own: Vec<_> = lifts
        .filter(|(lift, _)| lift.spec.revocation == name)
        .map(|(lift, read)| {
            (
                arrived(&lift.metadata),
                lift.name_any(),
                signer(revocation, read, subjects),
            )
        })
        .collect();
    own.sort_by(|(at, name, _), (other_at, other, _)| (at, name).cmp(&(other_at, other)));
    let good: Vec<Signer> = own.iter().filter_map(|(_, _, read)| read.clone().ok()).collect();
    let mut counts = quorum::together(&good.iter().collect::<Vec<_>>(), subjects).into_iter();
    let mut lacking = DECIDING.to_vec();
    let mut verdicts = Vec::new();
    for (_, name, read) in own {
        let counted = read.and_then(|signer| match counts.next() {
            Some(Ok(())) => Ok(signer),
            Some(Err(refusal)) => Err(refusal.into()),
            None => Err(Refused::new("Unreadable", "it cannot be read")),
        });
        if let Ok(signer) = &counted {
            lacking.retain(|role| *role != signer.role);
        }
        verdicts.push((name, counted));
    }
    Verdict {
        lifts: verdicts,
        lacking,
    }
}

/// Who signed a lift of this very revocation.
fn signer(
    revocation: &SolutionRevocation,
    read: Read<Lift>,
    subjects: &[Organisation],
) -> Result<Signer, Refused> {
    let signed = read?;
    if !is_about(&signed.statement, revocation) {
        let text = "it is about another revocation, or one with another text: sign this one";
        return Err(Refused::new("OtherRevocation", text));
    }
    if subjects.is_empty() {
        let text = "it is not known whose product it is: set spec.organisation of its Solution";
        return Err(Refused::new("SubjectUnknown", text));
    }
    Ok(signed.signer)
}
