//! The one connection to the platform: HTTPS to the gateway, with the software's certificate (mTLS).
//!
//! Everything is bounded: connecting, answering, the size of an answer. Redirects are not followed and no proxy is
//! used, so that a token never goes to another host. What an answer means is `retry`'s and the actions'.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Certificate, Client, Identity, RequestBuilder, StatusCode, redirect};
use serde_json::Value;
use url::Url;

use crate::call::{Body, Call, Operation, Parameters};
use crate::error::{Refusal, Result, SolutionError};
use crate::task::Task;

const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(15);
/// Documents have 40 MiB at most.
const LARGEST_ANSWER: usize = 64 << 20;

const FHIR: &str = "application/fhir+json";
const FORM: &str = "application/x-www-form-urlencoded";

/// An open way to the gateway.
pub struct Connection {
    http: Client,
    gateway: Url,
}

impl Connection {
    /// # Errors
    /// When the task's gateway, CA or identity are not usable.
    pub fn open(task: &Task) -> Result<Self> {
        let gateway = Url::parse(&task.gateway).map_err(|_| SolutionError::Gateway)?;
        if gateway.scheme() != "https" || gateway.path() != "/" || gateway.query().is_some() {
            return Err(SolutionError::Gateway);
        }
        let unusable = SolutionError::Certificates;
        let ca = Certificate::from_pem_bundle(&task.ca()?).map_err(unusable)?;
        let identity = Identity::from_pem(&task.identity()?).map_err(unusable)?;
        let http = Client::builder()
            .tls_certs_only(ca)
            .identity(identity)
            .https_only(true)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .build()
            .map_err(unusable)?;
        Ok(Self { http, gateway })
    }

    /// One attempt.
    ///
    /// # Errors
    /// When there was no whole answer: the platform may have done what it was asked, or not.
    pub async fn send(&self, call: &Call, token: Option<&str>) -> reqwest::Result<Reply> {
        let mut url = self.gateway.clone();
        url.set_path(&call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let request = self.http.request(call.method.clone(), url);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let sent = with_body(request, &call.body).send().await;
        read(call.operation, sent?).await
    }
}

fn with_body(request: RequestBuilder, body: &Body) -> RequestBuilder {
    match body {
        Body::Nothing => request.header(ACCEPT, "*/*"),
        Body::Form(form) => request.header(CONTENT_TYPE, FORM).body(encoded(form)),
        Body::Resource(resource) => request
            .header(CONTENT_TYPE, FHIR)
            .header(ACCEPT, FHIR)
            .body(resource.to_string()),
    }
}

fn encoded(form: &Parameters) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish()
}

/// What the platform answered. No `Debug`: it is a person's data.
pub struct Reply {
    pub operation: Operation,
    pub status: StatusCode,
    /// How long the platform asks to be left alone.
    pub retry_after: Option<Duration>,
    /// Empty when it was larger than any answer may be.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON; `Null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The resources of a searchset: those that were searched for, not what is said about the search.
    pub fn matches(&self, resource_type: &str) -> Vec<Value> {
        let Value::Array(entries) = self.json()["entry"].take() else {
            return Vec::new();
        };
        let resources = entries.into_iter().map(|mut entry| entry["resource"].take());
        resources
            .filter(|resource| resource["resourceType"] == resource_type)
            .collect()
    }

    /// The platform's no, with the code it gives in its `OperationOutcome`, problem or OAuth error.
    pub fn refusal(&self) -> Refusal {
        let body = self.json();
        let code = ["/issue/0/details/coding/0/code", "/code", "/error"]
            .iter()
            .find_map(|pointer| body.pointer(pointer)?.as_str())
            .unwrap_or_default();
        Refusal {
            operation: self.operation,
            status: self.status.as_u16(),
            code: code
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
                .take(64)
                .collect(),
        }
    }
}

async fn read(operation: Operation, mut response: reqwest::Response) -> reqwest::Result<Reply> {
    let mut reply = Reply {
        operation,
        status: response.status(),
        retry_after: retry_after(response.headers(), Timestamp::now()),
        body: Vec::new(),
    };
    while let Some(chunk) = response.chunk().await? {
        if reply.body.len() + chunk.len() > LARGEST_ANSWER {
            reply.body.clear();
            break;
        }
        reply.body.extend_from_slice(&chunk);
    }
    Ok(reply)
}

/// `Retry-After`: seconds, or a date (RFC 9110 section 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-12T16:40:00Z".parse().unwrap();
        for (text, expected) in [
            ("2", Some(2)),
            ("Thu, 12 Nov 2026 16:40:07 GMT", Some(7)),
            ("Thu, 12 Nov 2026 16:39:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(
                retry_after(&headers, now),
                expected.map(Duration::from_secs),
                "{text}"
            );
        }
    }
}
