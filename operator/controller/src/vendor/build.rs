//! Step 3: renders the vendor's namespace, and that nothing passes in or out of it. Pure.

use serde_json::json;

use super::validate::Valid;
use crate::plane::{Object, ObjectKind, network, with_asset};

/// A namespace of objects: no pod of anybody runs there, and no network rule of the platform counts on it. In the order of applying.
pub fn build(valid: &Valid) -> [Object; 2] {
    let labels = json!({
        "app.kubernetes.io/name": valid.namespace,
        "app.kubernetes.io/managed-by": "dmp-operator",
        dmp_api::names::VENDOR_LABEL: valid.name,
        "pod-security.kubernetes.io/enforce": "restricted",
    });
    let namespace = Object::new(
        ObjectKind::Namespace,
        None,
        &valid.namespace,
        json!({ "metadata": { "labels": with_asset(labels, &valid.asset) } }),
    );
    [namespace, network::default_deny(&valid.namespace, None)]
}
