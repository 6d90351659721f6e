//! What arrives of the API server's audit, as the operator notes it in a Lease: when events last came, and in which API groups a
//! change came without its request.

use dmp_api::names::{AUDIT_LACKING, AUDIT_LEASE, SYSTEM_NAMESPACE};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};

use crate::metrics;
use crate::world::{Read, unread};

/// How long a change without its request counts: the control's evidence is of a day.
const COUNTS: SignedDuration = SignedDuration::from_hours(24);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Minutes since the last event; before the first one as many as there can be.
    pub silent_minutes: i64,
    /// API groups.
    pub without_request: usize,
}

/// # Errors
/// When the Lease cannot be read.
pub(crate) async fn read(client: &Client, now: Timestamp) -> Read<Audit> {
    let leases = Api::<Lease>::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let lease = leases.get_opt(AUDIT_LEASE).await;
    let lease = lease.map_err(|error| unread("Leases", &error))?;
    metrics::read("Leases", true);
    Ok(audit(lease.unwrap_or_default(), now))
}

/// A clock that was moved backwards makes nothing younger.
fn audit(lease: Lease, now: Timestamp) -> Audit {
    let heard = lease.spec.and_then(|spec| spec.renew_time);
    let annotations = lease.metadata.annotations.unwrap_or_default();
    let recent = |at: &str| {
        at.parse::<Timestamp>()
            .is_ok_and(|at| now.duration_since(at) < COUNTS)
    };
    let lacking = annotations
        .iter()
        .filter(|(name, _)| name.starts_with(AUDIT_LACKING));
    Audit {
        silent_minutes: heard.map_or(i64::from(i32::MAX), |at| now.duration_since(at.0).abs().as_mins()),
        without_request: lacking.filter(|(_, at)| recent(at)).count(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(annotations: &Value, renewed: Option<&str>) -> Audit {
        let lease = json!({
            "metadata": { "name": AUDIT_LEASE, "annotations": annotations },
            "spec": { "renewTime": renewed },
        });
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        audit(serde_json::from_value(lease).unwrap(), now)
    }

    #[test]
    fn what_came_without_its_request_counts_for_a_day() {
        let heard = Some("2026-11-30T11:58:00.000000Z");
        let lacking = json!({
            "audit.dmp.ma/rbac.authorization.k8s.io": "2026-11-30T03:00:00Z",
            "audit.dmp.ma/dmp.ma": "2026-11-29T11:00:00Z",
            "audit.dmp.ma/x": "yesterday",
            "other": "2026-11-30T11:00:00Z",
        });
        let expected = Audit {
            silent_minutes: 2,
            without_request: 1,
        };
        assert_eq!(of(&lacking, heard), expected);
        assert_eq!(of(&json!({}), heard).without_request, 0);
    }

    #[test]
    fn silence_is_none_of_the_answers_that_pass() {
        assert!(of(&json!({}), None).silent_minutes > 20);
        assert_eq!(
            of(&json!({}), Some("2026-11-30T11:00:00.000000Z")).silent_minutes,
            60
        );
        let ahead = of(&json!({}), Some("2026-11-30T13:00:00.000000Z"));
        assert_eq!(ahead.silent_minutes, 60, "the clock went back");
    }
}
