//! Sign-up, and who speaks for a vendor.

use axum::extract::{Path, State};
use dmp_api::{Solution, SolutionCredential, Vendor, VendorSpec};
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_homologation::guichet::{Me, Members, SignUp, VendorView, is_label};
use dmp_homologation::ice;
use kube::ResourceExt;
use serde_json::json;

use super::caller::Caller;
use super::documents::unprocessable;
use crate::app::App;
use crate::cluster;

/// Vendors that one person may sign up.
const MOST_OF_A_PERSON: usize = 5;
/// Longest name: its namespace is `vendor-<name>`.
const LONGEST_NAME: usize = 50;

/// `GET me`.
pub(super) async fn me(State(app): State<App>, caller: Caller) -> Result<Json<Me>, Problem> {
    Ok(Json(Me {
        issuer: caller.issuer().to_owned(),
        subject: caller.subject().to_owned(),
        vendors: own(&app, &caller)
            .await?
            .iter()
            .map(ResourceExt::name_any)
            .collect(),
    }))
}

async fn own(app: &App, caller: &Caller) -> Result<Vec<Vendor>, Problem> {
    let mut vendors = cluster::list(&app.cluster.all::<Vendor>()?).await?;
    vendors.retain(|vendor| caller.is_among(&vendor.spec.members));
    Ok(vendors)
}

/// `POST vendors`.
pub(super) async fn sign_up(
    State(app): State<App>,
    caller: Caller,
    Json(asked): Json<SignUp>,
) -> Result<Json<VendorView>, Problem> {
    if !is_label(&asked.name) || asked.name.len() > LONGEST_NAME {
        return Err(unprocessable(
            "name-not-valid",
            "a vendor's name is of a-z, 0-9 and `-`, at most 50 characters",
        ));
    }
    if !ice::is_valid(&asked.organisation.ice) {
        return Err(unprocessable(
            "ice-not-valid",
            "the ICE is mistyped: fifteen digits, the last two are a checksum of the others",
        ));
    }
    let api = app.cluster.all::<Vendor>()?;
    let all = cluster::list(&api).await?;
    if let Some(there) = all.iter().find(|vendor| vendor.name_any() == asked.name) {
        // The same person signs up the same organisation again: they have lost the answer.
        if caller.is_among(&there.spec.members) && there.spec.organisation == asked.organisation {
            return Ok(Json(view(there)));
        }
        return Err(Problem::conflict("name-taken", "another vendor has this name"));
    }
    if all
        .iter()
        .any(|vendor| vendor.spec.organisation.ice == asked.organisation.ice)
    {
        return Err(Problem::conflict(
            "organisation-taken",
            "this organisation has signed up already: one of its members can add you",
        ));
    }
    if is_somebody_elses(&app, &asked.name).await? {
        return Err(Problem::conflict(
            "name-taken",
            "the agency has given this name to another vendor",
        ));
    }
    let own = all
        .iter()
        .filter(|vendor| caller.is_among(&vendor.spec.members))
        .count();
    if own >= MOST_OF_A_PERSON {
        return Err(Problem::conflict(
            "too-many",
            "one person signs up five vendors at most",
        ));
    }
    let spec = VendorSpec {
        organisation: asked.organisation,
        members: vec![caller.as_member()],
        population: 1,
    };
    let deed = caller.deed(&app, "sign-up", &asked.name);
    let vendor = cluster::create(&api, Vendor::new(&asked.name, spec), &deed).await?;
    Ok(Json(view(&vendor)))
}

/// Whether the namespace of that name has products of a vendor that never signed up.
async fn is_somebody_elses(app: &App, name: &str) -> Result<bool, Problem> {
    let namespace = Vendor::namespace_of(name);
    let solutions = app.cluster.of::<Solution>(&namespace)?;
    let credentials = app.cluster.of::<SolutionCredential>(&namespace)?;
    Ok(!cluster::list(&solutions).await?.is_empty() || !cluster::list(&credentials).await?.is_empty())
}

/// `GET vendors/{vendor}`.
pub(super) async fn read(
    State(app): State<App>,
    caller: Caller,
    Path(vendor): Path<String>,
) -> Result<Json<VendorView>, Problem> {
    let (vendor, _) = caller.standing(&app.cluster, &vendor).await?;
    Ok(Json(view(&vendor)))
}

/// `PUT vendors/{vendor}/members`.
pub(super) async fn members(
    State(app): State<App>,
    caller: Caller,
    Path(vendor): Path<String>,
    Json(asked): Json<Members>,
) -> Result<Json<VendorView>, Problem> {
    let found = caller.member_of(&app.cluster, &vendor).await?;
    if !caller.is_among(&asked.members) {
        return Err(Problem::conflict(
            "not-oneself",
            "who changes the members stays one: another member can take you out",
        ));
    }
    let changed = json!({ "members": asked.members });
    let api = app.cluster.all::<Vendor>()?;
    let deed = caller.deed(&app, "members", &vendor);
    let changed = cluster::change(&api, &found, changed, &deed).await?;
    Ok(Json(view(&changed)))
}

/// A vendor as its people see it.
pub(super) fn view(vendor: &Vendor) -> VendorView {
    let status = vendor.status.clone().unwrap_or_default();
    let ready = status.conditions.iter().find(|condition| {
        condition.type_ == "Ready" && condition.observed_generation == vendor.metadata.generation
    });
    let is_ready = ready.is_some_and(|condition| condition.status == "True");
    VendorView {
        name: vendor.name_any(),
        organisation: vendor.spec.organisation.clone(),
        members: vendor.spec.members.clone(),
        population: vendor.spec.population,
        sandbox: status.sandbox.filter(|_| is_ready),
        ready: is_ready,
        message: match ready {
            Some(condition) if !is_ready => Some(condition.message.clone()),
            Some(_) => None,
            None => Some("the platform has not looked at it yet: ask again in a second".to_owned()),
        },
    }
}
