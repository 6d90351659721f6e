//! Submissions, and what is said about them: results of runs, reviews, decisions.
//!
//! A statement is checked before it is written, so that its carrier learns at once what is wrong with it. Whether it counts is the
//! operator's to say, from the object.

use axum::extract::{Path, State};
use dmp_api::body::Role;
use dmp_api::names::PLATFORM;
use dmp_api::{
    ConformanceRun, ConformanceRunSpec, HomologationReview, HomologationReviewSpec, Platform,
    SolutionHomologation, Vendor,
};
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_homologation::Bodies;
use dmp_homologation::canonical::digest;
use dmp_homologation::guichet::{Entries, Entry, NewStatement, NewSubmission};
use dmp_homologation::signed::{self, Signed};
use dmp_homologation::statement::{Renewal, Review, Run, Statement};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;

use super::caller::{Caller, Standing, namespace_of};
use super::documents::{label, room, unprocessable};
use super::entry;
use super::part::Asked;
use crate::acts::{ActLog, Deed};
use crate::app::App;
use crate::cluster::{self, Cluster};

/// Submissions, and results, of a vendor.
const MOST: usize = 1000;

/// `POST vendors/{vendor}/homologations`.
pub(super) async fn submit(
    State(app): State<App>,
    caller: Caller,
    Path(vendor): Path<String>,
    Json(asked): Json<NewSubmission>,
) -> Result<Json<Entry>, Problem> {
    let found = caller.member_of(&app.cluster, &vendor).await?;
    let name = label(&asked.name)?.to_owned();
    let api = app.cluster.of::<SolutionHomologation>(&namespace_of(&found)?)?;
    room(&cluster::list(&api).await?, &name, MOST)?;
    let mut spec = json!({
        "solution": asked.solution, "version": asked.version, "programme": asked.programme, "cycle": asked.cycle,
        "profiles": asked.profiles, "evidence": asked.evidence,
    });
    if let Some(follows) = asked.follows {
        spec["follows"] = json!(follows);
    }
    if let Some(key) = asked.installation_key {
        spec["installationKey"] = json!(key);
    }
    let wanted: SolutionHomologation = serde_json::from_value(json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionHomologation",
        "metadata": { "name": name }, "spec": spec,
    }))
    .map_err(|error| Problem::internal(&error))?;
    let created = cluster::create(&api, wanted, &caller.deed(&app, "submission", &vendor)).await?;
    Ok(Json(entry(&created)))
}

/// `POST vendors/{vendor}/homologations/{name}/withdraw`.
pub(super) async fn withdraw(
    State(app): State<App>,
    caller: Caller,
    Path((vendor, name)): Path<(String, String)>,
) -> Result<Json<Entry>, Problem> {
    let found = caller.member_of(&app.cluster, &vendor).await?;
    let api = app.cluster.of::<SolutionHomologation>(&namespace_of(&found)?)?;
    let name = label(&name)?;
    let submission = cluster::get(&api, name).await?;
    let deed = caller.deed(&app, "withdrawal", &vendor);
    let withdrawn = cluster::change(&api, &submission, json!({ "withdrawn": true }), &deed).await?;
    Ok(Json(entry(&withdrawn)))
}

/// `GET vendors/{vendor}/homologations/{name}/reviews`.
pub(super) async fn reviews(
    State(app): State<App>,
    caller: Caller,
    asked: Asked,
    Path((vendor, name)): Path<(String, String)>,
) -> Result<Json<Entries>, Problem> {
    let namespace = caller.sees(&app.cluster, &vendor).await?;
    let api = app.cluster.of::<HomologationReview>(&namespace)?;
    let of_it = |review: &HomologationReview| review.spec.homologation == name;
    Ok(Json(asked.entries(&api, of_it).await?))
}

