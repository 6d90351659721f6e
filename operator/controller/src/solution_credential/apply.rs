//! Step 4: OpenBao signs.

use dmp_keys::openbao;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::build::Request;
use crate::controller::Context;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("OpenBao did not sign")]
    OpenBao(#[from] openbao::Error),
    #[error("what OpenBao signed is not a certificate")]
    NotACertificate,
}

impl Error {
    /// Whether the request itself was refused: trying it again does not help.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::OpenBao(openbao::Error::Rejected { status: 400, .. }))
    }
}

/// A signed certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Leaf, then its issuers, PEM.
    pub certificate: String,
    /// Of the leaf's DER, hex.
    pub certificate_sha256: String,
    pub serial: String,
    pub not_after: Timestamp,
    pub csr_sha256: String,
}

/// # Errors
/// See [`Error`].
pub async fn apply(context: &Context, request: Request) -> Result<Issued, Error> {
    let signed = context
        .openbao
        .sign_solution(&request.csr, &request.uri, &request.ttl)
        .await?;
    let leaf = signed.chain.first().ok_or(Error::NotACertificate)?;
    let der = CertificateDer::from_pem_slice(leaf.as_bytes()).map_err(|_| Error::NotACertificate)?;
    Ok(Issued {
        certificate_sha256: hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der)),
        certificate: signed.chain_pem(),
        serial: signed.serial,
        not_after: Timestamp::from_second(signed.expiration).map_err(|_| Error::NotACertificate)?,
        csr_sha256: request.csr_sha256,
    })
}
