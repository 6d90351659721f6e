//! `SolutionHomologation`: one submission of one version. Its state is computed from facts, never kept.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::Role;
use crate::common::{conditions_schema, status_conditions};

/// Frozen: what it names never changes either, and its hash is what reviewers sign.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "SolutionHomologation",
    namespaced,
    status = "SolutionHomologationStatus",
    shortname = "solh",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "One submission of one version for homologation.",
    printcolumn(name = "Solution", type_ = "string", json_path = ".spec.solution"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.version"),
    printcolumn(name = "Cycle", type_ = "integer", json_path = ".spec.cycle"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Scopes", type_ = "string", json_path = ".status.scopes"),
    printcolumn(name = "Until", type_ = "string", json_path = ".status.until"),
    printcolumn(name = "Missing", type_ = "string", json_path = ".status.missing[0]"),
    validation = Rule::new("size(self.metadata.name) <= 63 && !self.metadata.name.contains('.')")
        .message("the name is a DNS label of at most 63 characters")
)]
#[x_kube(
    validation = Rule::new("self.solution == oldSelf.solution && self.version == oldSelf.version && self.programme == oldSelf.programme && self.cycle == oldSelf.cycle && self.profiles == oldSelf.profiles && self.evidence == oldSelf.evidence")
        .message("a submission is frozen: withdraw it and submit another one"),
    validation = Rule::new("has(self.installationKey) == has(oldSelf.installationKey) && (!has(self.installationKey) || self.installationKey == oldSelf.installationKey)")
        .message("the installation key is frozen with the submission: submit another one"),
    validation = Rule::new("has(self.follows) == has(oldSelf.follows) && (!has(self.follows) || self.follows == oldSelf.follows)")
        .message("a submission is frozen: withdraw it and submit another one"),
    validation = Rule::new("self.withdrawn || !oldSelf.withdrawn").message("what was withdrawn stays so: submit again")
)]
#[serde(rename_all = "camelCase")]
pub struct SolutionHomologationSpec {
    /// Name of the `Solution` in the same namespace.
    #[schemars(length(min = 1, max = 63))]
    pub solution: String,
    /// `spec.version` of a `SolutionVersion` of it.
    #[schemars(length(min = 1, max = 64))]
    pub version: String,
    /// Name of the `HomologationProgramme`.
    #[schemars(length(min = 1, max = 63))]
    pub programme: String,
    /// Which submission of this version it is; the highest that is not withdrawn counts.
    #[schemars(range(min = 1, max = 1000))]
    pub cycle: i32,
    /// Names of the `ConformanceProfile`s: each opens its scope.
    #[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub profiles: Vec<String>,
    /// Names of the `EvidenceItem`s in the same namespace.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub evidence: Vec<String>,
    /// Name of the submission of an earlier version, homologated under this programme or one that it names in `changes.from`: what
    /// the programme's `changes` do not ask for again is carried over from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub follows: Option<String>,
    /// The vendor's key for installations (SubjectPublicKeyInfo, PEM; P-256, P-384, Ed25519 or RSA from 3072 bits): in production a
    /// certificate is signed only for what it has signed. Reviewers sign over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    #[x_kube(validation = Rule::new("self.startsWith('-----BEGIN PUBLIC KEY-----')")
        .message("installationKey is a public key (SubjectPublicKeyInfo), PEM"))]
    pub installation_key: Option<String>,
    /// The vendor gives it up. The one thing that may change, once.
    #[serde(default)]
    pub withdrawn: bool,
}

/// Where a version stands. Derived; see `dmp-homologation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum HomologationState {
    /// Something that the submission names is not there, or not in force.
    Incomplete,
    Submitted,
    /// The server's own run of every profile passed.
    SelfTested,
    InReview,
    /// Every domain is favourable and every supervised run passed: the bodies decide.
    SupervisedTested,
    Homologated,
    /// Homologated with fewer scopes, or for a shorter time, than asked.
    Conditional,
    /// Homologated, with at least one production credential.
    Active,
    /// Homologated for 30 more days at most.
    Expiring,
    Expired,
    SentBack,
    Rejected,
    Suspended,
    Revoked,
    Withdrawn,
    /// A later submission of the same version was decided.
    Superseded,
}

impl HomologationState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "Incomplete",
            Self::Submitted => "Submitted",
            Self::SelfTested => "SelfTested",
            Self::InReview => "InReview",
            Self::SupervisedTested => "SupervisedTested",
            Self::Homologated => "Homologated",
            Self::Conditional => "Conditional",
            Self::Active => "Active",
            Self::Expiring => "Expiring",
            Self::Expired => "Expired",
            Self::SentBack => "SentBack",
            Self::Rejected => "Rejected",
            Self::Suspended => "Suspended",
            Self::Revoked => "Revoked",
            Self::Withdrawn => "Withdrawn",
            Self::Superseded => "Superseded",
        }
    }

    /// Whether production groups open to it.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Homologated | Self::Conditional | Self::Active | Self::Expiring
        )
    }
}

/// What follows from the facts; written by the operator alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SolutionHomologationStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<HomologationState>,
    /// SHA-256 of the frozen submission, hex: what reviewers sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission_sha256: Option<String>,
    /// What it opens in production now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Until when, RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// What stands in the way of the next step, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// What will end it, 90, 30 and 7 days before; open non-conformities; later evidence that is not accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What is carried over from the submission that it follows, or why nothing is; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_over: Option<String>,
    /// By when each domain has promised its review.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deadlines: Vec<Deadline>,
    /// Changes that are not in the platform's log yet; they are brought there again and again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unrecorded: Vec<Unrecorded>,
    /// Conditions: `Ready` (production groups open to it).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

/// A promise to the vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deadline {
    /// Who reviews.
    pub domain: Role,
    /// By when, RFC 3339, UTC.
    pub due: String,
}

/// A change of where it stands, or of what it opens, on its way to the platform's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unrecorded {
    /// Its name in the log.
    pub id: String,
    /// When the operator saw it, RFC 3339, UTC.
    pub at: String,
    /// Where it stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<HomologationState>,
    /// Where it stands.
    pub to: HomologationState,
    /// What it opens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Until when, RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// SHA-256 of the frozen submission, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission_sha256: Option<String>,
    /// SHA-256 of each signed word that counts, hex.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<String>,
    /// Names of the `SolutionRevocation`s that close it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocations: Vec<String>,
}

status_conditions!(SolutionHomologationStatus);
