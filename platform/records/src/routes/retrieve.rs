//! `POST /v1/documents/retrieve` (ITI-68): the bytes of one document, exactly as they came.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use dmp_access::{Action, Category};
use dmp_client::audit::EventKind;
use dmp_client::records::RetrieveRequest;
use dmp_core::auth::Caller;
use dmp_core::correlation::Correlation;
use dmp_core::ids::Pseudonym;
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_fhir::document::DocumentReference;
use http::{HeaderValue, header};
use serde_json::Value;
use uuid::Uuid;

use crate::access::UNKNOWN_DOCUMENT;
use crate::app::App;
use crate::events::Act;
use crate::record::{self, RecordError, database_problem, open_content, open_json, open_link};
use crate::store;

pub(super) async fn post(
    State(app): State<App>,
    Caller(claims): Caller,
    correlation: Correlation,
    Json(request): Json<RetrieveRequest>,
) -> Result<Response, Problem> {
    let id = app.ids.parse(&request.binary);
    let resource_id = id.map(|id| app.ids.format(id));
    let act = Act {
        claims: &claims,
        correlation,
        resource: "Binary",
        resource_id,
    };
    let found = match id {
        Some(id) => store::content::find(&app.pool, id)
            .await
            .map_err(|e| database_problem(&e))?
            .map(|f| (id, f)),
        None => None,
    };
    let Some((id, found)) = found else {
        return Err(app.refuse(&act, None, UNKNOWN_DOCUMENT).await);
    };
    let own = Pseudonym::from_uuid(found.patient);
    let key = app.key(own).await?;
    let subject = app
        .subject(&act, open_link(&key, found.patient, &found.link)?)
        .await?;
    if subject.own != own {
        // The registry's answer is not about whose record this is: better no answer than a wrong one.
        return Err(app.refuse(&act, Some(subject.audit), UNKNOWN_DOCUMENT).await);
    }
    let place = record::document(found.document.id, found.document.version);
    let metadata = open_json(&key, &place, &found.document.sealed)?;
    app.permit(&act, &subject, Action::Read, category(&metadata)?)
        .await?;

    let pieces = store::content::pieces(&app.pool, id)
        .await
        .map_err(|e| database_problem(&e))?;
    let size = usize::try_from(found.size).map_err(|_| RecordError::Shape)?;
    let bytes = open_off_thread(key, id, size, pieces).await?;
    app.log_now(&act.event(EventKind::Read, Some(subject.audit), "permitted"))
        .await?;
    Ok(([(header::CONTENT_TYPE, content_type(&metadata))], bytes).into_response())
}

fn category(metadata: &Value) -> Result<Category, RecordError> {
    let document = DocumentReference::parse(metadata).map_err(|_| RecordError::Shape)?;
    Ok(Category::of_codes(document.codes()))
}

fn content_type(metadata: &Value) -> HeaderValue {
    let text = metadata
        .pointer("/content/0/attachment/contentType")
        .and_then(Value::as_str);
    text.and_then(|text| HeaderValue::from_str(text).ok())
        .unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// Large documents are opened where they hold up nobody else.
async fn open_off_thread(
    key: std::sync::Arc<dmp_keys::DataKey>,
    id: Uuid,
    size: usize,
    pieces: Vec<Vec<u8>>,
) -> Result<Vec<u8>, Problem> {
    if size <= record::CHUNK {
        return Ok(open_content(&key, id, size, &pieces)?);
    }
    let task = tokio::task::spawn_blocking(move || open_content(&key, id, size, &pieces));
    Ok(task.await.map_err(|error| Problem::internal(&error))??)
}
