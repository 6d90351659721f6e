//! Conditions: `Ready`, `Reconciling`, `Stalled` (the kstatus trio) and a kind's own, written only when they change.
//!
//! No time of the reconciliation, no resource version and no count that moves by itself goes into a status: a second
//! reconcile of the same world writes nothing.

use dmp_api::StatusConditions;
use k8s_controller::conditions::{self, ConditionStatus, DesiredCondition};
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

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

/// Writes `status` if it is not what `object` shows already; whether it was written.
///
/// # Errors
/// When the API server refuses or cannot be reached.
pub async fn write<K, S>(
    api: &Api<K>,
    manager: &str,
    object: &K,
    old: Option<&S>,
    new: &S,
) -> Result<bool, kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
    S: PartialEq + Serialize,
{
    if old == Some(new) {
        return Ok(false);
    }
    let body = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": { "name": object.name_any(), "namespace": object.namespace() },
        "status": new,
    });
    let parameters = PatchParams::apply(manager).force();
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
