//! Reading the Bundle into a plan: which entry is what, which bytes belong to which DocumentReference.

use std::collections::HashMap;

use dmp_access::Category;
use dmp_fhir::binary::Binary;
use dmp_fhir::bundle::{Entry, Transaction};
use dmp_fhir::document::DocumentReference;
use dmp_fhir::reference::Reference;
use dmp_fhir::submission::{SubmissionSet, is_submission_set};
use serde_json::Value;
use uuid::Uuid;

use super::SubmissionError as Error;
use super::rewrite::{Links, stored};
use crate::public_id::PublicIds;

/// The largest document, in bytes.
pub(crate) const MAX_DOCUMENT: usize = 40 << 20;
/// Base64 of a document beyond that is refused before it is decoded.
const MAX_BASE64: usize = MAX_DOCUMENT / 3 * 4 + MAX_DOCUMENT / 16;

/// `(system, value)` of an identifier, and its HMAC later.
pub(crate) type Named = (Option<String>, String);

/// What an entry of the request is, for its answer.
pub(crate) enum EntryRole {
    SubmissionSet,
    /// Index into [`Plan::documents`].
    Document(usize),
    Folder(usize),
    Binary(usize),
    /// The registry's patient: nothing is stored of it here.
    Patient,
    /// An existing document becomes superseded.
    Superseded(Target),
}

/// An existing document that is replaced.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// By its public id.
    Id(Uuid),
    /// By its masterIdentifier.
    Identifier(Named),
}

/// A new document.
pub(crate) struct Document {
    pub(crate) id: Uuid,
    pub(crate) content_id: Uuid,
    /// DocumentReference as it is stored.
    pub(crate) resource: Value,
    pub(crate) identifier: Option<Named>,
    pub(crate) category: Category,
    pub(crate) content: Vec<u8>,
    pub(crate) replaces: Vec<Target>,
}

/// A new folder (a List).
pub(crate) struct Folder {
    pub(crate) id: Uuid,
    pub(crate) resource: Value,
}

/// Everything one ITI-65 stores, ids given, references resolved.
pub(crate) struct Plan {
    pub(crate) id: Uuid,
    pub(crate) unique_id: Named,
    /// The SubmissionSet as it is stored.
    pub(crate) set: Value,
    pub(crate) documents: Vec<Document>,
    pub(crate) folders: Vec<Folder>,
    /// One per entry of the request, in order.
    pub(crate) roles: Vec<EntryRole>,
}

impl Plan {
    /// `now` is a FHIR instant.
    ///
    /// # Errors
    /// [`Error`].
    pub(crate) fn read(bundle: &Value, ids: &PublicIds, now: &str) -> Result<Self, Error> {
        let transaction = Transaction::parse(bundle)?;
        Reader {
            transaction: &transaction,
            ids,
            now,
            links: Links::new(),
            of_entry: HashMap::new(),
        }
        .read()
    }
}

struct Reader<'a> {
    transaction: &'a Transaction<'a>,
    ids: &'a PublicIds,
    now: &'a str,
    links: Links,
    /// New id of each entry that is stored.
    of_entry: HashMap<usize, Uuid>,
}

