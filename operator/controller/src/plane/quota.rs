//! What a group may use: `ResourceQuota` and `LimitRange` by sizing.

use dmp_api::Sizing;
use serde_json::json;

use super::{Object, ObjectKind, labels};

/// `storage_gib`: the sum of the volumes that the group asked for, or what the sizing gives.
pub fn group(namespace: &str, group: &str, sizing: Sizing, storage_gib: i64) -> Vec<Object> {
    let (cpu, memory, pods) = match sizing {
        Sizing::Small => ("4", "8Gi", "20"),
        Sizing::Medium => ("16", "32Gi", "40"),
        Sizing::Large => ("64", "128Gi", "80"),
    };
    vec![
        Object::new(
            ObjectKind::ResourceQuota,
            Some(namespace),
            "group",
            json!({
                "metadata": { "labels": labels("group", Some(group)) },
                "spec": { "hard": {
                    "requests.cpu": cpu,
                    "requests.memory": memory,
                    "limits.memory": memory,
                    "requests.storage": format!("{storage_gib}Gi"),
                    "persistentvolumeclaims": "20",
                    "pods": pods,
                    "services.nodeports": "0",
                    "services.loadbalancers": "0",
                } },
            }),
        ),
        Object::new(
            ObjectKind::LimitRange,
            Some(namespace),
            "group",
            json!({
                "metadata": { "labels": labels("group", Some(group)) },
                "spec": { "limits": [{
                    "type": "Container",
                    "default": { "memory": "512Mi" },
                    "defaultRequest": { "cpu": "10m", "memory": "64Mi" },
                }] },
            }),
        ),
    ]
}

/// GiB of the volumes of a group that a sizing gives: (records, keystore) of one instance.
pub const fn volumes(sizing: Sizing) -> (i64, i64) {
    match sizing {
        Sizing::Small => (5, 1),
        Sizing::Medium => (200, 20),
        Sizing::Large => (2000, 100),
    }
}
