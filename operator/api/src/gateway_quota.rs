//! Quotas at the gateway, as a `Platform` sets them and a credential's status shows them. Who counts: `dmp-gateway`; what holds where
//! nothing is said: `dmp_client::quota`.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::solution::ProductKind;

/// What software of one kind may send; a limit that is not given stays as the release has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.establishment) || !(self.kind in ['patient-app', 'directory'])")
        .message("software of kind `patient-app` or `directory` has no establishment"),
    validation = Rule::new("!has(self.person) || self.kind != 'directory'")
        .message("a directory source speaks for no person")
)]
pub struct Quota {
    /// Kind of the product.
    pub kind: ProductKind,
    /// Of one credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Rate>,
    /// Of all credentials of this kind at one establishment together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub establishment: Option<Rate>,
    /// Of one person (a professional; in a patient app the patient), through all software.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Rate>,
}

/// How many requests. Each process of the gateway counts for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.burst >= self.perSecond")
    .message("burst is at least perSecond: what a second allows may come at once"))]
pub struct Rate {
    /// Requests a second that may go on for ever.
    #[schemars(range(min = 1, max = 100000))]
    pub per_second: i32,
    /// Requests that may come at once after a pause.
    #[schemars(range(min = 1, max = 1000000))]
    pub burst: i32,
}

/// What counts for a credential, as its status shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuotaInForce {
    /// Requests a second of the credential that may go on for ever.
    pub per_second: i64,
    /// Requests of the credential that may come at once after a pause.
    pub burst: i64,
    /// Of all credentials of its kind at its establishment together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub establishment: Option<RateInForce>,
    /// Of one person behind it, through all software.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<RateInForce>,
}

/// A [`Rate`] in force, as a status shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateInForce {
    /// Requests a second that may go on for ever.
    pub per_second: i64,
    /// Requests that may come at once after a pause.
    pub burst: i64,
}
