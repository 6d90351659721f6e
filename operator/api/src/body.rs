//! Who decides over solutions, and over the platform itself: a body, its role and the certificates that its people and machines sign under.
//!
//! A part of the `Platform`, and words that the kinds of the homologation share. What a signature is worth: `dmp-homologation`.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::vendor::Member;

/// A legal person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Organisation {
    /// Its name in law.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// Identifiant commun de l'entreprise, 15 digits.
    #[schemars(regex(pattern = "^[0-9]{15}$"))]
    pub ice: String,
}

/// What a body speaks for. A review's domain is the role of the body whose member signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The entity that homologates; one of the two that decide.
    Interop,
    /// The entity responsible for security; the other.
    Security,
    /// Data protection.
    Privacy,
    /// Clinical safety.
    Clinical,
    /// Runs supervised tests.
    Laboratory,
    /// The platform's own conformance suite.
    Suite,
    /// Decides whether the platform, and each group, may open (law 05-20, art. 19).
    Authority,
    /// Audits them before (law 05-20, art. 4): an auditor whom the DGSSI has qualified (PASSI).
    Auditor,
}

impl Role {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interop => "interop",
            Self::Security => "security",
            Self::Privacy => "privacy",
            Self::Clinical => "clinical",
            Self::Laboratory => "laboratory",
            Self::Suite => "suite",
            Self::Authority => "authority",
            Self::Auditor => "auditor",
        }
    }

    /// Whether its members review solutions.
    pub const fn reviews(self) -> bool {
        matches!(
            self,
            Self::Interop | Self::Security | Self::Privacy | Self::Clinical
        )
    }
}

/// One body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    /// `interop` and `security` decide together; `privacy` and `clinical` review; `laboratory` runs supervised tests; `suite` is the platform's own. `auditor` and `authority`: [`crate::SystemHomologation`].
    pub role: Role,
    /// The body itself.
    pub organisation: Organisation,
    /// Its certificate authorities: the first is pinned for ever, each further one counts when the one before it endorsed it.
    #[schemars(length(min = 1, max = 5))]
    pub anchors: Vec<Anchor>,
    /// Who of it sees at the guichet what was submitted. Seeing is all: what they say counts by their signature.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub readers: Vec<Member>,
    /// People whose signatures no longer count, each from a moment on. Takes away only: needs no signature.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub withdrawn: Vec<Withdrawal>,
}

/// A certificate authority of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Anchor {
    /// The authority's certificate, PEM.
    #[schemars(length(min = 1, max = 8192))]
    #[x_kube(validation = Rule::new("self.startsWith('-----BEGIN CERTIFICATE-----')").message("an anchor is a PEM certificate"))]
    pub certificate: String,
    /// JWS of the authority before it over this one (`dmpctl homologation endorse`); absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16384))]
    pub endorsement: Option<String>,
}

/// A person who no longer speaks for a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Withdrawal {
    /// `serialNumber` of the subject of the person's certificate.
    #[schemars(length(min = 1, max = 64))]
    pub person: String,
    /// From when on, RFC 3339.
    #[schemars(extend("format" = "date-time"), length(max = 40))]
    pub from: String,
}