impl<'a> Reader<'a> {
    fn read(mut self) -> Result<Plan, Error> {
        self.give_ids()?;
        let (set_entry, set_resource) = self.submission_set()?;
        let set = SubmissionSet::parse(set_resource)?;
        let mut subjects: Vec<Reference<'a>> = set.subject.into_iter().collect();
        for reference in &set.entries {
            self.must_lead_somewhere(set_entry, reference)?;
        }

        let mut documents = Vec::new();
        let mut folders = Vec::new();
        let mut binaries: HashMap<usize, usize> = HashMap::new();
        let mut roles: Vec<Option<EntryRole>> = Vec::new();
        for (at, entry) in self.transaction.entries.iter().enumerate() {
            let resource = entry.resource;
            roles.push(match (entry.method, entry.kind(), resource) {
                ("POST", Some("List"), _) if at == set_entry => Some(EntryRole::SubmissionSet),
                ("POST", Some("List"), Some(resource)) if is_folder(resource) => {
                    let id = self.id_of(at)?;
                    let resource = stored(resource.clone(), &self.ids.format(id), self.now, &self.links);
                    folders.push(Folder { id, resource });
                    Some(EntryRole::Folder(folders.len() - 1))
                }
                ("POST", Some("DocumentReference"), Some(resource)) => {
                    let reference = DocumentReference::parse(resource)?;
                    subjects.extend(reference.subject);
                    if !set.entries.iter().any(|item| self.leads_to(item, at)) {
                        return Err(Error::NotInSubmissionSet { entry: at });
                    }
                    let (binary, document) = self.document(at, &reference)?;
                    if binaries.insert(binary, documents.len()).is_some() {
                        return Err(Error::BinaryUnreferenced { entry: binary });
                    }
                    documents.push(document);
                    Some(EntryRole::Document(documents.len() - 1))
                }
                // Belongs to a DocumentReference that may come later.
                ("POST", Some("Binary"), _) => None,
                ("POST" | "PUT", Some("Patient"), _) => Some(EntryRole::Patient),
                ("PATCH" | "PUT", Some("Parameters" | "DocumentReference"), Some(resource)) => {
                    Some(EntryRole::Superseded(self.superseded(at, entry, resource)?))
                }
                _ => return Err(Error::UnexpectedEntry { entry: at }),
            });
        }
        if documents.is_empty() {
            return Err(Error::NoDocument);
        }
        one_patient(&subjects)?;
        let roles: Vec<EntryRole> = roles
            .into_iter()
            .enumerate()
            .map(|(at, role)| {
                role.or_else(|| binaries.get(&at).map(|document| EntryRole::Binary(*document)))
                    .ok_or(Error::BinaryUnreferenced { entry: at })
            })
            .collect::<Result<_, _>>()?;
        superseded_are_replaced(&roles, &documents)?;
        let id = self.id_of(set_entry)?;
        Ok(Plan {
            id,
            unique_id: named(&set.unique_id),
            set: stored(set_resource.clone(), &self.ids.format(id), self.now, &self.links),
            documents,
            folders,
            roles,
        })
    }

    /// Ids for everything that will be stored, before any reference is resolved.
    fn give_ids(&mut self) -> Result<(), Error> {
        for (at, entry) in self.transaction.entries.iter().enumerate() {
            let ("POST", Some(kind @ ("List" | "DocumentReference" | "Binary"))) =
                (entry.method, entry.kind())
            else {
                continue;
            };
            let id = Uuid::new_v4();
            self.of_entry.insert(at, id);
            if let Some(url) = entry.full_url {
                self.links
                    .insert(url.to_owned(), format!("{kind}/{}", self.ids.format(id)));
            }
        }
        Ok(())
    }

    fn id_of(&self, entry: usize) -> Result<Uuid, Error> {
        self.of_entry
            .get(&entry)
            .copied()
            .ok_or(Error::UnexpectedEntry { entry })
    }

    fn submission_set(&self) -> Result<(usize, &'a Value), Error> {
        let mut sets = self
            .transaction
            .entries
            .iter()
            .enumerate()
            .filter_map(|(at, entry)| {
                let resource = entry.resource.filter(|_| entry.method == "POST")?;
                is_submission_set(resource).then_some((at, resource))
            });
        match (sets.next(), sets.next()) {
            (Some(set), None) => Ok(set),
            (None, _) => Err(Error::NoSubmissionSet),
            (Some(_), Some(_)) => Err(Error::SeveralSubmissionSets),
        }
    }

    /// A reference inside the Bundle must have its entry; one to something that exists elsewhere is left alone.
    fn must_lead_somewhere(&self, entry: usize, reference: &Reference<'_>) -> Result<(), Error> {
        let inside = matches!(reference, Reference::Uuid(_) | Reference::Oid(_));
        if inside && self.transaction.resolve(reference).is_none() {
            return Err(Error::DanglingReference { entry });
        }
        Ok(())
    }

    fn leads_to(&self, reference: &Reference<'_>, entry: usize) -> bool {
        let target = self
            .transaction
            .resolve(reference)
            .and_then(|found| found.full_url);
        let here = self
            .transaction
            .entries
            .get(entry)
            .and_then(|entry| entry.full_url);
        target.is_some() && target == here
    }

