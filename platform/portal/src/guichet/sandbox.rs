//! A vendor's synthetic people: made, named, logged in, given up.

use axum::Extension;
use axum::extract::{Path, State};
use dmp_api::Vendor;
use dmp_api::vendor::SandboxPlace;
use dmp_client::registry::PopulationRequest;
use dmp_client::sandbox::LIFETIME_SECONDS;
use dmp_core::correlation::Correlation;
use dmp_core::ids::Identifier;
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_homologation::guichet::{
    IdToken, Sandbox, SandboxLogIn, SandboxPatient, SandboxProfessional, VendorView,
};
use serde_json::{Value, json};

use super::caller::Caller;
use super::documents::{too_many, unprocessable};
use super::vendors::view;
use crate::acts::On;
use crate::app::App;
use crate::cluster;
use crate::population::Population;
use crate::sandbox_people::SandboxPerson;

/// Populations that a vendor may have, one after the other: nobody of one that was given up is ever erased.
const MOST_POPULATIONS: i32 = 100;
/// As the registry takes them, in bytes.
const LONGEST_IDENTIFIER: usize = 256;

/// `PUT vendors/{vendor}/sandbox`.
pub(super) async fn furnish(
    State(app): State<App>,
    caller: Caller,
    Extension(correlation): Extension<Correlation>,
    Path(vendor): Path<String>,
) -> Result<Json<Sandbox>, Problem> {
    let found = caller.member_of(&app.cluster, &vendor).await?;
    let place = place(&found)?;
    let people = Population::of(&place.realm, &place.establishment).into_request();
    let on = On::new("Vendor", &*vendor).with("realm", &*place.realm);
    let deed = caller.deed(&app, "sandbox", &vendor);
    deed.carry_out(on, app.registry.populate(&people, correlation))
        .await?;
    Ok(Json(named(place, &people)))
}

/// `POST vendors/{vendor}/sandbox/reset`.
pub(super) async fn reset(
    State(app): State<App>,
    caller: Caller,
    Path(vendor): Path<String>,
) -> Result<Json<VendorView>, Problem> {
    let found = caller.member_of(&app.cluster, &vendor).await?;
    if found.spec.population >= MOST_POPULATIONS {
        return Err(too_many(MOST_POPULATIONS.unsigned_abs() as usize));
    }
    let api = app.cluster.all::<Vendor>()?;
    let next = json!({ "population": found.spec.population + 1 });
    let deed = caller.deed(&app, "sandbox-reset", &vendor);
    let changed = cluster::change(&api, &found, next, &deed).await?;
    Ok(Json(view(&changed)))
}

/// `POST vendors/{vendor}/sandbox/log-ins`.
pub(super) async fn log_in(
    State(app): State<App>,
    caller: Caller,
    Path(vendor): Path<String>,
    Json(asked): Json<SandboxLogIn>,
) -> Result<Json<IdToken>, Problem> {
    let found = caller.member_of(&app.cluster, &vendor).await?;
    let place = place(&found)?;
    let person = match asked {
        SandboxLogIn::Professional { inpe } => {
            let people = Population::of(&place.realm, &place.establishment).into_request();
            if !people.professionals.iter().any(|one| one.inpe == inpe) {
                return Err(unprocessable(
                    "no-such-professional",
                    "no professional of this sandbox has this INPE: PUT …/sandbox names them",
                ));
            }
            SandboxPerson::Professional(inpe)
        }
        SandboxLogIn::Patient { system, value } if system.len().max(value.len()) > LONGEST_IDENTIFIER => {
            return Err(unprocessable(
                "identifier-too-long",
                "an identifier is of 256 bytes at most",
            ));
        }
        SandboxLogIn::Patient { system, value } => SandboxPerson::Patient(Identifier { system, value }),
    };
    let token = async {
        let token = app.people.token(&place.realm, &person).await;
        token.map_err(|error| Problem::unavailable("openbao-unavailable", &error))
    };
    let on = On::new("Vendor", &*vendor).with("realm", &*place.realm);
    let deed = caller.deed(&app, "sandbox-log-in", &vendor);
    let id_token = deed.carry_out(on, token).await?;
    Ok(Json(IdToken {
        id_token,
        expires_in: LIFETIME_SECONDS,
    }))
}

/// The vendor's place.
///
/// # Errors
/// 409 `sandbox-not-ready` with what the platform says about it.
pub(super) fn place(vendor: &Vendor) -> Result<SandboxPlace, Problem> {
    let view = view(vendor);
    view.sandbox.ok_or_else(|| {
        Problem::conflict(
            "sandbox-not-ready",
            "the vendor has no place in the sandbox (yet)",
        )
        .with_detail(view.message.unwrap_or_default())
    })
}

fn named(place: SandboxPlace, people: &PopulationRequest) -> Sandbox {
    let professionals = people.professionals.iter().map(|one| SandboxProfessional {
        inpe: one.inpe.clone(),
        name: format!("{} {}", one.given, one.family),
        profession: one.profession.clone(),
    });
    let patients = people.patients.iter().map(|one| SandboxPatient {
        system: one.identifier.system.clone(),
        value: one.identifier.value.clone(),
        name: full_name(&one.patient),
        birth_date: one.patient["birthDate"].as_str().unwrap_or_default().to_owned(),
    });
    Sandbox {
        place,
        professionals: professionals.collect(),
        patients: patients.collect(),
    }
}

fn full_name(patient: &Value) -> String {
    let given = patient.pointer("/name/0/given/0").and_then(Value::as_str);
    let family = patient.pointer("/name/0/family").and_then(Value::as_str);
    [given, family]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}
