//! Reads what decides whether revocations are lifted: lifts, bodies, and whose products they close. One home for the
//! controllers; the facts stream has the same from its own watches (`facts::index`).

use dmp_api::body::Organisation;
use dmp_api::names::VENDOR_NAMESPACE_PREFIX;
use dmp_api::{RevocationLift, Solution, SolutionRevocation, SolutionRevocationSpec, Vendor};
use dmp_homologation::lift::{self, Verdict};
use dmp_homologation::{Bodies, bodies, carrier};
use kube::Api;

use crate::controller::Context;
use crate::dossier;
use crate::guard::Guarded;

/// Every lift that can be read: one that cannot lifts nothing.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn all(context: &Context) -> Result<Vec<RevocationLift>, kube::Error> {
    dossier::cluster(context).await
}

/// Where a revocation stands.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn verdict(
    context: &Context,
    revocation: &SolutionRevocation,
    lifts: &[RevocationLift],
    bodies: &Result<Bodies, bodies::Invalid>,
) -> Result<Verdict, kube::Error> {
    let own = || {
        let named = |lift: &&RevocationLift| is_of(lift, revocation);
        lifts.iter().filter(named)
    };
    // Almost none has any: nothing more is asked for it.
    let subjects = match own().next() {
        Some(_) => subjects(context, &revocation.spec).await?,
        None => Vec::new(),
    };
    let read = own().map(|one| (one, carrier::read(one, bodies)));
    Ok(lift::judge(revocation, read, &subjects))
}

/// Those in force of `revocations`.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn in_force(
    context: &Context,
    revocations: Vec<SolutionRevocation>,
) -> Result<Vec<SolutionRevocation>, kube::Error> {
    if revocations.is_empty() {
        return Ok(revocations);
    }
    let lifts = all(context).await?;
    if lifts.is_empty() {
        return Ok(revocations);
    }
    let bodies = dossier::bodies(context).await?;
    let mut in_force = Vec::new();
    for revocation in revocations {
        if !verdict(context, &revocation, &lifts, &bodies).await?.is_lifted() {
            in_force.push(revocation);
        }
    }
    Ok(in_force)
}

fn is_of(lift: &RevocationLift, revocation: &SolutionRevocation) -> bool {
    revocation.metadata.name.as_ref() == Some(&lift.spec.revocation)
}

/// Whose products a revocation closes.
async fn subjects(
    context: &Context,
    spec: &SolutionRevocationSpec,
) -> Result<Vec<Organisation>, kube::Error> {
    let Some(namespace) = spec.namespace() else {
        return Ok(Vec::new());
    };
    let vendor = match namespace.strip_prefix(VENDOR_NAMESPACE_PREFIX) {
        Some(name) => {
            let api = Api::<Guarded<Vendor>>::all(context.client.clone());
            match api.get_opt(name).await? {
                Some(Guarded(Ok(vendor))) => Some(vendor),
                // Whose it is cannot be told: nobody's signature is known to be another's.
                Some(Guarded(Err(_))) => return Ok(Vec::new()),
                None => None,
            }
        }
        None => None,
    };
    let solutions: Vec<Solution> = dossier::namespaced(context, &namespace).await?;
    Ok(organisations(spec, vendor.as_ref(), &namespace, solutions.iter()))
}

/// Of the vendor, and of the solution that is named (of each, when the vendor is). `solutions`: more than those does no harm.
pub fn organisations<'a>(
    spec: &SolutionRevocationSpec,
    vendor: Option<&Vendor>,
    namespace: &str,
    solutions: impl Iterator<Item = &'a Solution>,
) -> Vec<Organisation> {
    let is_meant = |solution: &&Solution| {
        let own = &solution.metadata;
        let (Some(place), Some(name)) = (&own.namespace, &own.name) else {
            return false;
        };
        place == namespace
            && spec
                .solution
                .as_ref()
                .is_none_or(|named| named.split_once('/') == Some((place, name)))
    };
    let of_solutions = solutions
        .filter(is_meant)
        .filter_map(|solution| solution.spec.organisation.clone());
    vendor
        .map(|vendor| vendor.spec.organisation.clone())
        .into_iter()
        .chain(of_solutions)
        .collect()
}
