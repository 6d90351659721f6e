//! The services behind the gateway: where they are, who they must be, and what their answers mean outside.
//!
//! [`tls`] makes the clients, [`answer`] turns a service's problem into a [`Failure`], [`calls`] has one method per
//! route of `docs/interfaces.md`. A person's token goes with every call that has one; the services decide from it.

mod answer;
mod calls;
pub mod tls;

#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::body::Bytes;
use dmp_client::facts::Group;
use dmp_core::peer::SpiffeId;
use dmp_core::tls::Identity;
use http::header;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::Config;
use crate::failure::Failure;
use tls::Clients;

/// What the portal does for a person may take this many times as long: the operator has its part in it.
const GUICHET: u32 = 6;
/// Longest JSON answer of a service that is read.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// What every call carries beside its body. No `Debug`: it may hold a token.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// A UUID, the same through all services.
    pub correlation: &'a str,
    /// The person's token, verified by the callee itself.
    pub bearer: Option<&'a str>,
    /// Whose people the software sees, for calls whose callee does not read it in a token.
    pub realm: Option<&'a str>,
}

/// A request at the guichet. No `Debug`: it names somebody.
pub struct AtGuichet {
    pub method: http::Method,
    /// Path and query.
    pub path: String,
    pub person: Option<dmp_client::guichet::Person>,
    pub content_type: Option<http::HeaderValue>,
    pub body: Bytes,
}

/// One service: what it is called in answers, where it is and who it must be.
#[derive(Clone, Debug)]
pub struct Target {
    pub name: String,
    pub url: String,
    pub identity: SpiffeId,
}

impl Target {
    /// A group's record store, as the facts describe it.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the facts give it no usable identity.
    pub fn records(group: &Group) -> Result<Self, Failure> {
        let name = format!("records of {}", group.name);
        let identity = group
            .identity
            .parse()
            .map_err(|_| Failure::unavailable(name.clone()))?;
        Ok(Self {
            name,
            url: group.records.trim_end_matches('/').to_owned(),
            identity,
        })
    }
}

/// All services behind the gateway.
pub struct Upstream {
    clients: Clients,
    registry: Target,
    consent: Target,
    audit: Target,
    portal: Target,
    timeout: Duration,
}

impl Upstream {
    pub fn new(config: &Config, identity: Identity) -> Self {
        let target = |name: &str, url: &str| Target {
            name: name.to_owned(),
            url: url.trim_end_matches('/').to_owned(),
            identity: config.national(name),
        };
        Self {
            clients: Clients::new(identity),
            registry: target("registry", &config.gateway.registry_url),
            consent: target("consent", &config.gateway.consent_url),
            audit: target("audit", &config.gateway.audit_url),
            portal: target("portal", &config.gateway.portal_url),
            timeout: config.gateway.upstream_timeout,
        }
    }

    /// `POST path` with a JSON body, JSON back.
    async fn json<Q: Serialize, A: DeserializeOwned>(
        &self,
        target: &Target,
        path: &str,
        call: &Call<'_>,
        body: &Q,
    ) -> Result<A, Failure> {
        let body = written(body)?;
        let bytes = self.bytes(target, path, call, body, self.timeout).await?;
        serde_json::from_slice(&bytes).map_err(|error| answer::not_understood(target, &error))
    }

    /// `POST path`, the answer's bytes back, at most [`MAX_ANSWER`].
    async fn bytes(
        &self,
        target: &Target,
        path: &str,
        call: &Call<'_>,
        body: reqwest::Body,
        timeout: Duration,
    ) -> Result<Bytes, Failure> {
        let response = self.send(target, path, call, body, timeout).await?;
        whole(target, response).await
    }

    /// The client that speaks to this service only.
    fn client(&self, target: &Target) -> Result<reqwest::Client, Failure> {
        self.clients.of(&target.identity).map_err(|error| {
            tracing::error!(part = target.name, error = %dmp_core::problem::Chain(&error), "no client");
            Failure::unavailable(target.name.clone())
        })
    }

    /// `POST path`; the head of a good answer back, or what the service's problem means outside.
    async fn send(
        &self,
        target: &Target,
        path: &str,
        call: &Call<'_>,
        body: reqwest::Body,
        timeout: Duration,
    ) -> Result<reqwest::Response, Failure> {
        let client = self.client(target)?;
        let mut request = client
            .post(format!("{}{path}", target.url))
            .timeout(timeout)
            .header(header::CONTENT_TYPE, "application/json")
            .headers(dmp_core::correlation::outgoing(call.correlation))
            .body(body);
        if let Some(token) = call.bearer {
            request = request.bearer_auth(token);
        }
        let response = request
            .send()
            .await
            .map_err(|error| answer::unreachable(target, error))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(answer::failure(target, response).await)
        }
    }
}

impl Upstream {
    /// A request at the guichet, passed on as it came; the portal's answer, refusals included.
    ///
    /// # Errors
    /// When the portal does not answer, or cannot.
    pub async fn guichet(
        &self,
        call: &Call<'_>,
        asked: AtGuichet,
    ) -> Result<(http::StatusCode, Option<http::HeaderValue>, Bytes), Failure> {
        let target = &self.portal;
        let client = self.client(target)?;
        let url = at_guichet(&target.url, &asked.path).ok_or_else(|| {
            Failure::input(
                http::StatusCode::NOT_FOUND,
                "no-such-route",
                "there is no such route",
            )
        })?;
        let mut request = client
            .request(asked.method, url)
            .timeout(self.timeout * GUICHET)
            .headers(dmp_core::correlation::outgoing(call.correlation))
            .body(asked.body);
        if let Some(content_type) = asked.content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        if let Some(person) = asked.person {
            request = request.header(dmp_client::guichet::PERSON_HEADER, person.to_header());
        }
        let response = request.send().await;
        let response = response.map_err(|error| answer::unreachable(target, error))?;
        let status = response.status();
        if status.is_server_error() {
            return Err(answer::failure(target, response).await);
        }
        let content_type = response.headers().get(header::CONTENT_TYPE).cloned();
        Ok((status, content_type, whole(target, response).await?))
    }
}

/// An answer's bytes, at most [`MAX_ANSWER`].
async fn whole(target: &Target, mut response: reqwest::Response) -> Result<Bytes, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| answer::unreachable(target, error))?
    {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ANSWER {
            tracing::error!(part = target.name, "answer above 64 MiB");
            return Err(Failure::Internal);
        }
    }
    Ok(bytes.into())
}

/// The portal's address of a path at the guichet. A URL has no dot segments: what leads out of the guichet by them, in whatever
/// spelling, would be another route of the portal's, and is none.
fn at_guichet(base: &str, path: &str) -> Option<reqwest::Url> {
    let url: reqwest::Url = format!("{base}{path}").parse().ok()?;
    let asked = path.split('?').next()?;
    let inside = url.path().strip_prefix(dmp_client::guichet::PREFIX)?;
    (url.path() == asked && inside.starts_with('/') && !inside.contains("//")).then_some(url)
}

/// A request's body.
fn written(request: &impl Serialize) -> Result<reqwest::Body, Failure> {
    serde_json::to_vec(request).map(Into::into).map_err(|error| {
        tracing::error!(%error, "a request cannot be written as JSON");
        Failure::Internal
    })
}
