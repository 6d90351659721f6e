//! What the operator renders: the objects of one plane (the national one, or a group's), pure and in apply order.
//!
//! Rendering knows no client and cannot fail: everything that can be wrong has been refused by `validate`.
//! `Plane<Prepared>` is what shall be, `Plane<Applied>` what the API server answered; status comes from the latter
//! only, and the types say so. Children carry no ownerReference: data outlives the object that asked for it.

pub mod config;
pub mod database;
pub mod network;
pub mod object;
pub mod quota;
pub mod service;
pub mod trust;

use std::marker::PhantomData;

use dmp_api::Asset;
use serde_json::{Value, json};

pub use object::{Object, ObjectKind};

/// Rendered, not yet applied.
#[derive(Debug)]
pub struct Prepared;
/// As the API server has it.
#[derive(Debug)]
pub struct Applied;

/// The objects of one plane. Fields are in the order in which they are applied.
#[derive(Debug)]
pub struct Plane<State> {
    pub namespace: Object,
    pub quotas: Vec<Object>,
    pub network_policies: Vec<Object>,
    pub service_accounts: Vec<Object>,
    pub config_maps: Vec<Object>,
    pub databases: Vec<Object>,
    pub services: Vec<Object>,
    pub disruption_budgets: Vec<Object>,
    pub deployments: Vec<Object>,
    pub state: PhantomData<State>,
}

impl Plane<Prepared> {
    pub const fn new(namespace: Object) -> Self {
        Self {
            namespace,
            quotas: Vec::new(),
            network_policies: Vec::new(),
            service_accounts: Vec::new(),
            config_maps: Vec::new(),
            databases: Vec::new(),
            services: Vec::new(),
            disruption_budgets: Vec::new(),
            deployments: Vec::new(),
            state: PhantomData,
        }
    }
}

/// Labels of an object: who made it, what it is part of, whose it is.
pub fn labels(name: &str, group: Option<&str>) -> Value {
    let mut labels = json!({
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": "dmp",
        "app.kubernetes.io/managed-by": "dmp-operator",
    });
    if let (Some(group), Some(map)) = (group, labels.as_object_mut()) {
        map.insert(dmp_api::names::GROUP_LABEL.to_owned(), json!(group));
    }
    labels
}

/// These labels and, for what holds data or leads to it, whose they are, of which class and what for.
pub fn with_asset(mut labels: Value, asset: &Asset) -> Value {
    if let Some(map) = labels.as_object_mut() {
        map.extend(
            asset
                .labels()
                .map(|(label, text)| (label.to_owned(), json!(text))),
        );
    }
    labels
}

/// A namespace of health data: Pod Security `restricted`, deletion denied by admission.
pub fn namespace(name: &str, group: Option<&str>, asset: &Asset) -> Object {
    let mut labels = with_asset(labels(name, group), asset);
    if let Some(map) = labels.as_object_mut() {
        for mode in ["enforce", "audit", "warn"] {
            map.insert(format!("pod-security.kubernetes.io/{mode}"), json!("restricted"));
        }
        map.insert(dmp_api::names::PROTECTED_LABEL.to_owned(), json!("true"));
    }
    Object::new(
        ObjectKind::Namespace,
        None,
        name,
        json!({ "metadata": { "labels": labels } }),
    )
}

/// A ServiceAccount whose token no pod gets by itself.
pub fn service_account(namespace: &str, name: &str, group: Option<&str>) -> Object {
    Object::new(
        ObjectKind::ServiceAccount,
        Some(namespace),
        name,
        json!({ "metadata": { "labels": labels(name, group) }, "automountServiceAccountToken": false }),
    )
}

/// A ConfigMap of texts.
pub fn config_map(namespace: &str, name: &str, group: Option<&str>, data: Value) -> Object {
    Object::new(
        ObjectKind::ConfigMap,
        Some(namespace),
        name,
        json!({ "metadata": { "labels": labels(name, group) }, "data": data }),
    )
}

/// SHA-256 of texts, hex, each text closed by its length.
pub fn digest(texts: &[&str]) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for text in texts {
        context.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(text.as_bytes());
    }
    hex::encode(context.finish().as_ref())
}
