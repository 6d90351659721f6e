//! Who is at the other end of a connection: the SPIFFE id of the certificate that the handshake verified.
//!
//! [`crate::serve`] puts a [`Peer`] on every request. [`allow`] opens a route to named services only.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::{FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use futures::future::{Either, Ready, ready};
use http::request::Parts;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use tower::{Layer, Service};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::ids::GroupName;
use crate::problem::Problem;

#[cfg(test)]
mod tests;

/// Namespace of the national services.
pub const NATIONAL_NAMESPACE: &str = "dmp-national";
/// Namespace of operator and OpenBao.
pub const SYSTEM_NAMESPACE: &str = "dmp-system";

/// A SPIFFE id (SPIFFE-ID 1.0): `spiffe://<trust domain>/<path>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpiffeId(Arc<str>);

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a SPIFFE id")]
pub struct InvalidSpiffeId(String);

impl SpiffeId {
    /// `spiffe://<domain>/ns/<namespace>/sa/<account>`.
    pub fn service(domain: &str, namespace: &str, account: &str) -> Self {
        Self(format!("spiffe://{domain}/ns/{namespace}/sa/{account}").into())
    }

    /// `spiffe://<domain>/credential/<vendor namespace>/<SolutionCredential name>`.
    pub fn credential(domain: &str, namespace: &str, name: &str) -> Self {
        Self(format!("spiffe://{domain}/credential/{namespace}/{name}").into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trust domain.
    pub fn domain(&self) -> &str {
        self.split().0
    }

    /// Namespace and ServiceAccount, if it is a service's.
    pub fn as_service(&self) -> Option<(&str, &str)> {
        let (namespace, account) = self.split().1.strip_prefix("ns/")?.split_once("/sa/")?;
        let single = !namespace.contains('/') && !account.contains('/');
        single.then_some((namespace, account))
    }

    /// Vendor namespace and SolutionCredential name, if it is a solution's.
    pub fn as_credential(&self) -> Option<(&str, &str)> {
        let (namespace, name) = self.split().1.strip_prefix("credential/")?.split_once('/')?;
        (!name.contains('/')).then_some((namespace, name))
    }

    fn split(&self) -> (&str, &str) {
        let rest = self.0.strip_prefix("spiffe://").unwrap_or_default();
        rest.split_once('/').unwrap_or((rest, ""))
    }
}

impl FromStr for SpiffeId {
    type Err = InvalidSpiffeId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = |text: &str, extra: &[u8]| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || extra.contains(&b))
        };
        let valid = text.len() <= 2048
            && text
                .strip_prefix("spiffe://")
                .and_then(|rest| rest.split_once('/'))
                .is_some_and(|(domain, path)| {
                    word(domain, b".-_")
                        && !domain.bytes().any(|b| b.is_ascii_uppercase())
                        && path
                            .split('/')
                            .all(|part| word(part, b".-_") && part != "." && part != "..")
                });
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(InvalidSpiffeId(text.to_owned()))
        }
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The verified other end of a connection. An extractor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub spiffe: SpiffeId,
    /// SHA-256 of the certificate's DER.
    pub certificate_sha256: [u8; 32],
    pub not_after: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("the certificate is not X.509")]
    Syntax,
    #[error("the certificate does not name exactly one SPIFFE id")]
    NoSpiffeId,
    #[error(transparent)]
    SpiffeId(#[from] InvalidSpiffeId),
}

