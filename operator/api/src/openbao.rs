//! Texts and bindings in OpenBao that the operator may write, exactly so (its policy pins them).
//!
//! `manifests/openbao/policies/operator.policy` pins these values (`allowed_parameters`), the operator writes the
//! objects with the same ones: another text is refused by OpenBao.

use serde_json::{Value, json};

/// Audience of the ServiceAccount tokens that OpenBao accepts.
pub const AUDIENCE: &str = "openbao";
/// Policy of a group's record store, in the group's namespace.
pub const RECORDS_POLICY_NAME: &str = "records";
/// Its text. Wrap and unwrap patients' keys, sign the log, read the log's public key: nothing else.
pub const RECORDS_POLICY: &str = include_str!("../../../manifests/openbao/policies/records.policy");
/// Policy in the root namespace that every service has.
pub const SERVICE_POLICY_NAME: &str = "service";

/// Role of the operator at which it reads how old keys are (`manifests/openbao/policies/key-metadata.policy`).
pub const KEY_METADATA_ROLE: &str = "dmp-system.dmp-key-metadata";

/// Body of `auth/kubernetes/config`: OpenBao reviews tokens with its own ServiceAccount.
pub fn kubernetes_config() -> Value {
    json!({ "kubernetes_host": "https://kubernetes.default.svc" })
}

/// Name of a group's role in the root namespace.
pub fn root_role_name(namespace: &str) -> String {
    format!("{namespace}.records")
}

/// Body of the group's role in the root namespace: a certificate and audit keys.
pub fn root_role(namespace: &str) -> Value {
    role(namespace, SERVICE_POLICY_NAME)
}

/// Body of the role `records` in the group's namespace.
pub fn group_role(namespace: &str) -> Value {
    role(namespace, RECORDS_POLICY_NAME)
}

fn role(namespace: &str, policy: &str) -> Value {
    // Strings, not lists or numbers: OpenBao's `allowed_parameters` matches patterns (`dmp-*`) in strings only.
    json!({
        "bound_service_account_names": "records",
        "bound_service_account_namespaces": namespace,
        "audience": AUDIENCE,
        "token_policies": policy,
        "token_ttl": "1h",
        "token_max_ttl": "24h",
    })
}

/// Body of `transit/keys/kek`: wraps patients' keys, one derivation per patient.
pub fn kek_key() -> Value {
    json!({ "type": "aes256-gcm96", "derived": true, "exportable": false })
}

/// Body of `transit/keys/log`: signs the group's checkpoints.
pub fn log_key() -> Value {
    json!({ "type": "ed25519", "exportable": false })
}
