//! What the gateway records of one request and its answer. Secrets in it are marks (`sha256:` and 16 hex digits) already.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One request and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// Counts from 1 in the test, in the order of arrival.
    pub number: u32,
    /// Arrival of the request, milliseconds since the test began.
    pub at_ms: u64,
    /// From the arrival of the request to the end of the answer, milliseconds.
    pub took_ms: u64,
    /// One of [`OPERATIONS`].
    pub operation: String,
    pub request: Request,
    pub response: Response,
}

/// What is asked, by the names that rules and faults use.
pub const OPERATIONS: [&str; 10] = [
    "token", "metadata", "iti-104", "iti-78", "iti-65", "iti-67", "iti-68", "consent", "trail", "other",
];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    pub method: String,
    /// Without the query.
    pub path: String,
    /// Parameters of the URL, each with its values in order.
    pub query: BTreeMap<String, Vec<String>>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Body,
    /// Id of the fault that was played.
    pub fault: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    /// Bytes.
    pub size: u64,
    /// Of the bytes, hex.
    pub sha256: String,
    /// When it is JSON.
    pub json: Option<Value>,
    /// When it is a form: fields with their values in order.
    pub form: Option<BTreeMap<String, Vec<String>>>,
}
