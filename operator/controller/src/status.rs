//! Conditions: `Ready`, `Reconciling`, `Stalled` (the kstatus trio) and a kind's own, written only when they change.
//!
//! No time of the reconciliation, no resource version and no count that moves by itself goes into a status: a second
//! reconcile of the same world writes nothing. Every kind's status is begun and written here; what is in it is its own.

use dmp_api::StatusConditions;
use dmp_core::problem::Chain;
use dmp_homologation::signed::Refused;
use k8s_controller::conditions::{self, ConditionStatus, DesiredCondition};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::object::HasStatus;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde_json::json;

use crate::controller::{Context, Kind, manager};

/// A status that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the API server refused the status")]
pub struct Error(#[from] kube::Error);

/// An object with conditions.
pub trait Conditioned:
    Resource<DynamicType = ()> + HasStatus<Status: StatusConditions + Clone + PartialEq + Serialize>
{
}

impl<K> Conditioned for K
where
    K: Resource<DynamicType = ()> + HasStatus,
    K::Status: StatusConditions + Clone + PartialEq + Serialize,
{
}

/// Why an object cannot be until somebody does something; the text says what.
pub trait Refusal: std::fmt::Display {
    /// Condition reason, stable.
    fn reason(&self) -> &'static str;
}

impl Refusal for Refused {
    fn reason(&self) -> &'static str {
        self.reason
    }
}

/// One fact about an object, for its conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Condition type.
    pub name: &'static str,
    pub holds: ConditionStatus,
    /// CamelCase, stable: people write alerts on it.
    pub reason: &'static str,
    /// What it means and what to do.
    pub message: String,
}

impl Fact {
    pub fn new(name: &'static str, holds: bool, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            name,
            holds: holds.into(),
            reason,
            message: message.into(),
        }
    }

    /// What cannot be told at present.
    pub fn unknown(name: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            name,
            holds: ConditionStatus::Unknown,
            reason,
            message: message.into(),
        }
    }
}

/// The outcome of a reconciliation, from which the trio follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Ready,
    /// Nothing is wrong; something is not there yet.
    Progressing {
        reason: &'static str,
        message: String,
    },
    /// It goes no further without somebody's doing.
    Stalled {
        reason: &'static str,
        message: String,
    },
    /// The platform's own trouble; it tries again by itself.
    Failing {
        reason: &'static str,
        message: String,
    },
}

impl Verdict {
    /// `Ready`, `Reconciling`, `Stalled`.
    pub fn facts(&self) -> [Fact; 3] {
        let (ready, reconciling, stalled, reason, message) = match self {
            Self::Ready => (true, false, false, "Ready", ""),
            Self::Progressing { reason, message } => (false, true, false, *reason, message.as_str()),
            Self::Stalled { reason, message } => (false, false, true, *reason, message.as_str()),
            Self::Failing { reason, message } => (false, true, false, *reason, message.as_str()),
        };
        let of = |name, holds, active: bool| {
            if active || name == "Ready" {
                Fact::new(name, holds, reason, message)
            } else {
                Fact::new(name, holds, "Idle", "")
            }
        };
        [
            of("Ready", ready, true),
            of("Reconciling", reconciling, reconciling),
            of("Stalled", stalled, stalled),
        ]
    }

    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }

    /// What a refusal comes to.
    pub fn stalled(refusal: &impl Refusal) -> Self {
        Self::Stalled {
            reason: refusal.reason(),
            message: refusal.to_string(),
        }
    }

    /// Reason of the condition `Ready`.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Progressing { reason, .. }
            | Self::Stalled { reason, .. }
            | Self::Failing { reason, .. } => reason,
        }
    }
}

/// Puts facts into a status, keeping the times of transitions.
pub fn set<S: StatusConditions>(
    status: &mut S,
    generation: Option<i64>,
    facts: impl IntoIterator<Item = Fact>,
) {
    for fact in facts {
        let desired = DesiredCondition::new(fact.name, fact.holds, fact.reason, fact.message)
            .observed_generation(generation);
        // Whether anything changed is decided on the whole status, in `write`.
        let _ = conditions::set(status.conditions_mut(), desired);
    }
}

/// The status there is, with these facts and this verdict about the object as it is now. Pure.
pub fn concluded<K: Conditioned>(
    object: &K,
    facts: impl IntoIterator<Item = Fact>,
    verdict: &Verdict,
) -> K::Status {
    let generation = object.meta().generation;
    let mut status = object.status().cloned().unwrap_or_default();
    set(&mut status, generation, facts);
    set(&mut status, generation, verdict.facts());
    *status.observed_generation_mut() = generation;
    status
}

