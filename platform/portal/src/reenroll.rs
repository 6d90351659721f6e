//! Software renews its own certificate (EST): its request goes into its `SolutionCredential`, and what the operator makes of it comes back.
//!
//! The operator decides, and looks at the homologation again. Here only what the operator cannot know: that the request comes from the
//! certificate in use, which asks for nothing but what it is (RFC 7030 section 4.2.2), and in production for no other key than its own:
//! another key comes with the vendor's statement, by the guichet. A request that is refused is taken out again, so that the certificate
//! in use is renewed as before. Every step may be repeated: the same request asks for the same certificate.

use std::time::Duration;

use dmp_api::names::RENEWED_WITH_ANNOTATION;
use dmp_api::{Mode, SolutionCredential};
use dmp_client::est::{self, ReenrollAnswer, ReenrollRequest};
use dmp_homologation::canonical::digest;
use dmp_homologation::installation::Installation;
use dmp_homologation::jws;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer};
use serde_json::json;
use tokio::time::{Instant, sleep};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Between two looks at what the operator made of it.
const LOOK: Duration = Duration::from_millis(200);
/// Attempts to write, when somebody else writes at the same time.
const ATTEMPTS: usize = 3;

/// Why a request is not put to the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("the credential is not there")]
    NotThere,
    #[error("the request is not PKCS #10 in base64")]
    NotUnderstood,
    #[error("it asks for another subject or other names (SAN) than the certificate has: leave both out")]
    OtherNames,
    #[error(
        "in production the key stays the same: for another one, have the vendor sign an installation statement and bring both to the guichet"
    )]
    OtherKey,
    #[error("another request came after it")]
    Replaced,
}

impl Refusal {
    const fn reason(&self) -> &'static str {
        match self {
            Self::NotThere => "CredentialNotFound",
            Self::NotUnderstood => "InvalidCsr",
            Self::OtherNames => "OtherNames",
            Self::OtherKey => "OtherKey",
            Self::Replaced => "Replaced",
        }
    }
}

impl From<Refusal> for ReenrollAnswer {
    fn from(refusal: Refusal) -> Self {
        Self::Refused {
            reason: refusal.reason().to_owned(),
            detail: refusal.to_string(),
        }
    }
}

/// Puts a request to the operator and waits for its word, at most so long.
///
/// # Errors
/// When the API server does not answer.
pub async fn reenroll(
    client: &Client,
    request: &ReenrollRequest,
    patience: Duration,
) -> Result<ReenrollAnswer, kube::Error> {
    let end = Instant::now() + patience;
    let Some((namespace, name)) = request.credential.split_once('/') else {
        return Ok(Refusal::NotThere.into());
    };
    let api = Api::<SolutionCredential>::namespaced(client.clone(), namespace);
    for attempt in 1..=ATTEMPTS {
        let Some(before) = api.get_opt(name).await? else {
            return Ok(Refusal::NotThere.into());
        };
        let wanted = match wanted(&before, request) {
            Ok(wanted) => wanted,
            Err(refusal) => return Ok(refusal.into()),
        };
        let put = match &wanted {
            Wanted::Same => before.clone(),
            Wanted::New(csr) => match put(&api, &before, csr, Some(&request.certificate_sha256)).await {
                Err(kube::Error::Api(status)) if status.code == 409 && attempt < ATTEMPTS => continue,
                outcome => outcome?,
            },
        };
        let (judged, answer) = wait(&api, put, end).await?;
        if let Wanted::New(own) = &wanted
            && matches!(answer, ReenrollAnswer::Refused { .. })
        {
            take_back(&api, &before, &judged, own).await;
        }
        return Ok(answer);
    }
    Ok(ReenrollAnswer::Pending)
}

/// What is in the specification, and what shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    /// The request is there already.
    Same,
    /// PEM.
    New(String),
}

/// Whether the request is one that this software may make for itself. Pure.
fn wanted(credential: &SolutionCredential, request: &ReenrollRequest) -> Result<Wanted, Refusal> {
    let der = est::from_base64(request.csr.as_bytes()).map_err(|_| Refusal::NotUnderstood)?;
    let (rest, asked) = X509CertificationRequest::from_der(&der).map_err(|_| Refusal::NotUnderstood)?;
    if !rest.is_empty() {
        return Err(Refusal::NotUnderstood);
    }
    let there = CertificateSigningRequestDer::from_pem_slice(credential.spec.csr.as_bytes());
    if there.is_ok_and(|there| *there == *der) {
        return Ok(Wanted::Same);
    }
    let present = credential.status.as_ref();
    let present = present.and_then(|status| status.certificate.as_ref());
    let leaf = present.and_then(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).ok());
    let leaf = leaf.as_ref().ok_or(Refusal::NotThere)?;
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|_| Refusal::NotThere)?;
    if !same_names(&asked, &leaf) {
        return Err(Refusal::OtherNames);
    }
    let key = asked.certification_request_info.subject_pki.raw;
    let own_key = key == leaf.public_key().raw;
    if credential.spec.mode == Mode::Production && !own_key && !is_stated(credential, &digest(key)) {
        return Err(Refusal::OtherKey);
    }
    let pem = est::request_pem(&der).map_err(|_| Refusal::NotUnderstood)?;
    Ok(Wanted::New(pem))
}

