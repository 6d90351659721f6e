//! What surveillance found in a vendor's product, and what the vendor says to it.

use axum::extract::{Path, State};
use dmp_api::{NonConformity, NonConformityAnswer, NonConformityAnswerSpec};
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_homologation::canonical::digest;
use dmp_homologation::guichet::{Entry, NewAnswer};

use super::caller::{Caller, namespace_of};
use super::documents::{label, room};
use super::entry;
use crate::app::App;
use crate::cluster;

/// Answers of a vendor.
const MOST: usize = 500;

/// `POST vendors/{vendor}/non-conformities/{name}/answers`: a text, which closes nothing.
pub(super) async fn answer(
    State(app): State<App>,
    caller: Caller,
    Path((vendor, name)): Path<(String, String)>,
    Json(asked): Json<NewAnswer>,
) -> Result<Json<Entry>, Problem> {
    let found = caller.member_of(&app.cluster, &vendor).await?;
    let name = label(&name)?;
    let namespace = namespace_of(&found)?;
    cluster::get(&app.cluster.of::<NonConformity>(&namespace)?, name).await?;
    let api = app.cluster.of::<NonConformityAnswer>(&namespace)?;
    // The same answer is the same object.
    let hash: String = digest(format!("{name}\n{}", asked.text).as_bytes())
        .chars()
        .take(16)
        .collect();
    let object_name = format!("answer-{hash}");
    room(&cluster::list(&api).await?, &object_name, MOST)?;
    let spec = NonConformityAnswerSpec {
        non_conformity: name.to_owned(),
        text: Some(asked.text),
        statement: None,
    };
    let deed = caller.deed(&app, "answer", &vendor);
    let created = cluster::create(&api, NonConformityAnswer::new(&object_name, spec), &deed).await?;
    Ok(Json(entry(&created)))
}