    /// The document of a DocumentReference, and the entry its bytes come from.
    fn document(&self, at: usize, reference: &DocumentReference<'a>) -> Result<(usize, Document), Error> {
        if reference.status != "current" {
            return Err(Error::NotCurrent { entry: at });
        }
        let [attachment] = reference.content.as_slice() else {
            return Err(Error::OneContent { entry: at });
        };
        let missing = || Error::BinaryMissing { entry: at };
        let target = attachment
            .url
            .and_then(Reference::parse_url)
            .ok_or_else(missing)?;
        let entry = self
            .transaction
            .resolve(&target)
            .filter(|entry| entry.kind() == Some("Binary"));
        let (url, resource) = entry
            .and_then(|entry| Some((entry.full_url?, entry.resource?)))
            .ok_or_else(missing)?;
        let same = |entry: &Entry<'_>| entry.full_url == Some(url);
        let binary = self
            .transaction
            .entries
            .iter()
            .position(same)
            .ok_or_else(missing)?;
        let too_large = Error::DocumentTooLarge { entry: binary };
        if resource
            .get("data")
            .and_then(Value::as_str)
            .is_some_and(|data| data.len() > MAX_BASE64)
        {
            return Err(too_large);
        }
        let Binary { content_type, data } = Binary::parse(resource)?;
        if data.len() > MAX_DOCUMENT {
            return Err(too_large);
        }
        attachment.check(&data)?;

        let id = self.id_of(at)?;
        let mut stored = stored(
            reference.resource.clone(),
            &self.ids.format(id),
            self.now,
            &self.links,
        );
        if attachment.content_type.is_none()
            && let Some(Value::Object(attachment)) = stored.pointer_mut("/content/0/attachment")
        {
            attachment.insert("contentType".to_owned(), content_type.into());
        }
        let mut replaces = Vec::new();
        for (code, target) in &reference.relates_to {
            match self.target(target) {
                Some(target) if *code == "replaces" => replaces.push(target),
                None if *code == "replaces" => return Err(Error::ReplacedUnknown),
                _ => self.must_lead_somewhere(at, target)?,
            }
        }
        let document = Document {
            id,
            content_id: self.id_of(binary)?,
            resource: stored,
            identifier: reference.master_identifier.as_ref().map(named),
            category: Category::of_codes(reference.codes()),
            content: data,
            replaces,
        };
        Ok((binary, document))
    }

    fn target(&self, reference: &Reference<'_>) -> Option<Target> {
        match reference {
            Reference::Identifier(identifier) => Some(Target::Identifier(named(identifier))),
            other => self.ids.parse(other.is("DocumentReference")?).map(Target::Id),
        }
    }

    /// MHD's replacement: `PATCH DocumentReference/<id>` with IHE.MHD.Patch.Parameters, or a PUT of it as superseded.
    fn superseded(&self, at: usize, entry: &Entry<'_>, resource: &Value) -> Result<Target, Error> {
        let understood = match entry.method {
            "PATCH" => is_supersede_patch(resource),
            _ => resource.get("status").and_then(Value::as_str) == Some("superseded"),
        };
        if !understood {
            return Err(Error::PatchNotUnderstood { entry: at });
        }
        let target = Reference::parse_url(entry.url).ok_or(Error::PatchNotUnderstood { entry: at })?;
        self.target(&target).ok_or(Error::ReplacedUnknown)
    }
}

/// A List with the code `folder` (MHD `MHDlistTypes`).
fn is_folder(resource: &Value) -> bool {
    let codings = resource.pointer("/code/coding").and_then(Value::as_array);
    codings
        .into_iter()
        .flatten()
        .any(|coding| coding.get("code").and_then(Value::as_str) == Some("folder"))
}

/// One `operation`: replace `DocumentReference.status` by `superseded`.
fn is_supersede_patch(parameters: &Value) -> bool {
    let Some([operation]) = parameters
        .get("parameter")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    else {
        return false;
    };
    let part = |name: &str, value: &str| {
        let parts = operation.get("part").and_then(Value::as_array);
        parts.into_iter().flatten().any(|part| {
            part.get("name").and_then(Value::as_str) == Some(name)
                && ["valueString", "valueCode"]
                    .iter()
                    .any(|key| part.get(*key).and_then(Value::as_str) == Some(value))
        })
    };
    operation.get("name").and_then(Value::as_str) == Some("operation")
        && part("path", "DocumentReference.status")
        && part("type", "replace")
        && part("value", "superseded")
}

/// All subjects are written the same: the gateway resolved one of them.
fn one_patient(subjects: &[Reference<'_>]) -> Result<(), Error> {
    match subjects.split_first() {
        Some((first, others)) if others.iter().any(|other| other != first) => Err(Error::SeveralPatients),
        _ => Ok(()),
    }
}

fn superseded_are_replaced(roles: &[EntryRole], documents: &[Document]) -> Result<(), Error> {
    for (entry, role) in roles.iter().enumerate() {
        let EntryRole::Superseded(target) = role else {
            continue;
        };
        if !documents
            .iter()
            .any(|document| document.replaces.contains(target))
        {
            return Err(Error::SupersededByNothing { entry });
        }
    }
    Ok(())
}

fn named(identifier: &dmp_fhir::Identifier<'_>) -> Named {
    (identifier.system.map(str::to_owned), identifier.value.to_owned())
}