/// Subject and SAN as the certificate's, or left out: they are the platform's to give.
fn same_names(asked: &X509CertificationRequest<'_>, leaf: &X509Certificate<'_>) -> bool {
    let subject = &asked.certification_request_info.subject;
    let same_subject = subject.iter_rdn().next().is_none() || subject.as_raw() == leaf.subject().as_raw();
    let own = leaf.subject_alternative_name().ok().flatten();
    let own: Vec<&GeneralName<'_>> = own.iter().flat_map(|names| &names.value.general_names).collect();
    let mut extensions = asked.requested_extensions().into_iter().flatten();
    same_subject
        && extensions.all(|extension| match extension {
            ParsedExtension::SubjectAlternativeName(names) => {
                names.general_names.iter().collect::<Vec<_>>() == own
            }
            _ => true,
        })
}

/// Whether the vendor's statement, as it lies there, is about this key. The operator verifies it.
fn is_stated(credential: &SolutionCredential, key_sha256: &str) -> bool {
    let text = credential.spec.installation.as_deref();
    let statement = text.and_then(jws::unverified);
    let statement = statement.and_then(|payload| serde_json::from_slice::<Installation>(&payload).ok());
    statement.is_some_and(|statement| statement.key_sha256.eq_ignore_ascii_case(key_sha256))
}

/// Writes a request into the specification as it was read, with the certificate that asked.
async fn put(
    api: &Api<SolutionCredential>,
    read: &SolutionCredential,
    csr: &str,
    asked_with: Option<&str>,
) -> Result<SolutionCredential, kube::Error> {
    let renewed_with = asked_with.map(|certificate| format!("{}:{certificate}", digest(csr.as_bytes())));
    let patch = json!({
        "metadata": {
            "resourceVersion": read.resource_version(),
            "annotations": { RENEWED_WITH_ANNOTATION: renewed_with },
        },
        "spec": { "csr": csr },
    });
    api.patch(&read.name_any(), &PatchParams::default(), &Patch::Merge(patch))
        .await
}

/// Waits for the operator's word about the request that is in the specification as it was put.
async fn wait(
    api: &Api<SolutionCredential>,
    put: SolutionCredential,
    end: Instant,
) -> Result<(SolutionCredential, ReenrollAnswer), kube::Error> {
    let mut now = put.clone();
    loop {
        if let Some(answer) = judged(&now, &put) {
            return Ok((now, answer));
        }
        if Instant::now() + LOOK > end {
            return Ok((now, ReenrollAnswer::Pending));
        }
        sleep(LOOK).await;
        match api.get_opt(&put.name_any()).await? {
            Some(live) => now = live,
            None => return Ok((now, Refusal::NotThere.into())),
        }
    }
}

/// The operator's word about the request of `put`, if it has judged that one. Pure.
fn judged(now: &SolutionCredential, put: &SolutionCredential) -> Option<ReenrollAnswer> {
    if now.spec.csr != put.spec.csr {
        return Some(Refusal::Replaced.into());
    }
    let status = now.status.as_ref()?;
    if status.observed_generation < put.metadata.generation {
        return None;
    }
    let stalled = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Stalled");
    if let Some(stalled) = stalled.filter(|stalled| stalled.status == "True") {
        return Some(ReenrollAnswer::Refused {
            reason: stalled.reason.clone(),
            detail: stalled.message.clone(),
        });
    }
    let own = status.csr_sha256.as_deref() == Some(&digest(put.spec.csr.as_bytes()));
    let chain = status.certificate.clone().filter(|_| own)?;
    Some(ReenrollAnswer::Issued { chain })
}

/// Puts the request back that was there: the refused one opens nothing, and the next renewal would be of it.
/// Another one that came meanwhile stays.
async fn take_back(
    api: &Api<SolutionCredential>,
    before: &SolutionCredential,
    judged: &SolutionCredential,
    own: &str,
) {
    if judged.spec.csr != own || own == before.spec.csr {
        return;
    }
    let put = put(api, judged, &before.spec.csr, None).await;
    if let Err(error) = put {
        // Somebody else has written: then it is theirs. Else the refused request stays, and a new one replaces it.
        let credential = before.name_any();
        tracing::warn!(credential, %error, "a refused request could not be taken back");
    }
}

#[cfg(test)]
mod tests;
