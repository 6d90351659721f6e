//! The vendor's installation statement: which key may have a production certificate, where, for which version. Offline.

use std::path::PathBuf;

use clap::Args;
use dmp_homologation::installation::{Installation, key_of_request};
use dmp_homologation::sign::Signatory;
use jiff::Timestamp;
use uuid::Uuid;

use crate::error::{CliError, Result};
use crate::files::read;

#[derive(Args, Clone, Debug)]
pub struct SignInstallationOptions {
    /// The vendor's installation key (PKCS #8, PEM): the private half of `spec.installationKey` of the submission. It leaves this machine
    /// in no form
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// The SolutionCredential that the certificate is asked for
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub credential: String,
    /// Name of the Solution
    #[arg(long)]
    pub solution: String,
    #[arg(long)]
    pub version: String,
    /// INPE of the establishment; left out for a product without establishment
    #[arg(long, value_name = "INPE")]
    pub establishment: Option<String>,
    /// The installation's request (PKCS #10, PEM): its key is what is stated
    #[arg(long, value_name = "FILE")]
    pub csr: PathBuf,
}

/// The statement (JWS, compact) for `spec.installation` of the credential.
///
/// # Errors
/// `credential-required`, `not-a-request`, `not-signed`, or `file`.
pub fn sign(options: &SignInstallationOptions) -> Result<String> {
    let namespace = options.credential.split_once('/').map(|(namespace, _)| namespace);
    let namespace = namespace.ok_or_else(|| {
        CliError::new(
            "credential-required",
            "the credential is written `<vendor namespace>/<name>`",
            "take both from the guichet, or from `kubectl get solc -A`",
        )
    })?;
    let key_sha256 = key_of_request(&read(&options.csr)?).map_err(|what| {
        CliError::new(
            "not-a-request",
            format!("`{}` is no certificate request: {what}", options.csr.display()),
            "give the installation's PKCS #10 request as PEM",
        )
    })?;
    let statement = Installation {
        credential: options.credential.clone(),
        solution: format!("{namespace}/{}", options.solution),
        version: options.version.clone(),
        establishment: options.establishment.clone(),
        key_sha256,
        jti: Uuid::new_v4().to_string(),
        signed_at: Timestamp::now(),
    };
    Signatory::of_key(&read(&options.key)?)
        .and_then(|vendor| vendor.sign(&statement))
        .map_err(|error| {
            CliError::new(
                "not-signed",
                "nothing was signed",
                "give the vendor's installation key as PKCS #8 PEM (`openssl pkcs8 -topk8 -nocrypt`)",
            )
            .because(error)
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_homologation::installation::{Asked, verify};
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    #[test]
    fn what_is_printed_is_a_statement_for_that_request_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (vendor, own) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let csr = CertificateParams::default().serialize_request(&own).unwrap();
        let csr = csr.pem().unwrap();
        let mut options = SignInstallationOptions {
            key: file("vendor.pem", &vendor.serialize_pem()),
            credential: "vendor-atlas/chu".to_owned(),
            solution: "atlas-sih".to_owned(),
            version: "4.2".to_owned(),
            establishment: Some("123456789".to_owned()),
            csr: file("chu.csr", &csr),
        };
        let text = sign(&options).unwrap();
        let key = key_of_request(&csr).unwrap();
        let asked = Asked {
            credential: "vendor-atlas/chu",
            solution: "vendor-atlas/atlas-sih",
            version: "4.2",
            establishment: Some("123456789"),
            key_sha256: &key,
        };
        let now = Timestamp::now();
        let read = verify(&text, &vendor.public_key_pem(), &asked, now).unwrap();
        assert_eq!(read.key_sha256, key);
        assert!(verify(&text, &own.public_key_pem(), &asked, now).is_err());

        options.credential = "chu".to_owned();
        assert_eq!(sign(&options).unwrap_err().code, "credential-required");
        options.credential = "vendor-atlas/chu".to_owned();
        options.csr = file("not.csr", "x");
        assert_eq!(sign(&options).unwrap_err().code, "not-a-request");
        options.csr = file("chu.csr", &csr);
        options.key = file("certificate.pem", &csr);
        assert_eq!(sign(&options).unwrap_err().code, "not-signed");
    }
}
