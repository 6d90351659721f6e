//! What the operator measures and the evaluator judges: an observation in a ConfigMap of `dmp-evidence`. Not here: what is
//! measured, and when.

use std::time::{Duration, Instant};

use dmp_api::names::EVIDENCE_NAMESPACE;
use kube::Client;
use serde::Serialize;
use serde_json::json;

use crate::apply::{self, ApplyError};
use crate::plane;

/// Whether an observation differs from what was `written`, or that was `rewrite` ago. `agrees`: whether both say the same.
pub(crate) fn is_news<O>(
    written: Option<&(Instant, O)>,
    now: Instant,
    rewrite: Duration,
    agrees: impl FnOnce(&O) -> bool,
) -> bool {
    written.is_none_or(|(at, last)| now.duration_since(*at) >= rewrite || !agrees(last))
}

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
