//! Log-ins of the invented people of a sandbox: an id token that the portal makes and the gateway takes in its place.
//!
//! It is worth something to sandbox software of the same realm alone; nowhere else is its issuer one.

use dmp_core::ids::Identifier;
use serde::{Deserialize, Serialize};

/// OpenBao's transit key that signs them; the member `sandbox` of `keys.json` has its public halves.
pub const KEY: &str = "sandbox-people";
/// `aud`.
pub const AUDIENCE: &str = "dmp";
/// How long one is good, in seconds.
pub const LIFETIME_SECONDS: i64 = 300;

/// `iss`, for the platform whose tokens have `iss` `issuer`.
pub fn issuer(issuer: &str) -> String {
    format!("{}/sandbox", issuer.trim_end_matches('/'))
}

/// Claims of such an id token (EdDSA). No `Debug`, as for those of real people.
#[derive(Clone, Serialize, Deserialize)]
pub struct LogIn {
    pub iss: String,
    pub aud: String,
    pub sub: String,
    /// Seconds since the epoch.
    pub iat: i64,
    pub exp: i64,
    /// Whose people this is one of.
    pub realm: String,
    /// The professional.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inpe: Option<String>,
    /// The patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient_identifier: Option<Identifier>,
}
