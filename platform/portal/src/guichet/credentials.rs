//! Certificates of a vendor's software: asked for by a request (CSR), signed by the operator, fetched here.

use axum::extract::{Path, State};
use dmp_api::{Mode, SolutionCredential};
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_homologation::guichet::{Entry, NewCredential};
use kube::ResourceExt as _;
use serde_json::json;

use super::caller::{Caller, namespace_of};
use super::documents::{label, too_many, unprocessable};
use super::entry;
use crate::app::App;
use crate::cluster;

/// Credentials of a vendor in the sandbox.
const MOST_SANDBOX: usize = 50;

/// Production credentials of a vendor that have no certificate: of those with one there are as many as installations.
const MOST_UNSIGNED: usize = 50;

fn is_signed(credential: &SolutionCredential) -> bool {
    credential
        .status
        .as_ref()
        .is_some_and(|status| status.certificate.is_some())
}

/// `POST vendors/{vendor}/credentials`. In the sandbox the software is placed where the vendor has its place. The same name with another
/// request (CSR) is a renewal.
pub(super) async fn ask(
    State(app): State<App>,
    caller: Caller,
    Path(vendor): Path<String>,
    Json(asked): Json<NewCredential>,
) -> Result<Json<Entry>, Problem> {
    let found = caller.member_of(&app.cluster, &vendor).await?;
    let name = label(&asked.name)?.to_owned();
    let namespace = namespace_of(&found)?;
    let api = app.cluster.of::<SolutionCredential>(&namespace)?;
    let solution = app.cluster.of::<dmp_api::Solution>(&namespace)?;
    let kind = cluster::get(&solution, label(&asked.solution)?).await?.spec.kind;
    let mut spec = json!({
        "solution": asked.solution, "version": asked.version, "mode": asked.mode.as_str(), "csr": asked.csr,
    });
    match asked.mode {
        Mode::Sandbox => {
            if asked.establishment.is_some() || asked.health_group.is_some() {
                return Err(unprocessable(
                    "place-given",
                    "in the sandbox software runs at the vendor's own place: leave establishment and healthGroup out",
                ));
            }
            let place = super::sandbox::place(&found)?;
            if kind.has_establishment() {
                spec["establishment"] = json!({ "inpe": place.establishment });
                spec["healthGroup"] = json!(place.health_group);
            }
        }
        Mode::Production => {
            if let Some(establishment) = &asked.establishment {
                spec["establishment"] = json!(establishment);
            }
            if let Some(group) = &asked.health_group {
                spec["healthGroup"] = json!(group);
            }
            if let Some(installation) = &asked.installation {
                spec["installation"] = json!(installation);
            }
        }
    }
    let there = cluster::list(&api).await?;
    let wanted: SolutionCredential = serde_json::from_value(json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionCredential",
        "metadata": { "name": name }, "spec": spec,
    }))
    .map_err(|error| Problem::internal(&error))?;
    if let Some(own) = there.iter().find(|one| one.name_any() == name) {
        // What binds it stays as it is: the API server refuses anything else.
        let deed = caller.deed(&app, "credential-renewal", &vendor);
        let changed = cluster::change(&api, own, spec, &deed).await?;
        return Ok(Json(entry(&changed)));
    }
    let of_mode = there.iter().filter(|one| one.spec.mode == asked.mode);
    let (taken, most) = match asked.mode {
        Mode::Sandbox => (of_mode.count(), MOST_SANDBOX),
        Mode::Production => (of_mode.filter(|one| !is_signed(one)).count(), MOST_UNSIGNED),
    };
    if taken >= most {
        return Err(too_many(most));
    }
    let created = cluster::create(&api, wanted, &caller.deed(&app, "credential", &vendor)).await?;
    Ok(Json(entry(&created)))
}
