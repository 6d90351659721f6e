//! `POST /v1/submissions` (ITI-65): decide, seal, store everything and its log entries in one transaction, answer.
//!
//! The same SubmissionSet (sender and uniqueId) with the same content gets its first answer again; with other content
//! it is a conflict. The locator knows of the record before anything is stored, so that nothing stored is unfindable.

use std::sync::Arc;

use axum::extract::State;
use dmp_access::Action;
use dmp_client::audit::EventKind;
use dmp_client::records::{SubmissionAnswer, SubmissionRequest};
use dmp_core::auth::Caller;
use dmp_core::correlation::Correlation;
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_keys::{Bound, DataKey};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::access::{Subject, audit_unavailable};
use crate::app::App;
use crate::events::Act;
use crate::record::{
    self, RecordError, database_problem, key_problem, kind, open_json, seal_content, seal_json, seal_link,
};
use crate::store;
use crate::submission::{Plan, SubmissionError, Target, answer, content_digest, superseded};

pub(super) async fn post(
    State(app): State<App>,
    Caller(claims): Caller,
    correlation: Correlation,
    Json(request): Json<SubmissionRequest>,
) -> Result<Json<SubmissionAnswer>, Problem> {
    let now = Timestamp::now();
    let (plan, digest) = read_off_thread(&app, request.bundle, now).await?;
    let act = Act {
        claims: &claims,
        correlation,
        resource: "DocumentReference",
        resource_id: None,
    };
    let subject = app.subject(&act, request.patient).await?;
    for document in &plan.documents {
        app.permit(&act, &subject, Action::Write, document.category)
            .await?;
    }

    let tokens = Tokens::new(&app, &act, &subject, &plan, &digest);
    if let Some(repeated) = repeated(&app, &act, &subject, &tokens).await? {
        return Ok(Json(repeated));
    }
    let own = *subject.own.as_uuid();
    if !store::link::exists(&app.pool, &own)
        .await
        .map_err(|e| database_problem(&e))?
    {
        app.upstream
            .register(subject.patient, claims.realm.as_deref(), correlation)
            .await?;
    }
    let key = app
        .keystore
        .key_or_create(subject.own)
        .await
        .map_err(|e| key_problem(&e))?;
    let sealed = Sealed::new_off_thread(&app, Arc::clone(&key), &subject, plan, now).await?;
    match write(&app, &act, &subject, &key, &tokens, &sealed, now).await {
        Ok(true) => {}
        // Somebody wrote the same SubmissionSet at the same time: it is committed now.
        Ok(false) => {
            let repeated = repeated(&app, &act, &subject, &tokens).await?;
            return repeated.map(Json).ok_or_else(|| RecordError::Shape.into());
        }
        Err(problem) => return Err(problem),
    }
    Ok(Json(SubmissionAnswer {
        bundle: sealed.answer,
        repeated: false,
    }))
}

/// Reading decodes and hashes whole documents: not on a thread that others wait for.
async fn read_off_thread(app: &App, bundle: Value, now: Timestamp) -> Result<(Plan, [u8; 32]), Problem> {
    let ids = app.ids.clone();
    let task = tokio::task::spawn_blocking(move || {
        let plan = Plan::read(&bundle, &ids, &instant(now))?;
        Ok::<_, SubmissionError>((plan, content_digest(&bundle)))
    });
    Ok(task.await.map_err(|error| Problem::internal(&error))??)
}