/// `POST vendors/{vendor}/homologations/{name}/reviews`: a reviewer's finding, a body's decision, or its word over a later document.
pub(super) async fn review(
    State(app): State<App>,
    caller: Caller,
    Path((vendor, name)): Path<(String, String)>,
    Json(asked): Json<NewStatement>,
) -> Result<Json<Entry>, Problem> {
    let name = label(&name)?.to_owned();
    // The same object carries a body's word over a later document.
    let (about, role) = if signed::is::<Renewal>(&asked.statement) {
        let signed: Signed<Renewal> = checked(&app, &asked.statement).await?;
        (signed.statement.homologation, signed.signer.role)
    } else {
        let signed: Signed<Review> = checked(&app, &asked.statement).await?;
        (signed.statement.homologation, signed.signer.role)
    };
    // Who brings nothing that a body signed does not learn who has signed up.
    let found = cluster::get(&app.cluster.all::<Vendor>()?, label(&vendor)?).await?;
    let namespace = namespace_of(&found)?;
    if about != format!("{namespace}/{name}") {
        return Err(unprocessable(
            "other-submission",
            "the statement is about another submission than the one in the address",
        ));
    }
    let homologations = app.cluster.of::<SolutionHomologation>(&namespace)?;
    cluster::get(&homologations, &name).await?;
    let api = app.cluster.of::<HomologationReview>(&namespace)?;
    let object_name = object_name(role.as_str(), &asked.statement);
    room(&cluster::list(&api).await?, &object_name, MOST)?;
    let object = HomologationReview::new(
        &object_name,
        HomologationReviewSpec {
            homologation: name.clone(),
            statement: asked.statement,
        },
    );
    let created = cluster::create(&api, object, &caller.deed(&app, "review", &vendor)).await?;
    Ok(Json(entry(&created)))
}

/// `POST vendors/{vendor}/runs`: a signed result, of the suite or of a laboratory.
pub(super) async fn hand_in(
    State(app): State<App>,
    caller: Caller,
    Path(vendor): Path<String>,
    Json(asked): Json<NewStatement>,
) -> Result<Json<Entry>, Problem> {
    let (found, standing) = caller.standing(&app.cluster, &vendor).await?;
    let may = match &standing {
        Standing::Member => true,
        Standing::Reader(roles) => roles.contains(&Role::Laboratory),
    };
    if !may {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "not-a-member",
            "results are handed in by the vendor or by a laboratory",
        ));
    }
    let namespace = namespace_of(&found)?;
    let signed: Signed<Run> = checked(&app, &asked.statement).await?;
    if !signed.statement.solution.starts_with(&format!("{namespace}/")) {
        return Err(unprocessable(
            "other-vendor",
            "the result is about another vendor's product",
        ));
    }
    let api = app.cluster.of::<ConformanceRun>(&namespace)?;
    let name = object_name(signed.statement.mode.as_str(), &asked.statement);
    room(&cluster::list(&api).await?, &name, MOST)?;
    let spec = ConformanceRunSpec {
        statement: asked.statement,
    };
    let deed = caller.deed(&app, "run", &vendor);
    let created = cluster::create(&api, ConformanceRun::new(&name, spec), &deed).await?;
    Ok(Json(entry(&created)))
}

/// The platform's own run becomes an object of its vendor.
///
/// # Errors
/// As [`cluster::create`].
pub(crate) async fn keep_run(
    cluster: &Cluster,
    log: &ActLog,
    run: &Run,
    statement: &str,
) -> Result<(), Problem> {
    let namespace = run
        .solution
        .split_once('/')
        .map_or("", |(namespace, _)| namespace);
    let api = cluster.of::<ConformanceRun>(namespace)?;
    let spec = ConformanceRunSpec {
        statement: statement.to_owned(),
    };
    let name = object_name(run.mode.as_str(), statement);
    // Room is left for what a laboratory hands in.
    room(&cluster::list(&api).await?, &name, MOST / 2)?;
    let deed = Deed::of_suite(log, namespace);
    cluster::create(&api, ConformanceRun::new(&name, spec), &deed).await?;
    Ok(())
}

/// A statement that a body of the platform signed.
async fn checked<T: Statement>(app: &App, statement: &str) -> Result<Signed<T>, Problem> {
    let platform = cluster::get(&app.cluster.all::<Platform>()?, PLATFORM).await?;
    let bodies = Bodies::new(&platform.spec.bodies).map_err(|error| Problem::internal(&error))?;
    signed::verify(statement, &bodies, Timestamp::now()).map_err(|invalid| {
        unprocessable("statement-not-valid", "the statement does not count").with_detail(invalid.to_string())
    })
}

/// The same statement is the same object.
fn object_name(prefix: &str, statement: &str) -> String {
    let hash: String = digest(statement.as_bytes()).chars().take(16).collect();
    format!("{prefix}-{hash}")
}
