//! What `dmp probe connect` leaves behind for the operator: which connections passed and which did not.
//!
//! It is a pod's termination message, at most 4096 bytes: flows are named, addresses are not in it.

use serde::{Deserialize, Serialize};

/// What should become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    Allow,
    Deny,
}

/// What became of it, the last time it was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// TCP was established.
    Connected,
    /// Nothing came back in time.
    Silent,
    /// It was answered by a rejection.
    Refused,
    /// The name of the target has no address.
    Unresolved,
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    pub name: String,
    pub expected: Expected,
    pub outcome: Outcome,
}

impl Flow {
    /// Whether it is as expected.
    pub fn holds(&self) -> bool {
        (self.outcome == Outcome::Connected) == (self.expected == Expected::Allow)
    }
}

/// All connections of one probe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub flows: Vec<Flow>,
}
