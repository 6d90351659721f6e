//! What is signed. Each kind of statement has its own `typ`, so that no signature can be taken for another's.

use dmp_api::body::Role;
use dmp_api::conformance_run::RunMode;
use dmp_api::homologation_review::ReviewVerdict;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The payload of a JWS.
pub trait Statement: Serialize + DeserializeOwned {
    /// `typ` of the header.
    const TYP: &'static str;

    /// When it was signed, as the signer says.
    fn signed_at(&self) -> Timestamp;
}

/// One reviewer's finding, or a body's decision. Its domain is the role of the signer's body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Review {
    /// `<vendor namespace>/<SolutionHomologation name>`.
    pub homologation: String,
    /// SHA-256 of the frozen submission, hex.
    pub submission_sha256: String,
    pub verdict: ReviewVerdict,
    /// The body's decision (interop and security entity only), not one reviewer's finding.
    pub decision: bool,
    /// Of a decision: what it grants; everything asked when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Of a decision: until when; as long as the programme allows when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Reasons, for the vendor.
    pub comment: String,
    pub signed_at: Timestamp,
}

impl Statement for Review {
    const TYP: &'static str = "dmp-review+jws";

    fn signed_at(&self) -> Timestamp {
        self.signed_at
    }
}

/// A body accepts a later document in the place of one that was handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Renewal {
    /// `<vendor namespace>/<SolutionHomologation name>`: for this submission alone.
    pub homologation: String,
    /// Name of the later `EvidenceItem`.
    pub evidence: String,
    /// SHA-256 of its specification, hex.
    pub evidence_sha256: String,
    pub signed_at: Timestamp,
}

impl Statement for Renewal {
    const TYP: &'static str = "dmp-renewal+jws";

    fn signed_at(&self) -> Timestamp {
        self.signed_at
    }
}

/// A non-conformity is mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Closing {
    /// `<vendor namespace>/<NonConformity name>`.
    pub non_conformity: String,
    /// SHA-256 of its specification, hex.
    pub sha256: String,
    /// How, for the vendor.
    pub comment: String,
    pub signed_at: Timestamp,
}

impl Statement for Closing {
    const TYP: &'static str = "dmp-nonconformity+jws";

    fn signed_at(&self) -> Timestamp {
        self.signed_at
    }
}

/// The result of a run of the conformance suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Run {
    /// `<vendor namespace>/<Solution name>`.
    pub solution: String,
    pub version: String,
    /// Name of the `ConformanceProfile`.
    pub profile: String,
    /// SHA-256 of its specification, hex.
    pub profile_sha256: String,
    pub mode: RunMode,
    /// Of a rehearsal or a supervised run: SHA-256 of the frozen submission, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission_sha256: Option<String>,
    /// Where the random choices of the run come from.
    pub seed: u64,
    /// Each requirement and what became of it.
    pub requirements: Vec<Outcome>,
    /// SHA-256 of the bundle (inputs, exchanges, verdicts), hex.
    pub bundle_sha256: String,
    pub signed_at: Timestamp,
}

/// What became of a requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outcome {
    /// Number of the requirement.
    pub id: String,
    /// Met, not met; absent: not tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub met: Option<bool>,
    /// Why it was not tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_tested: Option<String>,
}

impl Run {
    /// Whose signature counts: a supervised run is a laboratory's, all others are the suite's.
    pub const fn signatory(&self) -> Role {
        match self.mode {
            RunMode::Supervised => Role::Laboratory,
            RunMode::Sandbox | RunMode::Rehearsal | RunMode::Surveillance => Role::Suite,
        }
    }

    /// Numbers of the requirements that were not met.
    pub fn failed(&self) -> impl Iterator<Item = &str> {
        let failed = self
            .requirements
            .iter()
            .filter(|outcome| outcome.met == Some(false));
        failed.map(|outcome| outcome.id.as_str())
    }
}

impl Statement for Run {
    const TYP: &'static str = "dmp-run+jws";

    fn signed_at(&self) -> Timestamp {
        self.signed_at
    }
}

/// A deciding body's word on a programme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProgrammeApproval {
    /// Name of the `HomologationProgramme`.
    pub programme: String,
    /// SHA-256 of its specification without signatures, hex.
    pub programme_sha256: String,
    pub signed_at: Timestamp,
}

