//! What the public sees of a version: an entry, out of the dossier and the time. Pure.
//!
//! Where a version stands is computed each time; of what was written before only dates are taken over, and what the product
//! was while it was open. Nothing of a person goes in: no signer, no comment. Not here: label and signature (`label`, `feed`).

use dmp_api::catalogue_entry::{
    CatalogueEntrySpec, CatalogueEntryStatus, CatalogueState, PastState, Published, PublishedNonConformity,
    PublishedProfile,
};
use dmp_api::conformance_run::RunMode;
use dmp_api::{HomologationState, SolutionHomologation};
use jiff::Timestamp;
use kube::ResourceExt;

use crate::canonical;
use crate::carried::IN_A_ROW;
use crate::dossier::{Dossier, by_name, versions};
use crate::standing::Standing;
use crate::statement::Run;

/// Past states that an entry keeps.
const HISTORY: usize = 20;
/// Characters of a version in the name of its entry.
const READABLE: usize = 40;
/// Hexadecimal digits of the hash there.
const DIGITS: usize = 16;

/// Name of the entry of a version: readable, and by its hash of that version alone.
pub fn id(of: &CatalogueEntrySpec) -> String {
    let whole = format!("{}/{}@{}", of.namespace, of.solution, of.version);
    let hash = canonical::digest(whole.as_bytes());
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let readable: String = of.version.chars().take(READABLE).map(plain).collect();
    let hash = hash.get(..DIGITS).unwrap_or(&hash);
    format!("{}-{}-{hash}", of.solution, readable.trim_matches('-'))
}

/// What the public reads now, and the name of the submission behind it. `None` for a version that was never open.
/// The label is not in it.
pub fn publish(
    dossier: &Dossier,
    of: &CatalogueEntrySpec,
    before: Option<&CatalogueEntryStatus>,
    now: Timestamp,
) -> Option<(Option<String>, Published)> {
    let earlier = before.and_then(|status| status.published.as_ref());
    if let Some((homologation, standing)) = dossier.open(&of.solution, &of.version, now) {
        let published = open(dossier, of, earlier, homologation, &standing, now)?;
        return Some((Some(homologation.name_any()), published));
    }
    let earlier = earlier?;
    let name = before.and_then(|status| status.homologation.clone());
    let last = name
        .as_deref()
        .and_then(|name| by_name(&dossier.homologations, name));
    let mut closing = dossier.closing(&of.solution, &of.version);
    let revocation = closing.next();
    let state = match (revocation, last.map(|last| dossier.standing(last, now).state)) {
        (Some(_), _) | (None, Some(HomologationState::Revoked)) => CatalogueState::Revoked,
        (None, Some(HomologationState::Expired)) => CatalogueState::Expired,
        (None, Some(HomologationState::Withdrawn)) => CatalogueState::Withdrawn,
        // A body took its word back, a test or a document ended; or what it stood on is gone.
        _ => CatalogueState::Suspended,
    };
    let (state_since, history) = moved(Some(earlier), state, now);
    let published = Published {
        scopes: Vec::new(),
        state,
        state_since,
        history,
        reason: revocation.map(|revocation| revocation.spec.reason.clone()),
        non_conformities: last.map_or_else(Vec::new, |last| non_conformities(dossier, last, now)),
        label: None,
        ..earlier.clone()
    };
    Some((name, published))
}

fn open(
    dossier: &Dossier,
    of: &CatalogueEntrySpec,
    earlier: Option<&Published>,
    homologation: &SolutionHomologation,
    standing: &Standing,
    now: Timestamp,
) -> Option<Published> {
    let solution = &by_name(&dossier.solutions, &of.solution)?.spec;
    let version = dossier.version(&of.solution, &of.version)?;
    let state = CatalogueState::Homologated;
    let (state_since, history) = moved(earlier, state, now);
    let first = earlier.and_then(|earlier| earlier.since.parse().ok());
    let since: Timestamp = [first, standing.since].into_iter().flatten().min()?;
    Some(Published {
        id: id(of),
        solution: format!("{}/{}", of.namespace, of.solution),
        product: solution.product.clone(),
        organisation: solution.organisation.clone()?,
        kind: solution.kind,
        version: of.version.clone(),
        package_sha256: version
            .spec
            .package
            .as_ref()
            .map(|package| package.sha256.clone()),
        profiles: profiles(dossier, homologation),
        scopes: standing.scopes.iter().cloned().collect(),
        since: since.to_string(),
        until: standing.until?.to_string(),
        state,
        state_since,
        reason: None,
        history,
        non_conformities: non_conformities(dossier, homologation, now),
        label: None,
    })
}

fn non_conformities(
    dossier: &Dossier,
    homologation: &SolutionHomologation,
    now: Timestamp,
) -> Vec<PublishedNonConformity> {
    let carried = dossier.carried(homologation, now, IN_A_ROW).and_then(Result::ok);
    let versions = versions(homologation, carried.as_ref());
    dossier.published_non_conformities(&homologation.spec.solution, &versions, now)
}

/// Since when it stands where it stands, and where it stood before.
fn moved(earlier: Option<&Published>, state: CatalogueState, now: Timestamp) -> (String, Vec<PastState>) {
    let Some(earlier) = earlier else {
        return (now.to_string(), Vec::new());
    };
    if earlier.state == state {
        return (earlier.state_since.clone(), earlier.history.clone());
    }
    let mut history = earlier.history.clone();
    history.push(PastState {
        state: earlier.state,
        since: earlier.state_since.clone(),
    });
    let too_many = history.len().saturating_sub(HISTORY);
    let history = history.split_off(too_many);
    // The end that was announced is known to the second.
    let since = if state == CatalogueState::Expired {
        earlier.until.clone()
    } else {
        now.to_string()
    };
    (since, history)
}

/// The profiles that were asked for, with the last supervised run of each.
fn profiles(dossier: &Dossier, homologation: &SolutionHomologation) -> Vec<PublishedProfile> {
    let runs = dossier.runs_of(homologation);
    let last = |name: &str| {
        let of = runs
            .iter()
            .map(|run| &run.statement)
            .filter(|run| run.mode == RunMode::Supervised && run.profile == name);
        of.max_by_key(|run| run.signed_at)
    };
    let named = |name: &String| {
        let profile = by_name(&dossier.profiles, name)?;
        let run = last(name);
        let count = |met: Option<bool>| {
            let outcomes = run.into_iter().flat_map(|run: &Run| &run.requirements);
            i32::try_from(outcomes.filter(|outcome| outcome.met == met).count()).unwrap_or(i32::MAX)
        };
        Some(PublishedProfile {
            name: name.clone(),
            sha256: canonical::sha256(&profile.spec),
            scope: profile.spec.scope.clone(),
            tested_at: run.map(|run| run.signed_at.to_string()),
            met: count(Some(true)),
            not_met: count(Some(false)),
            not_tested: count(None),
        })
    };
    homologation.spec.profiles.iter().filter_map(named).collect()
}
