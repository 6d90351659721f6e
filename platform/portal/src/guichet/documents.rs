//! Products, versions and evidence of a vendor.

use axum::extract::{Path, State};
use dmp_api::solution_version::Package;
use dmp_api::{EvidenceItem, Solution, SolutionSpec, SolutionVersion, SolutionVersionSpec};
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_homologation::guichet::{Entry, NewEvidence, NewSolution, NewVersion, is_label, version_name};
use dmp_homologation::sbom;
use http::StatusCode;
use kube::ResourceExt as _;

use super::caller::{Caller, namespace_of};
use super::entry;
use crate::app::App;
use crate::cluster::{self, Object};

/// Products of a vendor.
const MOST_SOLUTIONS: usize = 20;
/// Versions, and items of evidence, of a vendor.
const MOST: usize = 500;

/// `POST vendors/{vendor}/solutions`.
pub(super) async fn new_solution(
    State(app): State<App>,
    caller: Caller,
    Path(vendor): Path<String>,
    Json(asked): Json<NewSolution>,
) -> Result<Json<Entry>, Problem> {
    let found = caller.member_of(&app.cluster, &vendor).await?;
    let name = label(&asked.name)?;
    let api = app.cluster.of::<Solution>(&namespace_of(&found)?)?;
    room(&cluster::list(&api).await?, name, MOST_SOLUTIONS)?;
    let spec = SolutionSpec {
        vendor: vendor.clone(),
        organisation: Some(found.spec.organisation.clone()),
        product: asked.product,
        kind: asked.kind,
    };
    let created = cluster::create(
        &api,
        Solution::new(name, spec),
        &caller.deed(&app, "solution", &vendor),
    )
    .await?;
    Ok(Json(entry(&created)))
}

/// `POST vendors/{vendor}/versions`. The bill of materials is read and its hash is frozen with the version.
pub(super) async fn new_version(
    State(app): State<App>,
    caller: Caller,
    Path(vendor): Path<String>,
    Json(asked): Json<NewVersion>,
) -> Result<Json<Entry>, Problem> {
    let found = caller.member_of(&app.cluster, &vendor).await?;
    let name = version_name(&asked.solution, &asked.version).ok_or_else(|| {
        unprocessable(
            "version-not-valid",
            "product and version together are at most 63 characters of a-z, 0-9, `.` and `-`",
        )
    })?;
    let package = match asked.package {
        None => None,
        Some(package) => {
            let sbom_sha256 = sbom::check(&package.sbom).map_err(|error| {
                unprocessable("sbom-not-valid", "the bill of materials is not one")
                    .with_detail(error.to_string())
            })?;
            Some(Package {
                sha256: package.sha256,
                sbom_sha256,
            })
        }
    };
    let api = app.cluster.of::<SolutionVersion>(&namespace_of(&found)?)?;
    room(&cluster::list(&api).await?, &name, MOST)?;
    // What a version may say beside these is its makers' and has no form here.
    let spec: SolutionVersionSpec = serde_json::from_value(serde_json::json!({
        "solution": asked.solution, "version": asked.version, "package": package,
    }))
    .map_err(|error| Problem::internal(&error))?;
    let created = cluster::create(
        &api,
        SolutionVersion::new(&name, spec),
        &caller.deed(&app, "version", &vendor),
    )
    .await?;
    Ok(Json(entry(&created)))
}

/// `POST vendors/{vendor}/evidence`.
pub(super) async fn new_evidence(
    State(app): State<App>,
    caller: Caller,
    Path(vendor): Path<String>,
    Json(asked): Json<NewEvidence>,
) -> Result<Json<Entry>, Problem> {
    let found = caller.member_of(&app.cluster, &vendor).await?;
    let name = label(&asked.name)?;
    let api = app.cluster.of::<EvidenceItem>(&namespace_of(&found)?)?;
    room(&cluster::list(&api).await?, name, MOST)?;
    let created = cluster::create(
        &api,
        EvidenceItem::new(name, asked.evidence),
        &caller.deed(&app, "evidence", &vendor),
    )
    .await?;
    Ok(Json(entry(&created)))
}

/// A name for an object.
pub(super) fn label(name: &str) -> Result<&str, Problem> {
    if is_label(name) {
        return Ok(name);
    }
    Err(unprocessable(
        "name-not-valid",
        "a name is of a-z, 0-9 and `-`, at most 63 characters",
    ))
}

/// Whether there is room for an object of this name, or it is there already.
pub(super) fn room<K: Object>(there: &[K], name: &str, most: usize) -> Result<(), Problem> {
    if there.len() < most || there.iter().any(|object| object.name_any() == name) {
        return Ok(());
    }
    Err(too_many(most))
}

pub(super) fn too_many(most: usize) -> Problem {
    Problem::conflict("too-many", format!("a vendor has {most} of these at most"))
}

pub(super) fn unprocessable(code: &'static str, title: &'static str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, title)
}
