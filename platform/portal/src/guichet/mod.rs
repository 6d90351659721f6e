//! The guichet: what vendors, bodies and laboratories ask for, each as themselves.
//!
//! The gateway has verified who asks ([`caller`]); here is what a person may do: members do everything of their vendor, readers of a body see
//! what was submitted, anybody may hand in a signed statement. It writes custom resources and decides nothing: a compromised
//! guichet can write what it likes and makes no quorum, because only signatures count (`dmp-homologation`).
//!
//! One file per subject; the routes and their description (OpenAPI) are one table in [`openapi`].

mod caller;
mod credentials;
mod documents;
mod incidents;
mod non_conformities;
mod openapi;
mod part;
mod public;
mod sandbox;
mod submissions;
mod vendors;

#[cfg(test)]
mod asked;
#[cfg(test)]
mod recorded;
#[cfg(test)]
pub(crate) mod scene;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::routing::{get, post, put};
use dmp_api::{
    ConformanceRun, EvidenceItem, NonConformity, Solution, SolutionCredential, SolutionHomologation,
    SolutionVersion,
};
use dmp_client::guichet::{MAX_BODY, PREFIX};
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_homologation::guichet::{Entries, Entry};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde_json::Value;

use crate::app::App;
use crate::cluster::{self, Object};

use caller::Caller;
use part::Asked;

pub use openapi::description;
pub(crate) use public::Held as HeldCatalogue;
pub(crate) use submissions::keep_run;

/// All routes, under [`PREFIX`].
pub(crate) fn router() -> Router<App> {
    let routes = Router::new()
        .route("/openapi.json", get(openapi::serve))
        .route("/catalogue", get(public::catalogue))
        .route("/profiles", get(public::profiles))
        .route("/programmes", get(public::programmes))
        .route("/me", get(vendors::me))
        .route("/vendors", post(vendors::sign_up))
        .route("/vendors/{vendor}", get(vendors::read))
        .route("/vendors/{vendor}/members", put(vendors::members))
        .route("/vendors/{vendor}/sandbox", put(sandbox::furnish))
        .route("/vendors/{vendor}/sandbox/reset", post(sandbox::reset))
        .route("/vendors/{vendor}/sandbox/log-ins", post(sandbox::log_in))
        .route(
            "/vendors/{vendor}/solutions",
            get(list::<Solution>).post(documents::new_solution),
        )
        .route(
            "/vendors/{vendor}/versions",
            get(list::<SolutionVersion>).post(documents::new_version),
        )
        .route(
            "/vendors/{vendor}/evidence",
            get(list::<EvidenceItem>).post(documents::new_evidence),
        )
        .route(
            "/vendors/{vendor}/credentials",
            get(list::<SolutionCredential>).post(credentials::ask),
        )
        .route(
            "/vendors/{vendor}/credentials/{name}",
            get(read::<SolutionCredential>),
        )
        .route(
            "/vendors/{vendor}/homologations",
            get(list::<SolutionHomologation>).post(submissions::submit),
        )
        .route(
            "/vendors/{vendor}/homologations/{name}",
            get(read::<SolutionHomologation>),
        )
        .route(
            "/vendors/{vendor}/homologations/{name}/withdraw",
            post(submissions::withdraw),
        )
        .route(
            "/vendors/{vendor}/homologations/{name}/reviews",
            get(submissions::reviews).post(submissions::review),
        )
        .route(
            "/vendors/{vendor}/runs",
            get(list::<ConformanceRun>).post(submissions::hand_in),
        )
        .route("/vendors/{vendor}/non-conformities", get(list::<NonConformity>))
        .route(
            "/vendors/{vendor}/non-conformities/{name}/answers",
            post(non_conformities::answer),
        )
        .route("/incidents/{name}/affected", post(incidents::affected))
        .layer(DefaultBodyLimit::max(MAX_BODY));
    Router::new().nest(PREFIX, routes)
}

/// `GET vendors/{vendor}/…`: a part of the objects of a kind.
async fn list<K: Object + Resource<Scope = NamespaceResourceScope>>(
    State(app): State<App>,
    caller: Caller,
    asked: Asked,
    Path(vendor): Path<String>,
) -> Result<Json<Entries>, Problem> {
    let namespace = caller.sees(&app.cluster, &vendor).await?;
    let api = app.cluster.of::<K>(&namespace)?;
    Ok(Json(asked.entries(&api, |_| true).await?))
}

/// `GET vendors/{vendor}/…/{name}`: one of them.
async fn read<K: Object + Resource<Scope = NamespaceResourceScope>>(
    State(app): State<App>,
    caller: Caller,
    Path((vendor, name)): Path<(String, String)>,
) -> Result<Json<Entry>, Problem> {
    let namespace = caller.sees(&app.cluster, &vendor).await?;
    let api = app.cluster.of::<K>(&namespace)?;
    Ok(Json(entry(&cluster::get(&api, documents::label(&name)?).await?)))
}

/// An object as a person sees it.
fn entry<K: Object>(object: &K) -> Entry {
    let whole = serde_json::to_value(object).unwrap_or_default();
    let part = |name: &str| Some(whole[name].clone()).filter(|part| !part.is_null());
    Entry {
        name: object.name_any(),
        generation: object.meta().generation,
        created: object.creation_timestamp().map(|time| time.0.to_string()),
        spec: part("spec").unwrap_or(Value::Null),
        status: part("status"),
    }
}
