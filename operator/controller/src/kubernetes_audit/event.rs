//! An audit event (`audit.k8s.io/v1`), as far as the rules look at it. Bodies of requests and answers are not read.

use serde::Deserialize;

/// API groups whose changes an audit policy keeps whole.
const KEPT_WHOLE: [&str; 3] = [
    "rbac.authorization.k8s.io",
    "admissionregistration.k8s.io",
    "dmp.ma",
];

#[derive(Debug, Deserialize)]
pub struct EventList {
    #[serde(default)]
    pub items: Vec<Event>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    /// The same for all stages of one request.
    #[serde(rename = "auditID")]
    pub audit_id: String,
    pub stage: String,
    /// `Metadata`, `Request`, `RequestResponse`.
    pub level: String,
    /// Path and query; the rules look at commands of kubelets in it and never hand it on.
    #[serde(rename = "requestURI")]
    pub request_uri: String,
    pub verb: String,
    /// Who asked, before impersonation.
    pub user: User,
    pub impersonated_user: Option<User>,
    pub object_ref: Option<ObjectRef>,
    pub response_status: Option<ResponseStatus>,
    /// RFC 3339; the same for all stages.
    pub request_received_timestamp: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct User {
    pub username: String,
    pub groups: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectRef {
    pub resource: String,
    pub namespace: String,
    pub name: String,
    pub api_group: String,
    pub subresource: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ResponseStatus {
    pub code: u16,
}

impl Event {
    /// Whether the request was answered, at least with a first line (`RequestReceived` comes before the answer).
    pub fn is_answered(&self) -> bool {
        self.stage != "RequestReceived" && self.object_ref.is_some()
    }

    /// The API group, if the event is a change of rights, of admission or of an object of the product that came without its request: what
    /// was widened and narrowed again leaves no other trace (DMP-LOG-03).
    pub fn lacks_request(&self) -> Option<&'static str> {
        let changes =
            ["create", "update", "patch", "delete", "deletecollection"].contains(&self.verb.as_str());
        let group = self.object_ref.as_ref()?.api_group.as_str();
        let group = KEPT_WHOLE.into_iter().find(|kept| *kept == group)?;
        (changes && self.level == "Metadata").then_some(group)
    }

    /// HTTP status of the answer, 0 when the API server did not say.
    pub fn code(&self) -> u16 {
        self.response_status.as_ref().map_or(0, |status| status.code)
    }
}
