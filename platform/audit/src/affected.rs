//! Whose records an incident touched: patients by software or person and window, named as the group knows them.
//!
//! The asking is an act of the log, durable before the answer is given. Out of scope: whether who asks may (the portal), who is told.

use std::collections::HashMap;
use std::sync::Arc;

use dmp_client::acts::{Act, word};
use dmp_client::affected::{AffectedPatient, Answer, Question};
use dmp_core::correlation::Correlation;
use dmp_core::ids::Pseudonym;
use dmp_keys::BlindIndex;
use jiff::Timestamp;
use serde::Deserialize;
use sqlx::postgres::PgPool;
use uuid::Uuid;

use crate::access::{self, meant};
use crate::acts::{ActError, Acts};
use crate::bodies::{Bodies, BodyError};
use crate::registry::{Registry, RegistryError};
use crate::store;
use crate::store::access::{Of, Touched};

#[derive(Debug, thiserror::Error)]
pub enum AffectedError {
    #[error("there is no log of this group")]
    UnknownGroup,
    /// Entries from before the index that are not in it yet, of so many.
    #[error("{missing} of {size} entries of the group's log are not indexed by who did it yet")]
    NotReady { missing: u64, size: u64 },
    #[error("the database does not answer")]
    Database(#[from] sqlx::Error),
    #[error("an entry cannot be opened")]
    Body(#[from] BodyError),
    #[error("the page before does not say where this one begins")]
    After(#[from] hex::FromHexError),
    #[error("an entry is indexed, and does not speak of a patient")]
    NoPatient,
    #[error("the patients cannot be named")]
    Registry(#[from] RegistryError),
    #[error("the asking cannot be recorded")]
    Act(#[from] ActError),
}

pub struct Affected {
    pool: PgPool,
    bodies: Arc<Bodies>,
    index: Arc<BlindIndex>,
    registry: Registry,
    acts: Arc<Acts>,
    domain: String,
}

/// What the answer needs of an event.
#[derive(Deserialize)]
struct Mention {
    patient: Option<Pseudonym>,
}

impl Affected {
    pub fn new(
        pool: PgPool,
        bodies: Arc<Bodies>,
        index: Arc<BlindIndex>,
        registry: Registry,
        acts: Arc<Acts>,
        domain: &str,
    ) -> Self {
        Self {
            pool,
            bodies,
            index,
            registry,
            acts,
            domain: domain.to_owned(),
        }
    }

    /// Origin of the log that a question is about.
    pub fn origin(&self, question: &Question) -> String {
        access::origin(&self.domain, &question.group)
    }

    /// A page of the answer to a question that has been checked. `by` (`<namespace>/<ServiceAccount>`) brings it; `behind`: whether the
    /// newest entries of the group's log are missing.
    ///
    /// # Errors
    /// [`AffectedError`]: nobody is left out because an entry could not be opened.
    pub async fn answer(
        &self,
        by: &str,
        question: &Question,
        behind: bool,
        correlation: Correlation,
    ) -> Result<Answer, AffectedError> {
        let origin = self.origin(question);
        let of = meant(&self.index, &origin, question);
        let mut tx = self.pool.begin().await?;
        let state = store::source::read(&mut tx, &origin)
            .await?
            .ok_or(AffectedError::UnknownGroup)?;
        if state.accessed < state.indexed {
            return Err(AffectedError::NotReady {
                missing: state.indexed - state.accessed,
                size: state.size,
            });
        }
        let count = store::access::count(&mut tx, &of).await?;
        let limit = i64::from(question.limit());
        let after = question.after.as_deref().map(hex::decode).transpose()?;
        // One more than is asked for says whether there is a next page.
        let mut page = store::access::page(&mut tx, &of, after.as_deref(), limit + 1).await?;
        let more = i64::try_from(page.len()).unwrap_or(i64::MAX) > limit;
        page.truncate(usize::try_from(limit).unwrap_or_default());
        let unreadable = store::finding::unreadable(&mut tx, &origin).await?;
        tx.commit().await?;

        let answer = Answer {
            count: count.unsigned_abs(),
            patients: self.named(&origin, question, &page, correlation).await?,
            next: page
                .last()
                .filter(|_| more)
                .map(|last| hex::encode(&last.patient)),
            behind: behind || state.indexed < state.size,
            unreadable: unreadable.unsigned_abs(),
        };
        let act = act(question, &of, &answer);
        self.acts.record(by, act, correlation).await?;
        Ok(answer)
    }

    /// The patients of a page, in its order.
    async fn named(
        &self,
        origin: &str,
        question: &Question,
        page: &[Touched],
        correlation: Correlation,
    ) -> Result<Vec<AffectedPatient>, AffectedError> {
        let mut indexes: Vec<i64> = page.iter().map(|touched| touched.idx).collect();
        indexes.sort_unstable();
        let mut conn = self.pool.acquire().await?;
        let entries = store::entry::at(&mut conn, origin, &indexes).await?;
        drop(conn);
        let mut pseudonyms = HashMap::with_capacity(entries.len());
        for entry in &entries {
            let opened = self.bodies.open(entry).await?;
            let mention: Option<Mention> = serde_json::from_str(&opened.event).ok();
            let patient = mention.and_then(|mention| mention.patient);
            pseudonyms.insert(entry.index, patient.ok_or(AffectedError::NoPatient)?);
        }
        let pseudonyms = page
            .iter()
            .map(|touched| pseudonyms.get(&touched.idx.unsigned_abs()).copied())
            .collect::<Option<Vec<_>>>()
            .ok_or(AffectedError::NoPatient)?;
        let ids = self
            .registry
            .identify(&question.group, pseudonyms, correlation)
            .await?;
        let moment = |ms: i64| Timestamp::from_millisecond(ms).unwrap_or_default();
        let named = page.iter().zip(ids).map(|(touched, patient)| AffectedPatient {
            patient,
            first: moment(touched.first),
            last: moment(touched.last),
            reads: touched.reads.unsigned_abs(),
            searches: touched.searches.unsigned_abs(),
            writes: touched.writes.unsigned_abs(),
        });
        Ok(named.collect())
    }
}

/// The asking, as it is in the log. A professional is there by her token of the index: who is asked about again is seen, who it is is not.
fn act(question: &Question, of: &Of, answer: &Answer) -> Act {
    let named = answer.patients.iter().filter(|one| one.patient.is_some());
    let facts = [
        ("group", Some(question.group.to_string())),
        ("software", question.software.clone()),
        ("version", question.version.clone()),
        ("person", of.person.map(hex::encode)),
        ("establishment", question.establishment.clone()),
        ("from", Some(question.from.to_string())),
        ("to", Some(question.to.to_string())),
        ("after", question.after.clone()),
        ("count", Some(answer.count.to_string())),
        ("given", Some(answer.patients.len().to_string())),
        ("named", Some(named.count().to_string())),
    ];
    Act {
        // Asking again is another asking.
        id: format!("affected/{}", Uuid::new_v4()),
        who: question.who.clone(),
        operation: "incident/affected".to_owned(),
        resource: "Incident".to_owned(),
        object: question.incident.clone(),
        outcome: "done".to_owned(),
        facts: facts
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), vec![word(&value?)])))
            .collect(),
    }
}