/// Whether `Ready` holds in a status.
pub fn is_ready(status: &impl StatusConditions) -> bool {
    conditions::find(status.conditions(), "Ready").is_some_and(|ready| ready.status == "True")
}

/// Whether the object, as it is now, has been seen through to `Ready`.
pub fn is_converged<K: Conditioned>(object: &K) -> bool {
    let generation = object.meta().generation;
    let current = |status: &K::Status| {
        conditions::find(status.conditions(), "Ready")
            .is_some_and(|ready| ready.status == "True" && ready.observed_generation == generation)
    };
    object.meta().deletion_timestamp.is_none() && object.status().is_some_and(current)
}

/// The object cannot be, until somebody does something; whether that is news.
///
/// # Errors
/// When the status cannot be written.
pub async fn refused<K>(
    context: &Context,
    object: &K::Resource,
    refusal: &impl Refusal,
) -> Result<bool, Error>
where
    K: Kind,
    K::Resource: Conditioned,
{
    write::<K>(
        context,
        object,
        &concluded(object, [], &Verdict::stalled(refusal)),
    )
    .await
}

/// Something failed that is tried again; whether that is news.
///
/// # Errors
/// When the status cannot be written.
pub async fn failing<K>(
    context: &Context,
    object: &K::Resource,
    reason: &'static str,
    error: &(dyn std::error::Error + Send + Sync),
) -> Result<bool, Error>
where
    K: Kind,
    K::Resource: Conditioned,
{
    let message = Chain(error).to_string();
    let verdict = Verdict::Failing { reason, message };
    write::<K>(context, object, &concluded(object, [], &verdict)).await
}

/// What a reconciliation came to.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub ready: bool,
    pub became_ready: bool,
}

/// Writes the status that a reconciliation ended with, if it is news.
///
/// # Errors
/// When the status cannot be written.
pub async fn settle<K>(
    context: &Context,
    object: &K::Resource,
    new: &<K::Resource as HasStatus>::Status,
) -> Result<Outcome, Error>
where
    K: Kind,
    K::Resource: Conditioned,
{
    let ready = is_ready(new);
    let was_ready = object.status().is_some_and(is_ready);
    write::<K>(context, object, new).await?;
    Ok(Outcome {
        ready,
        became_ready: ready && !was_ready,
    })
}

/// Writes `new` if it is not what `object` shows already; whether it was written.
///
/// # Errors
/// When the API server refuses or cannot be reached.
pub async fn write<K>(
    context: &Context,
    object: &K::Resource,
    new: &<K::Resource as HasStatus>::Status,
) -> Result<bool, Error>
where
    K: Kind,
    K::Resource: Conditioned,
{
    if object.status() == Some(new) {
        return Ok(false);
    }
    let resource = ApiResource::erase::<K::Resource>(&());
    let api = match object.namespace() {
        Some(namespace) => {
            Api::<DynamicObject>::namespaced_with(context.client.clone(), &namespace, &resource)
        }
        None => Api::all_with(context.client.clone(), &resource),
    };
    let body = json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": { "name": object.name_any(), "namespace": object.namespace() },
        "status": new,
    });
    let parameters = PatchParams::apply(&manager::<K>()).force();
    api.patch_status(&object.name_any(), &parameters, &Patch::Apply(&body))
        .await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_api::SiteStatus;

    use super::*;

    #[test]
    fn the_same_facts_change_nothing() {
        let mut status = SiteStatus::default();
        set(&mut status, Some(1), Verdict::Ready.facts());
        let before = status.clone();
        set(&mut status, Some(1), Verdict::Ready.facts());
        assert_eq!(status, before);
    }

    #[test]
    fn the_trio_is_consistent() {
        let stalled = Verdict::Stalled {
            reason: "SiteNotFound",
            message: "create it".to_owned(),
        };
        let facts = stalled.facts();
        let holds: Vec<_> = facts.iter().map(|f| (f.name, f.holds, f.reason)).collect();
        assert_eq!(
            holds,
            [
                ("Ready", ConditionStatus::False, "SiteNotFound"),
                ("Reconciling", ConditionStatus::False, "Idle"),
                ("Stalled", ConditionStatus::True, "SiteNotFound"),
            ]
        );
    }
}
