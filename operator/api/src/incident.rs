//! `Incident`: one moment of awareness that starts every legal clock, and the receipts that stop them.
//!
//! When which notice is due, and where it stands, is decided in [`clocks`], for everybody who reads it. Not here: how many hours
//! the law leaves (parameters of DMP-INC-01 in `policies/controls`), the letters (`dmpctl incident notice`).

pub mod clocks;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{conditions_schema, status_conditions};
use crate::non_conformity::Severity;

/// Only grows: more groups, more receipts, then it is closed. Admission denies its deletion, and a moment of awareness to come.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "Incident",
    status = "IncidentStatus",
    shortname = "inc",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "A security incident: one moment of awareness starts every legal clock, receipts stop them.",
    printcolumn(name = "Severity", type_ = "string", json_path = ".spec.severity"),
    printcolumn(name = "Aware", type_ = "string", json_path = ".spec.awareAt"),
    printcolumn(name = "Next", type_ = "string", json_path = ".status.next"),
    printcolumn(name = "Overdue", type_ = "integer", json_path = ".status.overdue"),
    printcolumn(name = "Closed", type_ = "string", json_path = ".spec.closing.at"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(
    validation = Rule::new("self.awareAt == oldSelf.awareAt && self.summary == oldSelf.summary")
        .message("the moment of awareness and the summary never change"),
    validation = Rule::new("oldSelf.severity == 'minor' || self.severity == 'critical' || self.severity == oldSelf.severity")
        .message("severity only rises"),
    validation = Rule::new("self.affects.platform || (has(self.affects.groups) && size(self.affects.groups) > 0)")
        .message("say whom it affects: groups, or the platform"),
    validation = Rule::new("(self.affects.platform || !oldSelf.affects.platform) && (!has(oldSelf.affects.groups) || (has(self.affects.groups) && oldSelf.affects.groups.all(group, group in self.affects.groups)))")
        .message("who is affected only grows"),
    validation = Rule::new("self.personalData || !oldSelf.personalData").message("that personal data are affected is not taken back"),
    validation = Rule::new("!has(oldSelf.receipts) || (has(self.receipts) && oldSelf.receipts.all(receipt, receipt in self.receipts))")
        .message("receipts are added, never changed or taken away"),
    validation = Rule::new("!has(self.receipts) || self.receipts.all(receipt, receipt.to == 'customer' || !has(receipt.group))")
        .message("only a customer's receipt names a group"),
    validation = Rule::new("!has(oldSelf.closing) || self == oldSelf").message("a closed incident never changes"),
    validation = Rule::new("!has(self.closing) || (has(self.receipts) && self.receipts.exists(r, r.to == 'dgssi') && (!self.affects.platform || self.receipts.exists(r, r.to == 'customer' && !has(r.group))) && (!has(self.affects.groups) || self.affects.groups.all(group, self.receipts.exists(r, r.to == 'customer' && has(r.group) && r.group == group))) && (!self.personalData || (self.receipts.exists(r, r.to == 'cndp') && self.receipts.exists(r, r.to == 'patient'))))")
        .message("an incident is closed when every notice that was due has its receipt")
)]
#[serde(rename_all = "camelCase")]
pub struct IncidentSpec {
    /// When somebody first knew, RFC 3339. Every clock starts here.
    #[schemars(extend("format" = "date-time"), length(max = 40))]
    pub aware_at: String,
    /// `minor`, `major` or `critical`.
    pub severity: Severity,
    /// What is known at first, as the letters begin. No patient's data, no name of a person.
    #[schemars(length(min = 1, max = 500))]
    pub summary: String,
    /// Whose data or service.
    pub affects: Affects,
    /// Whether personal data are affected: then the CNDP and the patients are told.
    pub personal_data: bool,
    /// Proof of each notice, in any order. The first of an addressee stops its clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    pub receipts: Vec<Receipt>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<Closing>,
}

impl IncidentSpec {
    /// The moment of awareness. What is no moment was long ago.
    pub fn aware(&self) -> Timestamp {
        self.aware_at.parse().unwrap_or(Timestamp::UNIX_EPOCH)
    }

    pub const fn is_closed(&self) -> bool {
        self.closing.is_some()
    }
}

/// Whom an incident affects. Each of them is a customer who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Affects {
    /// Names of HealthGroups; each is told by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub groups: Vec<String>,
    /// The platform as a whole: all its customers are told in one letter.
    #[serde(default)]
    pub platform: bool,
}

/// Who is told of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Addressee {
    /// The DGSSI, by its maCERT.
    Dgssi,
    /// A health group, or all of them.
    Customer,
    /// The authority for personal data.
    Cndp,
    /// The people whose data it is.
    Patient,
}

impl Addressee {
    pub const ALL: [Self; 4] = [Self::Dgssi, Self::Customer, Self::Cndp, Self::Patient];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dgssi => "dgssi",
            Self::Customer => "customer",
            Self::Cndp => "cndp",
            Self::Patient => "patient",
        }
    }
}

/// Proof that somebody was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// `dgssi`, `customer`, `cndp` or `patient`.
    pub to: Addressee,
    /// Of a customer: the HealthGroup; absent: all customers of the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
    pub group: Option<String>,
    /// When the notice went out, RFC 3339.
    #[schemars(extend("format" = "date-time"), length(max = 40))]
    pub sent_at: String,
    /// How the addressee calls it: `maCERT-2026-771`. No name of a person.
    #[schemars(length(min = 1, max = 120))]
    pub reference: String,
    /// SHA-256 of the paper behind it, hex; the paper stays where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"), length(max = 64))]
    pub document_sha256: Option<String>,
}

/// How an incident ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Closing {
    /// When it ended, RFC 3339.
    #[schemars(extend("format" = "date-time"), length(max = 40))]
    pub at: String,
    /// What ended it and what changes. No patient's data, no name of a person.
    #[schemars(length(min = 1, max = 1000))]
    pub word: String,
}

/// Where each clock stands; written by the operator alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IncidentStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// One for each who is to be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clocks: Vec<Clock>,
    /// Who must be told next, and by when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Number of clocks that ran out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue: Option<i64>,
    /// Conditions: `Ready` (it is closed), `Overdue` (somebody was to be told and was not).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(IncidentStatus);

/// The time that is left to tell somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Clock {
    /// `dgssi`, `customer`, `cndp` or `patient`.
    pub to: Addressee,
    /// Of a customer: the HealthGroup; absent: all customers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The last moment; absent when nothing is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub due_at: Option<Timestamp>,
    /// `Running`, `DueSoon`, `Overdue`, `Sent` or `NotDue`.
    pub state: ClockState,
    /// When the notice went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub sent_at: Option<Timestamp>,
    /// Reference of the receipt that stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
}

/// Where a clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ClockState {
    /// There is time.
    Running,
    /// Half of the time is left, or an hour, whichever is less.
    DueSoon,
    /// It ran out, and nobody was told.
    Overdue,
    /// There is a receipt, in time or late.
    Sent,
    /// Nobody there is to be told.
    NotDue,
}

impl ClockState {
    pub const ALL: [Self; 5] = [
        Self::Running,
        Self::DueSoon,
        Self::Overdue,
        Self::Sent,
        Self::NotDue,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::DueSoon => "DueSoon",
            Self::Overdue => "Overdue",
            Self::Sent => "Sent",
            Self::NotDue => "NotDue",
        }
    }
}
