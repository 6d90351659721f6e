//! `POST /v1/documents/search` (ITI-67): the documents of one patient that the caller may list.

use axum::extract::State;
use dmp_client::audit::EventKind;
use dmp_client::records::{DocumentSearchAnswer, DocumentSearchRequest};
use dmp_core::auth::Caller;
use dmp_core::correlation::Correlation;
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_fhir::document::DocumentReference;
use serde_json::{Value, json};

use crate::access::Subject;
use crate::app::App;
use crate::events::Act;
use crate::record::{self, RecordError, database_problem, open_json};
use crate::search::Query;
use crate::store;

pub(super) async fn post(
    State(app): State<App>,
    Caller(claims): Caller,
    correlation: Correlation,
    Json(request): Json<DocumentSearchRequest>,
) -> Result<Json<DocumentSearchAnswer>, Problem> {
    let query = Query::parse(&request.parameters)?;
    let act = Act {
        claims: &claims,
        correlation,
        resource: "DocumentReference",
        resource_id: None,
    };
    let subject = app.subject(&act, request.patient).await?;
    let categories = app.searchable(&act, &subject).await?;

    let mut documents = Vec::new();
    for resource in whole_record(&app, &subject).await? {
        let Ok(document) = DocumentReference::parse(&resource) else {
            return Err(RecordError::Shape.into());
        };
        let category = dmp_access::Category::of_codes(document.codes());
        if categories.contains(&category) && query.matches(&document) {
            documents.push(with_subject(resource, &subject));
        }
    }
    app.log_now(&act.event(EventKind::Search, Some(subject.audit), "permitted"))
        .await?;
    Ok(Json(DocumentSearchAnswer { documents }))
}

/// The metadata of every document of the patient, opened: one statement, at most one call of the key service.
async fn whole_record(app: &App, subject: &Subject) -> Result<Vec<Value>, Problem> {
    let own = *subject.own.as_uuid();
    let rows = store::document::of_patient(&app.pool, own)
        .await
        .map_err(|e| database_problem(&e))?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let key = app.key(subject.own).await?;
    let opened = rows
        .iter()
        .map(|row| open_json(&key, &record::document(row.id, row.version), &row.sealed));
    Ok(opened.collect::<Result<_, _>>()?)
}

fn with_subject(mut resource: Value, subject: &Subject) -> Value {
    if let Value::Object(members) = &mut resource {
        let reference = format!("Patient/{}", subject.patient.as_uuid());
        members.insert("subject".to_owned(), json!({ "reference": reference }));
    }
    resource
}
