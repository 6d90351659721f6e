//! Enrolment over secure transport (RFC 7030, RFC 8951): software fetches its authority and its next certificate itself.
//!
//! What counts is decided behind: the portal puts the request to the operator, which looks at the homologation again before it has
//! it signed. A first certificate is not had here: it is asked for at the guichet, by a person.

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use dmp_client::est::{self, MAX_REQUEST, ReenrollAnswer, ReenrollRequest};
use dmp_core::correlation::Correlation;
use dmp_core::problem::Chain;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::edge::{Admitted, body};
use crate::failure::Failure;
use crate::state::Gateway;
use crate::upstream::Call;

/// Of a request.
const PKCS10: &str = "application/pkcs10";
const CERTS_ONLY: HeaderValue = HeaderValue::from_static("application/pkcs7-mime; smime-type=certs-only");
/// RFC 7030 wants it said, RFC 8951 has no use for it.
const TRANSFER_ENCODING: (HeaderName, HeaderValue) = (
    HeaderName::from_static("content-transfer-encoding"),
    HeaderValue::from_static("base64"),
);
/// Seconds after which a request that is not judged yet is worth sending again.
const AGAIN: u64 = 5;

/// `GET /.well-known/est/cacerts`: the authority of software's certificates.
pub async fn ca_certificates(State(gateway): State<Gateway>) -> Result<Response, Failure> {
    certs_only(&gateway.trust.current().solutions_ca_certificates)
}

/// `POST /.well-known/est/simplereenroll`: the certificate of this request, 202 while the operator has not judged it, 403
/// `renewal-refused` with the reason.
pub async fn reenroll(
    State(gateway): State<Gateway>,
    Extension(admitted): Extension<Admitted>,
    correlation: Correlation,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let held = body::read_as(&gateway, &headers, body, PKCS10, MAX_REQUEST).await?;
    let request = request(&admitted, &held.bytes)?;
    let call = Call {
        correlation: &correlation.to_string(),
        bearer: None,
        realm: None,
    };
    respond(gateway.upstream.reenroll(&call, &request).await?)
}

/// What the portal is asked: the text is sent on as plain base64, whatever its lines were.
fn request(admitted: &Admitted, text: &[u8]) -> Result<ReenrollRequest, Failure> {
    use base64::Engine as _;
    let der = est::from_base64(text)
        .map_err(|error| Failure::bad_request("csr-not-understood", format!("the request: {error}")))?;
    Ok(ReenrollRequest {
        credential: admitted.credential.name.clone(),
        certificate_sha256: hex::encode(admitted.peer.certificate_sha256),
        csr: base64::engine::general_purpose::STANDARD.encode(der),
    })
}

fn respond(answer: ReenrollAnswer) -> Result<Response, Failure> {
    match answer {
        // The certificate alone (RFC 7030 section 4.2.3): its issuers are at `cacerts`.
        ReenrollAnswer::Issued { chain } => {
            let leaf = CertificateDer::from_pem_slice(chain.as_bytes()).map_err(|error| {
                tracing::error!(error = %Chain(&error), "a certificate of the portal is not PEM");
                Failure::Internal
            })?;
            certs_only(&[leaf])
        }
        ReenrollAnswer::Pending => {
            let mut response = StatusCode::ACCEPTED.into_response();
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(AGAIN));
            Ok(response)
        }
        ReenrollAnswer::Refused { reason, detail } => Err(Failure::input(
            StatusCode::FORBIDDEN,
            "renewal-refused",
            format!("{reason}: {detail}"),
        )),
    }
}

fn certs_only(certificates: &[CertificateDer<'static>]) -> Result<Response, Failure> {
    let text = est::certs_only(certificates).map_err(|error| {
        tracing::error!(error = %Chain(&error), "certificates cannot be written as PKCS #7");
        Failure::Internal
    })?;
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, CERTS_ONLY);
    let (name, value) = TRANSFER_ENCODING;
    headers.insert(name, value);
    Ok(response)
}
