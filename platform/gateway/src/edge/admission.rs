//! Whether this software may speak at all: its certificate against the fresh facts. Pure.
//!
//! The certificate chains to `pki-solutions` (the listener saw to that); here the credential it names must be one
//! the operator knows, with exactly this certificate, neither expired nor revoked, and its group must be open to
//! it. Asked after the handshake and again for every request. Persons and patients are no matter of this module.

use dmp_client::facts::{Credential, Group, Mode};
use dmp_core::peer::Peer;
use jiff::Timestamp;

use crate::facts::Snapshot;

/// Why the software is not let in. Says nothing of any patient, so it may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SolutionRefusal {
    #[error("the certificate names no credential of this platform")]
    NotACredential,
    #[error("the credential is not known")]
    Unknown,
    #[error("the credential was issued with another certificate")]
    OtherCertificate,
    #[error("the credential has expired")]
    Expired,
    #[error("the solution, its version or its credential is revoked")]
    Revoked,
    #[error("the credential does not open the health group of its establishment")]
    Group,
    #[error(
        "the platform, or the health group of the establishment, is not homologated (law 05-20, art. 19): sandboxes only"
    )]
    NotHomologated,
    /// Said on a connection that is being closed.
    #[error("this connection is no longer admitted; a new one tells why")]
    Ended,
}

impl SolutionRefusal {
    /// For metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotACredential => "not-a-credential",
            Self::Unknown => "unknown",
            Self::OtherCertificate => "other-certificate",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Group => "group",
            Self::NotHomologated => "not-homologated",
            Self::Ended => "ended",
        }
    }
}

/// Decides for `peer` at `now`; the answer is the credential as the operator knows it.
///
/// # Errors
/// The first reason that holds.
pub fn admit<'f>(
    facts: &'f Snapshot,
    peer: &Peer,
    domain: &str,
    now: Timestamp,
) -> Result<&'f Credential, SolutionRefusal> {
    let (namespace, name) = peer
        .spiffe
        .as_credential()
        .filter(|_| peer.spiffe.domain() == domain)
        .ok_or(SolutionRefusal::NotACredential)?;
    let credential = facts
        .credential(&format!("{namespace}/{name}"))
        .ok_or(SolutionRefusal::Unknown)?;
    if facts.revoked(credential) {
        return Err(SolutionRefusal::Revoked);
    }
    if !credential.has_certificate(&hex::encode(peer.certificate_sha256), now) {
        return Err(SolutionRefusal::OtherCertificate);
    }
    if now >= credential.not_after || now >= peer.not_after {
        return Err(SolutionRefusal::Expired);
    }
    // a group that does not serve just now is no fault of the software: its operations say so
    let open = credential
        .group
        .as_ref()
        .is_none_or(|name| facts.group(name).is_some_and(|group| opens(credential, group)));
    if !open {
        return Err(SolutionRefusal::Group);
    }
    Ok(credential)
}

/// Whether a credential opens a group: without a homologation (mode sandbox) sandbox groups only.
pub fn opens(credential: &Credential, group: &Group) -> bool {
    group.mode == Mode::Sandbox || credential.mode == Mode::Production
}
