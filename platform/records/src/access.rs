//! The gate of every route: who is the patient, what are the facts, may this person do this; and the refusal.

use dmp_access::{Action, Category, Facts, Reason, Request};
use dmp_client::audit::{Event, EventKind};
use dmp_client::consent::FactsRequest;
use dmp_core::ids::{PatientId, Pseudonym};
use dmp_core::problem::Problem;
use dmp_core::token::Person;
use jiff::Timestamp;

use crate::app::App;
use crate::events::Act;

/// Why a refusal happened when no policy was asked. Beside [`Reason`], for the log only.
pub(crate) const UNKNOWN_PATIENT: &str = "unknown-patient";
pub(crate) const UNKNOWN_DOCUMENT: &str = "unknown-document";

/// A patient as this group, consent and audit know them, and what consent says right now.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) patient: PatientId,
    /// In this group's domain.
    pub(crate) own: Pseudonym,
    /// In the audit domain.
    pub(crate) audit: Pseudonym,
    facts: Facts,
}

impl App {
    /// Resolves the patient and asks for the facts. An unknown patient is a refusal like any other, and so is one of another
    /// realm: the registry does not know her there.
    ///
    /// # Errors
    /// The refusal (logged), or a 503 that names what is away.
    pub(crate) async fn subject(&self, act: &Act<'_>, patient: PatientId) -> Result<Subject, Problem> {
        let realm = act.claims.realm.as_deref();
        let Some(known) = self.upstream.resolve(patient, realm, act.correlation).await? else {
            return Err(self.refuse(act, None, UNKNOWN_PATIENT).await);
        };
        let (Some(consent), Some(audit)) = (known.consent, known.audit) else {
            return Err(Problem::unavailable("registry-unavailable", &IncompleteAnswer));
        };
        let professional = match &act.claims.person {
            Person::Professional { inpe, .. } => Some(inpe.clone()),
            Person::Patient { .. } => None,
            Person::Directory => {
                return Err(self.refuse(act, Some(audit), Reason::Profession.as_str()).await);
            }
        };
        let answer = self
            .upstream
            .facts(
                &FactsRequest {
                    patient: consent,
                    professional,
                },
                act.correlation,
            )
            .await?;
        let facts = Facts {
            opposed: answer.opposed,
            care_relation_until: answer.care_relation_until,
        };
        Ok(Subject {
            patient,
            own: known.own,
            audit,
            facts,
        })
    }

    /// Lets through or refuses one action on documents of one category.
    ///
    /// # Errors
    /// The refusal, logged.
    pub(crate) async fn permit(
        &self,
        act: &Act<'_>,
        subject: &Subject,
        action: Action,
        category: Category,
    ) -> Result<(), Problem> {
        let Some(request) = self.request(act, subject, action, category) else {
            return Err(self
                .refuse(act, Some(subject.audit), Reason::Profession.as_str())
                .await);
        };
        let decision = self.decider.decide(&request);
        if decision.allowed {
            return Ok(());
        }
        Err(self
            .refuse(act, Some(subject.audit), decision.reason.as_str())
            .await)
    }

    /// The categories whose documents may be listed.
    ///
    /// # Errors
    /// The refusal, logged, when there is none.
    pub(crate) async fn searchable(
        &self,
        act: &Act<'_>,
        subject: &Subject,
    ) -> Result<Vec<Category>, Problem> {
        let outcome = match self.request(act, subject, Action::Search, Category::Other) {
            Some(request) => self.decider.search(&request),
            None => Err(Reason::Profession),
        };
        match outcome {
            Ok(categories) => Ok(categories),
            Err(reason) => Err(self.refuse(act, Some(subject.audit), reason.as_str()).await),
        }
    }

    fn request<'a>(
        &'a self,
        act: &'a Act<'_>,
        subject: &Subject,
        action: Action,
        category: Category,
    ) -> Option<Request<'a>> {
        let claims = act.claims;
        let person = match &claims.person {
            Person::Professional { inpe, profession } => dmp_access::Person::Professional {
                inpe,
                profession,
                establishment: claims.establishment.as_deref(),
                group: claims.group.as_deref(),
            },
            Person::Patient { id } => dmp_access::Person::Patient {
                is_subject: *id == subject.patient,
            },
            Person::Directory => return None,
        };
        Some(Request {
            action,
            person,
            purpose: &claims.purpose,
            category,
            facts: subject.facts,
            record_group: self.group.as_str(),
            now: Timestamp::now(),
        })
    }

    /// Logs the refusal with its reason and gives the one answer for all of them.
    pub(crate) async fn refuse(&self, act: &Act<'_>, patient: Option<Pseudonym>, reason: &str) -> Problem {
        match self
            .log_now(&act.event(EventKind::Refusal, patient, reason))
            .await
        {
            Ok(()) => Problem::access_refused(),
            Err(problem) => problem,
        }
    }

    /// Makes an entry durable before an answer leaves.
    ///
    /// # Errors
    /// 503 `audit-unavailable`.
    pub(crate) async fn log_now(&self, event: &Event) -> Result<(), Problem> {
        self.log
            .append_now(event)
            .await
            .map_err(|error| audit_unavailable(&error))
    }
}

pub(crate) fn audit_unavailable(error: &dmp_tlog::LogError) -> Problem {
    Problem::unavailable("audit-unavailable", error)
}

/// The registry did not give the pseudonyms that a record store has a right to.
#[derive(Debug, thiserror::Error)]
#[error("the registry's answer lacks a pseudonym")]
struct IncompleteAnswer;
