//! What the operator measures and the evaluator judges: an observation in a ConfigMap of `dmp-evidence`. Not here: what is
//! measured, and when.

use dmp_api::names::EVIDENCE_NAMESPACE;
use kube::Client;
use serde::Serialize;
use serde_json::json;

use crate::apply::{self, ApplyError};
use crate::plane;

/// Writes an observation where the evaluator looks: as the text `key` of ConfigMap `name`, by field manager `manager`.
pub(crate) async fn leave(
    client: &Client,
    manager: &str,
    (name, key): (&str, &str),
    observation: &(impl Serialize + Sync),
) -> Result<(), ApplyError> {
    let data = json!({ key: json!(observation).to_string() });
    let object = plane::config_map(EVIDENCE_NAMESPACE, name, None, data);
    apply::object(client, manager, object).await.map(|_| ())
}
