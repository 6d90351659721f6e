//! `GET /fhir/DocumentReference?patient=…` and `POST …/_search`: Find Document References (MHD ITI-67).
//!
//! Gathers from every group that the registry's locator names, and from the caller's own. A group that cannot be
//! reached is named in the answer. A group that refuses adds nothing; when all that answered refuse, so does this.
//! With no group to ask nobody decides: only the patient herself is told that there is nothing.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use dmp_client::facts::Group;
use dmp_client::records::DocumentSearchRequest;
use dmp_core::ids::GroupName;
use futures::future::join_all;
use http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;

use super::params::{self, Parameters};
use crate::edge::admission::opens;
use crate::edge::body;
use crate::edge::person::Person;
use crate::failure::{Failure, outcome};
use crate::resources::{respond, searchset};
use crate::state::Gateway;
use crate::upstream::Target;

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
    let (patient, parameters) = params::patient(gateway, &person.call(), parameters).await?;
    let located = gateway.upstream.locate(&person.call(), patient).await?;
    let places = places(person, located);
    if places.is_empty() && person.patient()? != patient {
        return Err(Failure::Refused);
    }
    let request = DocumentSearchRequest { patient, parameters };
    let parts = join_all(places.into_iter().map(|(name, group)| {
        let request = &request;
        async move {
            let answer = match group {
                Some(group) => ask(gateway, person, group, request).await,
                None => Err(Failure::unavailable(name.as_str())),
            };
            (name, answer)
        }
    }))
    .await;
    let gathered = gather(parts)?;
    let bundle = searchset(
        &gateway.fhir_base,
        "DocumentReference",
        gathered.documents,
        gathered.outcomes,
    );
    Ok(respond(StatusCode::OK, &bundle))
}

/// The groups to ask: those of the locator and the caller's own; `None` for one that the facts do not (or not any
/// more) offer. Groups of the other mode are another world: synthetic and real records do not meet.
fn places(person: &Person, located: Vec<GroupName>) -> Vec<(GroupName, Option<&Group>)> {
    let credential = &person.admitted.credential;
    let mut names = located;
    names.extend(credential.group.clone());
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| match person.admitted.facts.group(&name) {
            Some(group) if !opens(credential, group) => None,
            group => Some((name, group.filter(|group| group.serving))),
        })
        .collect()
}

async fn ask(
    gateway: &Gateway,
    person: &Person,
    group: &Group,
    request: &DocumentSearchRequest,
) -> Result<Vec<Value>, Failure> {
    let records = Target::records(group)?;
    gateway
        .upstream
        .search_documents(&records, &person.call(), request)
        .await
}

/// What the groups said, put together.
struct Gathered {
    documents: Vec<Value>,
    outcomes: Vec<Value>,
}

/// # Errors
/// [`Failure::Refused`] when every group that answered refused; a fault of the request as the first group names it;
/// [`Failure::Unavailable`] when no group answered.
fn gather(parts: Vec<(GroupName, Result<Vec<Value>, Failure>)>) -> Result<Gathered, Failure> {
    let mut gathered = Gathered {
        documents: Vec::new(),
        outcomes: Vec::new(),
    };
    let (mut answered, mut refused, mut missing) = (parts.is_empty(), false, None);
    for (group, part) in parts {
        match part {
            Ok(documents) => {
                answered = true;
                gathered.documents.extend(documents);
            }
            Err(Failure::Refused) => refused = true,
            Err(failure @ (Failure::Unavailable { .. } | Failure::Internal)) => {
                tracing::warn!(group = %group, ?failure, "a group is missing in an answer");
                gathered.outcomes.push(missing_group(&group));
                missing.get_or_insert(Failure::unavailable(format!("records of {group}")));
            }
            Err(failure) => return Err(failure),
        }
    }
    match (answered, refused, missing) {
        (true, _, _) => Ok(gathered),
        (false, false, Some(failure)) => Err(failure),
        (false, _, _) => Err(Failure::Refused),
    }
}

fn missing_group(group: &GroupName) -> Value {
    let text = format!("the records of `{group}` cannot be reached: documents it holds are missing here");
    outcome("warning", "incomplete", "part-unavailable", &text)
}
