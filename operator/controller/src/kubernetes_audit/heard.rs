//! When audit events last came to any replica, and when one last came without the request that it should have: a Lease, and the
//! platform's condition `KubernetesAudit`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use dmp_api::names::{AUDIT_LACKING, AUDIT_LEASE, SYSTEM_NAMESPACE};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::PostParams;
use kube::{Api, Client};

use crate::status::Fact;

/// The condition.
pub const CONDITION: &str = "KubernetesAudit";
/// The Lease is written at most so often, but for a group that was not in it.
const WRITE_EVERY: Duration = Duration::from_secs(60);
/// Kubelets ask for tokens every few minutes: an audit that is silent for this long does not come.
const SILENCE: SignedDuration = SignedDuration::from_mins(20);

/// Notes in the Lease that events come.
pub struct Heard {
    leases: Api<Lease>,
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    written: Option<Instant>,
    /// API group, and when a change in it last came without its request.
    lacking: BTreeMap<&'static str, Timestamp>,
}

impl Heard {
    pub fn new(client: Client, namespace: &str) -> Self {
        Self {
            leases: Api::namespaced(client, namespace),
            noted: Mutex::default(),
        }
    }

    /// Events have come now; `lacking`: API groups of those without their request ([`super::event::Event::lacks_request`]).
    pub async fn now(&self, lacking: &BTreeSet<&'static str>) {
        let lacking = {
            let mut noted = self
                .noted
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let now = Timestamp::now();
            let known = lacking.iter().all(|group| noted.lacking.contains_key(group));
            noted.lacking.extend(lacking.iter().map(|group| (*group, now)));
            if known && noted.written.is_some_and(|at| at.elapsed() < WRITE_EVERY) {
                return;
            }
            noted.written = Some(Instant::now());
            noted.lacking.clone()
        };
        if let Err(error) = self.write(&lacking).await {
            tracing::warn!(%error, "that audit events come cannot be noted");
        }
    }

    async fn write(&self, lacking: &BTreeMap<&'static str, Timestamp>) -> Result<(), kube::Error> {
        let parameters = PostParams::default();
        let mut lease = self.leases.get_opt(AUDIT_LEASE).await?.unwrap_or_default();
        let annotations = lease.metadata.annotations.get_or_insert_default();
        for (group, at) in lacking {
            let known = annotations.entry(format!("{AUDIT_LACKING}{group}")).or_default();
            // Another replica may have heard a later one; RFC 3339 in UTC sorts as the time does.
            let at = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            if *known < at {
                *known = at;
            }
        }
        lease.spec.get_or_insert_with(LeaseSpec::default).renew_time = Some(MicroTime(Timestamp::now()));
        let written = if lease.metadata.resource_version.is_some() {
            self.leases.replace(AUDIT_LEASE, &parameters, &lease).await
        } else {
            lease.metadata.name = Some(AUDIT_LEASE.to_owned());
            self.leases.create(&parameters, &lease).await
        };
        match written {
            // The other replica has just noted the same.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            other => other.map(drop),
        }
    }
}

/// The condition, from the Lease.
pub async fn fact(client: &Client) -> Fact {
    let leases = Api::<Lease>::namespaced(client.clone(), SYSTEM_NAMESPACE);
    match leases.get_opt(AUDIT_LEASE).await {
        Ok(lease) => {
            let at = lease
                .and_then(|lease| lease.spec)
                .and_then(|spec| spec.renew_time)
                .map(|time| time.0);
            fact_at(at, Timestamp::now())
        }
        Err(_) => Fact::unknown(CONDITION, "Unknown", "the API server does not say"),
    }
}

/// As [`fact`]; `heard`: when events last came.
pub fn fact_at(heard: Option<Timestamp>, now: Timestamp) -> Fact {
    match heard {
        Some(at) if at.duration_until(now) < SILENCE => Fact::new(CONDITION, true, "Delivered", ""),
        Some(_) => Fact::new(
            CONDITION,
            false,
            "Silent",
            "the API server has stopped sending audit events: what administrators do leaves no finding; look at its log \
             for `audit webhook`, and at Secret dmp-kubernetes-audit in dmp-system",
        ),
        None => Fact::new(
            CONDITION,
            false,
            "NotConfigured",
            "the API server sends no audit events: what administrators do leaves no finding here; give it \
             --audit-webhook-config-file as docs/security/kubernetes-audit.md says",
        ),
    }
}
