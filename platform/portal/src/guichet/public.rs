//! What everybody may read: the catalogue, the profiles, the programmes.

use std::time::{Duration, Instant};

use axum::extract::State;
use dmp_api::names::CATALOGUE;
use dmp_api::{Catalogue, CatalogueEntry, HomologationProgramme};
use dmp_conformance::wire::Profiles;
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_homologation::feed;
use dmp_homologation::guichet::Entries;
use serde_json::{Value, json};

use super::part::Asked;
use crate::app::App;
use crate::cluster;

/// How long an edition is given out without asking the API server again.
const KEPT: Duration = Duration::from_secs(5);

/// The edition that was read last.
pub(crate) type Held = tokio::sync::Mutex<Option<(Value, Instant)>>;

/// `GET catalogue`: the newest edition, its text word for word as it was signed.
pub(super) async fn catalogue(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let mut held = app.catalogue.lock().await;
    if let Some((edition, since)) = &*held
        && since.elapsed() < KEPT
    {
        return Ok(Json(edition.clone()));
    }
    let edition = newest(&app).await?;
    *held = Some((edition.clone(), Instant::now()));
    Ok(Json(edition))
}

async fn newest(app: &App) -> Result<Value, Problem> {
    let catalogue = cluster::get(&app.cluster.all::<Catalogue>()?, CATALOGUE).await?;
    let status = catalogue.status.unwrap_or_default();
    let objects = cluster::list(&app.cluster.all::<CatalogueEntry>()?).await?;
    let objects = objects
        .iter()
        .map(|object| serde_json::to_value(object).unwrap_or_default());
    let text = feed::edition(&status, &feed::entries(objects));
    let (Some(text), Some(signature)) = (text, status.signature) else {
        return Err(Problem::not_found(
            "no-edition",
            "no edition of the catalogue is signed at the moment: ask again in some seconds",
        ));
    };
    Ok(json!({ "catalogue": text, "signature": signature }))
}

/// `GET profiles`: what can be tested.
pub(super) async fn profiles(State(app): State<App>) -> Json<Profiles> {
    Json(crate::routes::suite::all(&app))
}

/// `GET programmes`: by what rules is homologated.
pub(super) async fn programmes(State(app): State<App>, asked: Asked) -> Result<Json<Entries>, Problem> {
    let api = app.cluster.all::<HomologationProgramme>()?;
    let mut programmes = asked.entries(&api, |_| true).await?;
    // Signatures are for who verifies the objects; here they are only long.
    for entry in &mut programmes.entries {
        if let Value::Object(fields) = &mut entry.spec {
            fields.remove("signatures");
        }
    }
    Ok(Json(programmes))
}
