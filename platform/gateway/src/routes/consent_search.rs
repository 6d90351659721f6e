//! `GET /fhir/Consent?patient=` and `POST …/_search`: the patient's own consents.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};

use super::params::{self, Parameters};
use crate::edge::body;
use crate::edge::person::Person;
use crate::failure::Failure;
use crate::resources::{respond, searchset};
use crate::state::Gateway;

/// From the URL.
pub async fn search(State(gateway): State<Gateway>, person: Person, uri: Uri) -> Result<Response, Failure> {
    find(&gateway, &person, params::of_query(&uri)).await
}

/// From a form.
pub async fn search_form(
    State(gateway): State<Gateway>,
    person: Person,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let form = body::read_form(&gateway, &headers, body).await?;
    find(&gateway, &person, params::of_form(&form.bytes)).await
}

async fn find(gateway: &Gateway, person: &Person, parameters: Parameters) -> Result<Response, Failure> {
    let own = person.patient()?;
    let (asked, others) = params::patient(gateway, &person.call(), parameters).await?;
    if asked != own {
        return Err(Failure::Refused);
    }
    params::none_left(&others)?;
    let consents = gateway.upstream.search_consents(&person.call(), own).await?;
    Ok(respond(
        StatusCode::OK,
        &searchset(&gateway.fhir_base, "Consent", consents, Vec::new()),
    ))
}
