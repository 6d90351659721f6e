//! The transaction-response: one entry per entry of the request, in its order (MHD 3.65.4.2).

use dmp_core::ids::PatientId;
use dmp_fhir::bundle::{ResponseEntry, transaction_response};
use serde_json::Value;

use super::plan::{EntryRole, Plan, Target};
use super::rewrite::set_version;
use crate::public_id::PublicIds;

/// `now` is a FHIR instant.
pub(crate) fn answer(plan: &Plan, ids: &PublicIds, patient: &PatientId, now: &str) -> Value {
    let created = |location: String| ResponseEntry {
        status: "201 Created".to_owned(),
        location: Some(location),
        etag: Some(r#"W/"1""#.to_owned()),
        last_modified: Some(now.to_owned()),
        outcome: None,
    };
    let entries = plan.roles.iter().map(|role| match role {
        EntryRole::SubmissionSet => created(format!("List/{}", ids.format(plan.id))),
        EntryRole::Folder(n) => created(of(&plan.folders, *n, |folder| {
            format!("List/{}", ids.format(folder.id))
        })),
        EntryRole::Document(n) => created(of(&plan.documents, *n, |document| {
            format!("DocumentReference/{}", ids.format(document.id))
        })),
        EntryRole::Binary(n) => created(of(&plan.documents, *n, |document| {
            format!("Binary/{}", ids.format(document.content_id))
        })),
        EntryRole::Patient => created(format!("Patient/{}", patient.as_uuid())),
        EntryRole::Superseded(target) => ResponseEntry {
            status: "200 OK".to_owned(),
            location: match target {
                Target::Id(id) => Some(format!("DocumentReference/{}", ids.format(*id))),
                Target::Identifier(_) => None,
            },
            last_modified: Some(now.to_owned()),
            ..ResponseEntry::default()
        },
    });
    transaction_response(entries.collect())
}

fn of<T>(items: &[T], n: usize, text: impl Fn(&T) -> String) -> String {
    items.get(n).map(text).unwrap_or_default()
}

/// A DocumentReference as its next version, superseded.
pub(crate) fn superseded(mut resource: Value, version: u32, now: &str) -> Value {
    if let Value::Object(members) = &mut resource {
        members.insert("status".to_owned(), "superseded".into());
        set_version(members, version, now);
    }
    resource
}
