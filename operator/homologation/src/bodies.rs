//! The bodies of a `Platform`, as far as they may be believed.
//!
//! The first certificate of a body is pinned by the API server's rules; each further one counts only when the one before
//! it endorsed it. Two bodies never share an organisation, nor a key: one of them could speak for both.

use std::collections::BTreeSet;

use dmp_api::body::{Body, Organisation, Role};
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::canonical::digest;
use crate::signed;
use crate::statement::Endorsement;

/// Why the bodies cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("the {0} body appears twice: remove one")]
    RoleTwice(&'static str),
    #[error("the {0} body's organisation is another body's too: bodies are distinct")]
    OrganisationTwice(&'static str),
    #[error("the {0} body's authority is another body's too: each has a key of its own")]
    KeyTwice(&'static str),
    #[error("anchor {index} of the {role} body is not a certificate of an authority")]
    NotAnAuthority { role: &'static str, index: usize },
    #[error("anchor {index} of the {role} body is not endorsed by the one before it")]
    NotEndorsed { role: &'static str, index: usize },
    #[error("a withdrawal of the {0} body has no time: RFC 3339")]
    Withdrawal(&'static str),
}

/// One body.
#[derive(Clone, Debug)]
pub struct Member {
    pub role: Role,
    pub organisation: Organisation,
    pub(crate) anchors: Vec<CertificateDer<'static>>,
    withdrawn: Vec<(String, Timestamp)>,
}

impl Member {
    /// Whether a person no longer speaks for the body.
    pub(crate) fn has_withdrawn(&self, person: &str, at: Timestamp) -> bool {
        let gone = |(name, from): &(String, Timestamp)| name == person && at >= *from;
        self.withdrawn.iter().any(gone)
    }
}

/// All bodies, checked.
#[derive(Clone, Debug, Default)]
pub struct Bodies(Vec<Member>);

impl Bodies {
    /// # Errors
    /// The first reason why not; then no signature counts.
    pub fn new(bodies: &[Body]) -> Result<Self, Invalid> {
        let (mut roles, mut organisations, mut keys) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut members = Vec::new();
        for body in bodies {
            let role = body.role.as_str();
            if !roles.insert(body.role) {
                return Err(Invalid::RoleTwice(role));
            }
            if !organisations.insert(body.organisation.ice.clone()) {
                return Err(Invalid::OrganisationTwice(role));
            }
            let anchors = anchors(body)?;
            for anchor in &anchors {
                if !keys.insert(key(anchor).unwrap_or_default()) {
                    return Err(Invalid::KeyTwice(role));
                }
            }
            let withdrawal = |gone: &dmp_api::body::Withdrawal| {
                let from = gone.from.parse().map_err(|_| Invalid::Withdrawal(role))?;
                Ok((gone.person.clone(), from))
            };
            members.push(Member {
                role: body.role,
                organisation: body.organisation.clone(),
                anchors,
                withdrawn: body.withdrawn.iter().map(withdrawal).collect::<Result<_, _>>()?,
            });
        }
        Ok(Self(members))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.0.iter()
    }
}

fn anchors(body: &Body) -> Result<Vec<CertificateDer<'static>>, Invalid> {
    let role = body.role.as_str();
    let mut anchors: Vec<CertificateDer<'static>> = Vec::new();
    for (index, anchor) in body.anchors.iter().enumerate() {
        let not_one = || Invalid::NotAnAuthority { role, index };
        let der = CertificateDer::from_pem_slice(anchor.certificate.as_bytes()).map_err(|_| not_one())?;
        let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| not_one())?;
        if !certificate.is_ca() {
            return Err(not_one());
        }
        if let Some(before) = anchors.last() {
            let text = anchor.endorsement.as_deref().unwrap_or_default();
            let endorsed = signed::by_key_of::<Endorsement>(text, before).is_ok_and(|endorsement| {
                endorsement.role == body.role && endorsement.certificate_sha256 == digest(&der)
            });
            if !endorsed {
                return Err(Invalid::NotEndorsed { role, index });
            }
        }
        anchors.push(der);
    }
    Ok(anchors)
}

/// The public key of a certificate, DER.
fn key(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.public_key().raw.to_vec())
}
