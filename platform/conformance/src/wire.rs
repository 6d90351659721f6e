//! What gateway and portal say to each other about sittings, and what software hears of them (`docs/interfaces.md`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::bundle::Mode;
use crate::exchange::Exchange;
use crate::judge::Finding;
use crate::suite::{Play, Requirement, Text};

/// `POST /v1/watch`: a gateway asks which credentials are watched, and waits until that is no longer what it saw.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WatchRequest {
    /// The gateway's process.
    pub replica: Uuid,
    /// Revision it has; none at first.
    pub seen: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WatchAnswer {
    pub revision: u64,
    /// `<vendor namespace>/<SolutionCredential name>`.
    pub credentials: BTreeSet<String>,
}

/// `POST /v1/watch/before`: a watched credential asks for something.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BeforeRequest {
    pub credential: String,
    /// As [`Exchange::operation`].
    pub operation: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BeforeAnswer {
    /// Nothing while no test runs.
    pub running: Option<Running>,
}

/// The test that an exchange belongs to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Running {
    /// This run of the test.
    pub run: Uuid,
    /// Number of the exchange.
    pub number: u32,
    /// Milliseconds since the test began.
    pub at_ms: u64,
    pub fault: Option<Injected>,
}

/// A fault to play on an exchange.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Injected {
    pub id: String,
    pub play: Play,
}

/// `POST /v1/watch/after`: what was exchanged.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AfterRequest {
    pub credential: String,
    pub run: Uuid,
    pub exchange: Exchange,
}

/// The software that a sitting is about, as the gateway admitted it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Candidate {
    /// `<vendor namespace>/<SolutionCredential name>`.
    pub credential: String,
    /// `<vendor namespace>/<Solution name>`.
    pub solution: String,
    pub version: String,
}

/// Between gateway and portal: who asks, and for what.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Asked<T> {
    pub candidate: Candidate,
    pub what: T,
}

/// `GET /dmp/v1/conformance/profiles`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profiles {
    pub profiles: Vec<ProfileSummary>,
}

/// What a profile asks for, and the ids of its tests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfileSummary {
    pub scope: String,
    pub version: String,
    pub title: Text,
    /// SHA-256 of requirements and tests, hex.
    pub sha256: String,
    pub requirements: Vec<Requirement>,
    /// `<profile>/<name>`.
    pub tests: Vec<String>,
}

/// `POST /dmp/v1/conformance/sittings`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Open {
    /// Scope of the profile: `document-feeder`.
    pub profile: String,
    /// Where random choices come from; one of its own when absent. Of the sandbox alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// `sandbox`; `rehearsal`: every test, each once; `supervised`: the nominal one and half of the others, drawn now.
    #[serde(default)]
    pub mode: Mode,
    /// Of the other modes: SHA-256 of the frozen submission, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<String>,
}

/// A sitting that is open.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sitting {
    pub sitting: Uuid,
    pub profile: String,
    pub version: String,
    /// SHA-256 of requirements and tests, hex.
    pub profile_sha256: String,
    pub mode: Mode,
    pub seed: u64,
    /// What may be sat; in a rehearsal and a supervised run what must be.
    pub tests: Vec<TestSummary>,
}

/// What a developer is asked to do, and what is to be prepared for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestSummary {
    /// `<profile>/<name>`.
    pub id: String,
    pub title: Text,
    pub task: Text,
    pub action: crate::suite::Action,
    pub given: crate::suite::Given,
}

/// A test of a sitting: `{sitting}/{name}` in the path.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestOf {
    pub sitting: Uuid,
    /// `<profile>/<name>`.
    pub test: String,
    /// Of a beginning: what was prepared.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub given: Value,
}

impl Open {
    /// The vendor's own sitting of a profile.
    pub fn sandbox(profile: &str) -> Self {
        Self {
            profile: profile.to_owned(),
            seed: None,
            mode: Mode::Sandbox,
            submission: None,
        }
    }
}

/// `POST /dmp/v1/conformance/sittings/{sitting}/tests/{name}/begin`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Begin {
    pub given: Value,
}

/// The judgement of a test that has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Judged {
    pub test: String,
    pub findings: Vec<Finding>,
    pub exchanges: Vec<Exchange>,
}

/// `POST /dmp/v1/conformance/sittings/{sitting}/end`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Closed {
    /// The whole sitting, exactly as hashed.
    pub bundle: String,
    /// Signed result (`dmp-run+jws`), for a `ConformanceRun`.
    pub statement: String,
}
