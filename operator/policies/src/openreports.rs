//! `openreports.io/v1alpha1`: the shape of `Report` and `ClusterReport`, as far as the platform writes and reads it.
//!
//! A report holds what is true now and no history. Both kinds have the same fields; which one it is, is where it stands.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub const GROUP: &str = "openreports.io";
pub const VERSION: &str = "v1alpha1";
/// Who wrote it.
pub const SOURCE: &str = "dmp-evaluator";
/// Name of the one ClusterReport, and of the one Report of a namespace.
pub const NAME: &str = "dmp-controls";
/// Property of what is tolerated: the last day, `YYYY-MM-DD`.
pub const EXCEPTED_UNTIL: &str = "exceptedUntil";
/// Property of the check of exceptions: the names of those in force, which are published by it.
pub const EXCEPTIONS: &str = "exceptions";

/// What a report says, without its metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    #[serde(default)]
    pub source: String,
    #[serde(default)]
    pub summary: Summary,
    #[serde(default)]
    pub results: Vec<ReportResult>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    pub pass: u32,
    pub fail: u32,
    pub warn: u32,
    pub error: u32,
    pub skip: u32,
}

impl Summary {
    pub fn of(results: &[ReportResult]) -> Self {
        let mut summary = Self::default();
        for result in results {
            match result.result {
                Answer::Pass => summary.pass += 1,
                Answer::Fail => summary.fail += 1,
                Answer::Warn => summary.warn += 1,
                Answer::Error => summary.error += 1,
                Answer::Skip => summary.skip += 1,
            }
        }
        summary
    }
}

/// One check of one control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportResult {
    /// Id of the control.
    pub policy: String,
    /// What of the control: a check, `document`, `implementation`.
    #[serde(default)]
    pub rule: String,
    /// Family of the control.
    #[serde(default)]
    pub category: String,
    /// `critical`, `high`, `medium`.
    #[serde(default)]
    pub severity: String,
    pub result: Answer,
    #[serde(default)]
    pub scored: bool,
    #[serde(default)]
    pub message: String,
    /// When it was found so: the evidence it rests on is of then.
    pub timestamp: Moment,
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    Pass,
    Fail,
    Warn,
    Error,
    Skip,
}

/// A moment, as the format writes it: no RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    pub seconds: i64,
    pub nanos: i32,
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self {
            seconds: at.as_second(),
            nanos: 0,
        }
    }
}

impl From<Moment> for Timestamp {
    fn from(moment: Moment) -> Self {
        Self::from_second(moment.seconds).unwrap_or(Self::MIN)
    }
}
