//! What software asks of the conformance suite, through the gateway.

use axum::extract::State;
use dmp_conformance::suite::Profile;
use dmp_conformance::wire::{Asked, Closed, Judged, Open, ProfileSummary, Profiles, Sitting, TestOf};
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;

/// `POST /v1/suite/profiles`: every profile with its requirements.
pub(crate) async fn profiles(State(app): State<App>, Json(_): Json<Asked<Value>>) -> Json<Profiles> {
    Json(all(&app))
}

/// Every profile with its requirements.
pub(crate) fn all(app: &App) -> Profiles {
    Profiles {
        profiles: app.suite.profiles().iter().map(described).collect(),
    }
}

fn described(profile: &Profile) -> ProfileSummary {
    ProfileSummary {
        scope: profile.scope.clone(),
        version: profile.version.clone(),
        title: profile.title.clone(),
        sha256: profile.sha256().to_owned(),
        requirements: profile.requirements.clone(),
        tests: profile.tests.iter().map(|test| test.id.clone()).collect(),
    }
}

/// `POST /v1/suite/open`.
pub(crate) async fn open(
    State(app): State<App>,
    Json(asked): Json<Asked<Open>>,
) -> Result<Json<Sitting>, Problem> {
    app.open(asked.candidate, &asked.what).map(Json)
}

/// `POST /v1/suite/begin`.
pub(crate) async fn begin(
    State(app): State<App>,
    Json(asked): Json<Asked<TestOf>>,
) -> Result<Json<Value>, Problem> {
    app.begin(&asked.candidate, asked.what).await?;
    Ok(Json(json!({})))
}

/// `POST /v1/suite/end`.
pub(crate) async fn end(
    State(app): State<App>,
    Json(asked): Json<Asked<TestOf>>,
) -> Result<Json<Judged>, Problem> {
    app.end(&asked.candidate, &asked.what).map(Json)
}

/// `POST /v1/suite/close`.
pub(crate) async fn close(
    State(app): State<App>,
    Json(asked): Json<Asked<Uuid>>,
) -> Result<Json<Closed>, Problem> {
    app.close(&asked.candidate, asked.what).await.map(Json)
}
