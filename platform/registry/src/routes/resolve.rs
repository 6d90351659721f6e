//! `POST /v1/resolve`: the patient's pseudonyms, those that the caller's identity entitles it to.

use axum::extract::State;
use dmp_client::registry::{ResolveAnswer, ResolveRequest};
use dmp_core::json::Json;
use dmp_core::peer::{NATIONAL_NAMESPACE, Peer};
use dmp_core::problem::Problem;

use crate::app::App;
use crate::realm::Realm;
use crate::store::pseudonyms::{self, AUDIT, CONSENT};

/// A record store gets its own, consent's and audit's; consent its own and audit's; audit its own. A patient of another
/// realm than the one the caller speaks for is unknown.
pub(crate) async fn resolve(
    State(app): State<App>,
    peer: Peer,
    Json(request): Json<ResolveRequest>,
) -> Result<Json<ResolveAnswer>, Problem> {
    let group = peer.group().map(|group| format!("group:{group}"));
    let domains: &[&str] = match &group {
        Some(group) => &[group, CONSENT, AUDIT],
        None if peer.is_service(NATIONAL_NAMESPACE, "consent") => &[CONSENT, AUDIT],
        None if peer.is_service(NATIONAL_NAMESPACE, "audit") => &[AUDIT],
        None => return Err(Problem::peer_not_allowed()),
    };
    let realm = Realm::of(request.realm.as_deref())?;
    let found = pseudonyms::resolve(&app.pool, &app.kek, realm, request.patient, domains).await?;
    let unknown = || Problem::not_found("unknown-patient", "there is no such patient");
    let found = found.ok_or_else(unknown)?;
    let of = |domain: &str| {
        domains
            .iter()
            .position(|known| *known == domain)
            .and_then(|at| found.get(at).copied())
    };
    let own = found.first().copied().ok_or_else(unknown)?;
    Ok(Json(ResolveAnswer {
        own,
        consent: group.as_ref().and_then(|_| of(CONSENT)),
        audit: if domains.len() > 1 { of(AUDIT) } else { None },
    }))
}