/// FHIR instant, milliseconds, UTC.
fn instant(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// HMACs under the group's index key.
struct Tokens {
    /// Sender and uniqueId; in a sandbox its realm too: what was sent to a population that was given up is new to the next.
    submission: [u8; 32],
    /// Patient and content.
    content: [u8; 32],
}

impl Tokens {
    fn new(app: &App, act: &Act<'_>, subject: &Subject, plan: &Plan, digest: &[u8]) -> Self {
        let (system, value) = &plan.unique_id;
        let mut parts: Vec<&[u8]> = vec![
            act.claims.solution.as_bytes(),
            act.claims.establishment.as_deref().unwrap_or_default().as_bytes(),
            system.as_deref().unwrap_or_default().as_bytes(),
            value.as_bytes(),
        ];
        parts.extend(act.claims.realm.as_deref().map(str::as_bytes));
        Self {
            submission: app.index.token("submission", &parts),
            content: app
                .index
                .token("submission-content", &[subject.own.as_uuid().as_bytes(), digest]),
        }
    }
}

/// The first answer again, when the same was stored before. Nothing is written but the log entry.
async fn repeated(
    app: &App,
    act: &Act<'_>,
    subject: &Subject,
    tokens: &Tokens,
) -> Result<Option<SubmissionAnswer>, Problem> {
    let stored = store::submission::find(&app.pool, &tokens.submission)
        .await
        .map_err(|e| database_problem(&e))?;
    let Some(stored) = stored else { return Ok(None) };
    if stored.content != tokens.content || stored.patient != *subject.own.as_uuid() {
        return Err(SubmissionError::SubmissionConflict.into());
    }
    let key = app.key(subject.own).await?;
    let bundle = open_json(&key, &Bound::new(kind::RESPONSE, stored.id), &stored.response)?;
    app.log_now(&act.event(EventKind::Write, Some(subject.audit), "repeated"))
        .await?;
    Ok(Some(SubmissionAnswer {
        bundle,
        repeated: true,
    }))
}

/// Everything that goes into the tables, sealed before the transaction begins.
struct Sealed {
    id: Uuid,
    set: Vec<u8>,
    response: Vec<u8>,
    link: Vec<u8>,
    documents: Vec<SealedDocument>,
    folders: Vec<(Uuid, Vec<u8>)>,
    /// What the caller gets.
    answer: Value,
}

struct SealedDocument {
    id: Uuid,
    content_id: Uuid,
    size: usize,
    metadata: Vec<u8>,
    pieces: Vec<Vec<u8>>,
    /// HMACs of masterIdentifier and of the bytes.
    identifier: Option<([u8; 32], [u8; 32])>,
    replaces: Vec<Target>,
}

impl Sealed {
    async fn new_off_thread(
        app: &App,
        key: Arc<DataKey>,
        subject: &Subject,
        plan: Plan,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let (app, subject) = (app.clone(), *subject);
        let task = tokio::task::spawn_blocking(move || Self::new(&app, &key, &subject, plan, now));
        Ok(task.await.map_err(|error| Problem::internal(&error))??)
    }

    fn new(
        app: &App,
        key: &DataKey,
        subject: &Subject,
        plan: Plan,
        now: Timestamp,
    ) -> Result<Self, RecordError> {
        let answer = answer(&plan, &app.ids, &subject.patient, &instant(now));
        let own = *subject.own.as_uuid();
        let mut documents = Vec::with_capacity(plan.documents.len());
        for document in plan.documents {
            let identifier = document.identifier.as_ref().map(|named| {
                let content = app.index.token("document-content", &[&document.content]);
                (identifier_token(app, named), content)
            });
            documents.push(SealedDocument {
                id: document.id,
                content_id: document.content_id,
                size: document.content.len(),
                metadata: seal_json(key, &record::document(document.id, 1), &document.resource)?,
                pieces: seal_content(key, document.content_id, &document.content)?,
                identifier,
                replaces: document.replaces,
            });
        }
        let folders = plan.folders.iter().map(|folder| {
            let bound = Bound::new(kind::FOLDER, folder.id);
            Ok((folder.id, seal_json(key, &bound, &folder.resource)?))
        });
        Ok(Self {
            id: plan.id,
            set: seal_json(key, &Bound::new(kind::SUBMISSION, plan.id), &plan.set)?,
            response: seal_json(key, &Bound::new(kind::RESPONSE, plan.id), &answer)?,
            link: seal_link(key, own, subject.patient)?,
            documents,
            folders: folders.collect::<Result<_, RecordError>>()?,
            answer,
        })
    }
}

fn identifier_token(app: &App, (system, value): &(Option<String>, String)) -> [u8; 32] {
    let system = system.as_deref().unwrap_or_default();
    app.index
        .token("document-identifier", &[system.as_bytes(), value.as_bytes()])
}

/// One transaction: documents, contents, set, folders, superseded versions and the log's entries.
/// `false` when the same SubmissionSet is there already.
async fn write(
    app: &App,
    act: &Act<'_>,
    subject: &Subject,
    key: &DataKey,
    tokens: &Tokens,
    sealed: &Sealed,
    now: Timestamp,
) -> Result<bool, Problem> {
    let database = |error: sqlx::Error| database_problem(&error);
    let patient = *subject.own.as_uuid();
    let mut tx = app.pool.begin().await.map_err(database)?;
    let set = store::submission::New {
        id: sealed.id,
        patient,
        token: &tokens.submission,
        content: &tokens.content,
        sealed: &sealed.set,
        response: &sealed.response,
        created: now,
    };
    if !store::submission::insert(&mut tx, &set).await.map_err(database)? {
        return Ok(false);
    }
    store::link::add(&mut *tx, &patient, &sealed.link)
        .await
        .map_err(database)?;
    let mut touched: Vec<Uuid> = sealed.documents.iter().map(|document| document.id).collect();
    for document in &sealed.documents {
        for target in &document.replaces {
            touched.extend(supersede(app, &mut tx, key, patient, target, now).await?);
        }
    }
    // In the order of their tokens, so that two submissions with the same identifiers never wait for each other.
    let mut identifiers: Vec<_> = sealed
        .documents
        .iter()
        .filter_map(|document| document.identifier)
        .collect();
    identifiers.sort_unstable();
    for (token, content) in &identifiers {
        let free = store::document::claim_identifier(&mut tx, patient, token, content)
            .await
            .map_err(database)?;
        if !free {
            return Err(SubmissionError::DocumentConflict.into());
        }
    }
    for document in &sealed.documents {
        let new = store::document::New {
            id: document.id,
            submission: sealed.id,
            patient,
            identifier: document.identifier.as_ref().map(|(token, _)| token.as_slice()),
            sealed: &document.metadata,
            created: now,
        };
        store::document::insert(&mut tx, &new).await.map_err(database)?;
        let (id, size) = (document.content_id, document.size);
        store::content::insert(&mut tx, id, document.id, size, &document.pieces)
            .await
            .map_err(database)?;
    }
    store::submission::insert_folders(&mut tx, sealed.id, patient, now, &sealed.folders)
        .await
        .map_err(database)?;
    for id in touched {
        let mut event = act.event(EventKind::Write, Some(subject.audit), "permitted");
        event.resource_id = Some(app.ids.format(id));
        app.log
            .append(&mut tx, &event)
            .await
            .map_err(|error| audit_unavailable(&error))?;
    }
    tx.commit().await.map_err(database)?;
    Ok(true)
}

/// The replaced document gets a new version with the status `superseded`; the ids of those that did.
async fn supersede(
    app: &App,
    tx: &mut PgConnection,
    key: &DataKey,
    patient: Uuid,
    target: &Target,
    now: Timestamp,
) -> Result<Vec<Uuid>, Problem> {
    let (id, token) = match target {
        Target::Id(id) => (Some(*id), None),
        Target::Identifier(named) => (None, Some(identifier_token(app, named))),
    };
    let found =
        store::document::lock_current(tx, patient, id, token.as_ref().map(<[u8; 32]>::as_slice)).await;
    let found = found.map_err(|e| database_problem(&e))?;
    if found.is_empty() {
        return Err(SubmissionError::ReplacedUnknown.into());
    }
    let mut ids = Vec::with_capacity(found.len());
    for old in found {
        let version = old.version + 1;
        let resource = open_json(key, &record::document(old.id, old.version), &old.sealed)?;
        let resource = superseded(resource, version, &instant(now));
        let sealed = seal_json(key, &record::document(old.id, version), &resource)?;
        store::document::supersede(tx, old.id, version, &sealed, now)
            .await
            .map_err(|e| database_problem(&e))?;
        ids.push(old.id);
    }
    Ok(ids)
}