impl Statement for ProgrammeApproval {
    const TYP: &'static str = "dmp-programme+jws";

    fn signed_at(&self) -> Timestamp {
        self.signed_at
    }
}

/// A body's present authority on its next one. Signed with the authority's own key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endorsement {
    pub role: Role,
    /// SHA-256 of the next certificate's DER, hex.
    pub certificate_sha256: String,
    pub signed_at: Timestamp,
}

impl Statement for Endorsement {
    const TYP: &'static str = "dmp-endorsement+jws";

    fn signed_at(&self) -> Timestamp {
        self.signed_at
    }
}

/// A deciding body's word that a revocation ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lift {
    /// Name of the `SolutionRevocation`.
    pub revocation: String,
    /// Its `metadata.uid`: another one of the same name is another revocation.
    pub uid: String,
    /// SHA-256 of its specification, hex.
    pub revocation_sha256: String,
    /// Reasons, for the vendor and the other body.
    pub comment: String,
    pub signed_at: Timestamp,
}

impl Statement for Lift {
    const TYP: &'static str = "dmp-lift+jws";

    fn signed_at(&self) -> Timestamp {
        self.signed_at
    }
}

/// A word on whether the platform or a group may open. For another platform it is worth nothing: it names the domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct System {
    /// `Platform.spec.domain`.
    pub domain: String,
    /// Name of the `HealthGroup`; the platform itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_group: Option<String>,
    pub says: Says,
    /// Reasons, for those who read it.
    pub comment: String,
    pub signed_at: Timestamp,
}

/// What is said. Days are days of UTC, the last one included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Says {
    /// An auditor's finding before the opening (law 05-20, art. 4).
    Audit {
        favourable: bool,
        /// The day on which the audit ended.
        audited_at: Date,
        /// SHA-256 of the report, hex.
        report_sha256: String,
    },
    /// The authority's decision that it may run (law 05-20, art. 19).
    Decision {
        /// SHA-256 of the report of the audit that it rests on, hex.
        report_sha256: String,
        until: Date,
        /// What becomes of it after that day.
        at_end: AtEnd,
    },
    /// The authority closes it, or does not open it.
    Refusal,
    /// More time after the end of a decision: both deciding bodies say so.
    Extension { until: Date },
}

/// What the gateways still do after the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AtEnd {
    /// What is there is read, opposition is taken, nothing new is written.
    ReadOnly,
    /// Nothing.
    Closed,
}

impl Statement for System {
    const TYP: &'static str = "dmp-system+jws";

    fn signed_at(&self) -> Timestamp {
        self.signed_at
    }
}

/// The machines of a site. For another platform it is worth nothing: it names the domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inventory {
    /// `Platform.spec.domain`.
    pub domain: String,
    /// Name of the `Site`.
    pub site: String,
    pub machines: Vec<Machine>,
    /// How it was compared with the ground, for those who read it.
    pub comment: String,
    pub signed_at: Timestamp,
}

/// One machine, as its firmware and its operating system name it (`status.nodeInfo` of a Node).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Machine {
    /// Name of the Node that it is.
    pub node: String,
    /// Of the firmware (SMBIOS); the same after another installation.
    #[serde(rename = "systemUUID")]
    pub system_uuid: String,
    /// Of the operating system: another one after another installation.
    #[serde(rename = "machineID")]
    pub machine_id: String,
}

impl Statement for Inventory {
    const TYP: &'static str = "dmp-inventory+jws";

    fn signed_at(&self) -> Timestamp {
        self.signed_at
    }
}

/// The images that may run on a platform. For another one it is worth nothing: it names the domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageList {
    /// `Platform.spec.domain`.
    pub domain: String,
    pub images: Vec<SignedImage>,
    /// What was looked at, for those who read it.
    pub comment: String,
    pub signed_at: Timestamp,
}

/// One image, by its content, and the papers that were looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedImage {
    /// Registry and name: `registry.example.ma/sante/dmp`.
    pub name: String,
    /// `sha256:<64 hex digits>` of its manifest.
    pub digest: String,
    /// SHA-256 of its bill of materials, hex.
    pub sbom_sha256: String,
    /// SHA-256 of its provenance, hex.
    pub provenance_sha256: String,
}

impl Statement for ImageList {
    const TYP: &'static str = "dmp-images+jws";

    fn signed_at(&self) -> Timestamp {
        self.signed_at
    }
}