impl Peer {
    /// Reads a certificate that has been verified already.
    ///
    /// # Errors
    /// When it is not X.509 or does not have exactly one URI name (X509-SVID).
    pub fn of_certificate(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| CertificateError::Syntax)?;
        let names = parsed
            .subject_alternative_name()
            .map_err(|_| CertificateError::Syntax)?;
        let mut uris = names
            .iter()
            .flat_map(|names| &names.value.general_names)
            .filter_map(|name| match name {
                GeneralName::URI(uri) => Some(*uri),
                _ => None,
            });
        let (Some(uri), None) = (uris.next(), uris.next()) else {
            return Err(CertificateError::NoSpiffeId);
        };
        let spiffe = uri.parse()?;
        let not_after = Timestamp::from_second(parsed.validity().not_after.timestamp())
            .map_err(|_| CertificateError::Syntax)?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate);
        let mut certificate_sha256 = [0; 32];
        certificate_sha256.copy_from_slice(digest.as_ref());
        Ok(Self {
            spiffe,
            certificate_sha256,
            not_after,
        })
    }

    pub fn is_service(&self, namespace: &str, account: &str) -> bool {
        self.spiffe.as_service() == Some((namespace, account))
    }

    /// The group whose record store this is.
    pub fn group(&self) -> Option<GroupName> {
        match self.spiffe.as_service()? {
            (NATIONAL_NAMESPACE | SYSTEM_NAMESPACE, _) => None,
            (namespace, "records") => namespace.strip_prefix("dmp-")?.parse().ok(),
            _ => None,
        }
    }

    /// `cnf.x5t#S256` of RFC 8705: base64url without padding.
    pub fn thumbprint(&self) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.certificate_sha256)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(Problem::peer_not_allowed)
    }
}

/// The group of the record store that calls. An extractor; refuses anybody else.
#[derive(Clone, Debug)]
pub struct CallingGroup(pub GroupName);

impl<S: Send + Sync> FromRequestParts<S> for CallingGroup {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let group = parts.extensions.get::<Peer>().and_then(Peer::group);
        group.map(Self).ok_or_else(Problem::peer_not_allowed)
    }
}

/// Services a route is open to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServicePattern {
    /// A national service by its name.
    National(&'static str),
    /// `records` of any group.
    Records,
    /// A workload of `dmp-system`.
    System(&'static str),
}

impl ServicePattern {
    fn matches(self, peer: &Peer) -> bool {
        match self {
            Self::National(name) => peer.is_service(NATIONAL_NAMESPACE, name),
            Self::System(name) => peer.is_service(SYSTEM_NAMESPACE, name),
            Self::Records => peer.group().is_some(),
        }
    }
}

/// A layer that lets only `services` of trust domain `domain` through; others get 403 `peer-not-allowed`.
///
/// `Router::new().route("/v1/facts", post(facts).layer(allow("dmp.test", &[ServicePattern::Records])))`
pub fn allow(domain: &str, services: &'static [ServicePattern]) -> Allow {
    Allow {
        domain: domain.into(),
        services,
    }
}

/// See [`allow`].
#[derive(Clone, Debug)]
pub struct Allow {
    domain: Arc<str>,
    services: &'static [ServicePattern],
}

impl Allow {
    fn permits(&self, peer: &Peer) -> bool {
        peer.spiffe.domain() == &*self.domain && self.services.iter().any(|service| service.matches(peer))
    }
}

impl<S> Layer<S> for Allow {
    type Service = Allowed<S>;

    fn layer(&self, inner: S) -> Allowed<S> {
        Allowed {
            inner,
            allow: self.clone(),
        }
    }
}

/// See [`allow`].
#[derive(Clone, Debug)]
pub struct Allowed<S> {
    inner: S,
    allow: Allow,
}

impl<S> Service<Request> for Allowed<S>
where
    S: Service<Request>,
    S::Response: IntoResponse,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<
        Ready<Result<Response, S::Error>>,
        futures::future::MapOk<S::Future, fn(S::Response) -> Response>,
    >;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        use futures::TryFutureExt as _;
        let peer = request.extensions().get::<Peer>();
        if peer.is_some_and(|peer| self.allow.permits(peer)) {
            let to_response: fn(S::Response) -> Response = IntoResponse::into_response;
            Either::Right(self.inner.call(request).map_ok(to_response))
        } else {
            tracing::warn!(
                peer = peer.map(|peer| tracing::field::display(&peer.spiffe)),
                "peer not allowed"
            );
            Either::Left(ready(Ok(Problem::peer_not_allowed().into_response())))
        }
    }
}
