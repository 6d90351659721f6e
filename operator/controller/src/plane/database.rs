//! A PostgreSQL `Cluster` of CloudNativePG: one database `app`, owned by role `app`.

use dmp_api::{Asset, Sizing};
use serde_json::{Value, json};

use super::{Object, ObjectKind, labels, with_asset};
use crate::placement;

/// What CNPG reads to stop the pods and keep the volumes.
pub const HIBERNATION_ANNOTATION: &str = "cnpg.io/hibernation";

/// One database cluster.
#[derive(Clone, Copy, Debug)]
pub struct Database<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
    pub group: Option<&'a str>,
    pub asset: &'a Asset,
    pub image: &'a str,
    pub storage_class: Option<&'a str>,
    pub sizing: Sizing,
    pub instances: i64,
    /// Volume of one instance, GiB.
    pub storage_gib: i64,
    /// Where its pods may run; anywhere when absent.
    pub nodes: Option<&'a [String]>,
}

/// Instances of a cluster: what was asked for, else what the sizing gives.
pub const fn instances(sizing: Sizing, wanted: Option<i64>) -> i64 {
    match (wanted, sizing) {
        (Some(wanted), _) => wanted,
        (None, Sizing::Small) => 1,
        (None, Sizing::Medium) => 2,
        (None, Sizing::Large) => 3,
    }
}

/// ServiceAccount of a cluster's pods. By CNPG's default it would be the cluster's name, and so the account of the
/// service beside it: a database could then ask OpenBao for the service's certificate and keys.
pub fn service_account_name(cluster: &str) -> String {
    format!("{cluster}-database")
}

/// Renders that ServiceAccount. CNPG's instances talk to the API server, so their pods do get a token.
pub fn service_account(namespace: &str, cluster: &str, group: Option<&str>) -> Object {
    let name = service_account_name(cluster);
    Object::new(
        ObjectKind::ServiceAccount,
        Some(namespace),
        &name,
        json!({ "metadata": { "labels": labels(&name, group) } }),
    )
}

/// Renders the `Cluster`, awake.
pub fn cluster(database: &Database<'_>) -> Object {
    let instances = database.instances;
    let (shared_buffers, memory_request, memory_limit, cpu) = match database.sizing {
        Sizing::Small => ("64MB", "128Mi", "512Mi", "50m"),
        Sizing::Medium => ("512MB", "1Gi", "2Gi", "500m"),
        Sizing::Large => ("2GB", "4Gi", "8Gi", "2"),
    };
    let mut storage = json!({ "size": format!("{}Gi", database.storage_gib) });
    if let (Some(class), Some(map)) = (database.storage_class, storage.as_object_mut()) {
        map.insert("storageClass".to_owned(), json!(class));
    }
    let mut postgresql = json!({ "parameters": {
        "shared_buffers": shared_buffers,
        "max_connections": "100",
        // A statement may carry a token or a wrapped key: none is logged.
        "log_statement": "none",
        "log_min_duration_statement": "-1",
        "log_min_error_statement": "panic",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
    } });
    if let (true, Some(map)) = (instances > 1, postgresql.as_object_mut()) {
        // A commit is acknowledged when a second instance has it: without one, writes wait rather than get lost.
        let synchronous =
            json!({ "method": "any", "number": 1, "dataDurability": "required", "failoverQuorum": true });
        map.insert("synchronous".to_owned(), synchronous);
    }
    let mut affinity = json!({
        "enablePodAntiAffinity": true,
        "podAntiAffinityType": "preferred",
        "topologyKey": "kubernetes.io/hostname",
    });
    if let (Some(nodes), Some(map)) = (database.nodes, affinity.as_object_mut()) {
        map.insert("nodeAffinity".to_owned(), placement::affinity(nodes));
    }
    let labels = labels(database.name, database.group);
    Object::new(
        ObjectKind::Cluster,
        Some(database.namespace),
        database.name,
        json!({
            "metadata": { "labels": labels, "annotations": { HIBERNATION_ANNOTATION: "off" } },
            "spec": {
                "instances": instances,
                "imageName": database.image,
                "imagePullPolicy": "IfNotPresent",
                "storage": storage,
                "bootstrap": { "initdb": {
                    "database": "app", "owner": "app", "dataChecksums": true, "encoding": "UTF8",
                    // Order by code point; a column that is shown sorted names its ICU collation.
                    "localeProvider": "icu", "icuLocale": "und", "localeCollate": "C.UTF-8", "localeCType": "C.UTF-8",
                } },
                "enableSuperuserAccess": false,
                "serviceAccountName": service_account_name(database.name),
                // CNPG's own queries: replication, sizes, connections. None looks at a table of ours.
                "monitoring": { "disableDefaultQueries": false },
                // CNPG's defaults (half an hour to stop, three minutes for open connections) keep a lost instance.
                "startDelay": 300,
                "stopDelay": 60,
                "smartShutdownTimeout": 5,
                "switchoverDelay": 60,
                "primaryLease": primary_lease(instances),
                // CNPG's readiness period of 10 s would be most of a small cluster's time to start; each look is a connection to
                // the database and a question to the API server, so it is not every second either.
                "probes": {
                    "startup": { "periodSeconds": 1, "failureThreshold": 300, "timeoutSeconds": 5 },
                    "readiness": { "periodSeconds": 3, "timeoutSeconds": 5 },
                    "liveness": { "periodSeconds": 10, "timeoutSeconds": 5 },
                },
                // A budget for a single instance would only keep its node from being drained.
                "enablePDB": instances > 1,
                "primaryUpdateStrategy": "unsupervised",
                "postgresql": postgresql,
                "resources": {
                    "requests": { "cpu": cpu, "memory": memory_request },
                    "limits": { "memory": memory_limit },
                },
                "affinity": affinity,
                "inheritedMetadata": { "labels": inherited(database) },
            },
        }),
    )
}

/// Labels that CNPG gives the pods, volumes and Services of a cluster, those that are there already too.
fn inherited(database: &Database<'_>) -> Value {
    let labels = json!({ "app.kubernetes.io/part-of": "dmp", "dmp.ma/database": database.name });
    with_asset(labels, database.asset)
}

/// With another instance that could take over the lease is short: it is waited for in full when a node is lost. One instance alone
/// has CNPG's own: nobody takes over, and it goes on as long as it may without the API server (docs/decisions/0007).
fn primary_lease(instances: i64) -> Value {
    let (lease, renew, retry) = if instances > 1 { (5, 4, 1) } else { (15, 10, 2) };
    json!({ "leaseDurationSeconds": lease, "renewDeadlineSeconds": renew, "retryPeriodSeconds": retry })
}

/// Whether CNPG says that all instances are up.
pub fn is_ready(cluster: &Object) -> bool {
    let wanted = cluster.integer("/spec/instances");
    wanted > 0 && cluster.integer("/status/readyInstances") >= wanted
}

/// Whether CNPG has begun with it: the Secrets that a service mounts exist from then on.
pub fn has_secrets(cluster: &Object) -> bool {
    cluster
        .text("/status/phase")
        .is_some_and(|phase| !phase.is_empty())
}
