//! One rendered object: its kind, place, name and body.

use std::collections::BTreeMap;

use kube::api::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

/// The kinds the operator applies, with what the API needs to address them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    Namespace,
    ServiceAccount,
    ResourceQuota,
    LimitRange,
    ConfigMap,
    Service,
    NetworkPolicy,
    PodDisruptionBudget,
    Deployment,
    /// Of the network's probe only.
    Pod,
    /// `postgresql.cnpg.io/v1`.
    Cluster,
}

impl ObjectKind {
    const fn parts(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Namespace => ("", "v1", "Namespace", "namespaces"),
            Self::ServiceAccount => ("", "v1", "ServiceAccount", "serviceaccounts"),
            Self::ResourceQuota => ("", "v1", "ResourceQuota", "resourcequotas"),
            Self::LimitRange => ("", "v1", "LimitRange", "limitranges"),
            Self::ConfigMap => ("", "v1", "ConfigMap", "configmaps"),
            Self::Service => ("", "v1", "Service", "services"),
            Self::NetworkPolicy => ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
            Self::PodDisruptionBudget => ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
            Self::Deployment => ("apps", "v1", "Deployment", "deployments"),
            Self::Pod => ("", "v1", "Pod", "pods"),
            Self::Cluster => ("postgresql.cnpg.io", "v1", "Cluster", "clusters"),
        }
    }

    /// How the API addresses it.
    pub fn api_resource(self) -> ApiResource {
        let (group, version, kind, plural) = self.parts();
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
    }

    pub const fn as_str(self) -> &'static str {
        self.parts().2
    }
}

/// A rendered object, or the live one after it has been applied.
#[derive(Clone, Debug)]
pub struct Object {
    pub kind: ObjectKind,
    pub namespace: Option<String>,
    pub name: String,
    /// The whole object as JSON, `apiVersion`, `kind` and `metadata` included.
    pub body: Value,
}

impl Object {
    /// `body` without `apiVersion`, `kind` and the name, which are added here.
    pub fn new(kind: ObjectKind, namespace: Option<&str>, name: &str, mut body: Value) -> Self {
        let resource = kind.api_resource();
        if let Some(map) = body.as_object_mut() {
            map.insert("apiVersion".to_owned(), json!(resource.api_version));
            map.insert("kind".to_owned(), json!(resource.kind));
            let metadata = map.entry("metadata").or_insert_with(|| json!({}));
            if let Some(metadata) = metadata.as_object_mut() {
                metadata.insert("name".to_owned(), json!(name));
                if let Some(namespace) = namespace {
                    metadata.insert("namespace".to_owned(), json!(namespace));
                }
            }
        }
        Self {
            kind,
            namespace: namespace.map(ToOwned::to_owned),
            name: name.to_owned(),
            body,
        }
    }

    /// An integer of the body, 0 when absent.
    pub fn integer(&self, pointer: &str) -> i64 {
        self.body
            .pointer(pointer)
            .and_then(Value::as_i64)
            .unwrap_or_default()
    }

    /// Its labels; none when it has none.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.body.pointer("/metadata/labels").and_then(Value::as_object);
        let texts = labels.into_iter().flatten();
        texts
            .filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())))
            .collect()
    }

    /// A text of the body.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer).and_then(Value::as_str)
    }
}
