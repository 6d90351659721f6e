//! Products, versions, evidence, certificates.

use std::path::PathBuf;

use clap::Args;
use dmp_api::solution::ProductKind;
use dmp_api::solution_credential::Establishment;
use dmp_api::{EvidenceItemSpec, Mode};
use dmp_homologation::guichet::{Entry, NewCredential, NewEvidence, NewPackage, NewSolution, NewVersion};
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

use super::account::VendorOptions;
use super::guichet::Guichet;
use crate::error::{CliError, Result};
use crate::files::{read, sha256_of, write_secret};

#[derive(Args, Clone, Debug)]
pub struct AddOptions {
    #[command(flatten)]
    pub vendor: VendorOptions,
    /// Name of the product's object: a-z, 0-9, `-`
    #[arg(long)]
    pub solution: String,
    /// Name of the product, as people know it
    #[arg(long)]
    pub product: String,
    /// `hospital`, `laboratory`, `pharmacy`, `cabinet`, `patient-app` or `directory`
    #[arg(long, value_parser = kind)]
    pub kind: ProductKind,
}

#[derive(Args, Clone, Debug)]
pub struct VersionOptions {
    #[command(flatten)]
    pub vendor: VendorOptions,
    #[arg(long)]
    pub solution: String,
    /// `4.2.1`, `2026.11`, `5.0-rc.1`
    #[arg(long)]
    pub version: String,
    /// What is delivered: its SHA-256 is frozen
    #[arg(long, requires = "sbom")]
    pub package: Option<PathBuf>,
    /// Its bill of materials (CycloneDX, JSON)
    #[arg(long, requires = "package")]
    pub sbom: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
pub struct EvidenceOptions {
    #[command(flatten)]
    pub vendor: VendorOptions,
    /// Name of the item: a-z, 0-9, `-`
    #[arg(long)]
    pub name: String,
    /// `pen-test`, `iso-27001`, `secnum` or `safety-case`
    #[arg(long)]
    pub kind: String,
    /// The document: its SHA-256 is kept, itself it goes to the reviewers by other ways
    #[arg(long)]
    pub file: PathBuf,
    /// Who issued it
    #[arg(long)]
    pub issuer: String,
    /// Day of issue, `YYYY-MM-DD`
    #[arg(long)]
    pub issued: String,
    /// Last day on which it holds, `YYYY-MM-DD`
    #[arg(long)]
    pub valid_until: Option<String>,
    /// Name of the item that it renews
    #[arg(long)]
    pub renews: Option<String>,
}

#[derive(Args, Clone, Debug)]
pub struct CertificateOptions {
    #[command(flatten)]
    pub vendor: VendorOptions,
    /// Name of the credential: a-z, 0-9, `-`
    #[arg(long)]
    pub name: String,
    #[arg(long)]
    pub solution: String,
    #[arg(long)]
    pub version: String,
    /// Where the certificate and its new private key go (PEM); the key leaves this machine never
    #[arg(long)]
    pub out: PathBuf,
    /// Ask with this request (PEM) instead of making a key; then only the certificate is written
    #[arg(long)]
    pub csr: Option<PathBuf>,
    /// For production: the INPE of the establishment (needs --group and --installation)
    #[arg(long, requires_all = ["group", "installation", "csr"])]
    pub establishment: Option<String>,
    /// For production: the establishment's health group
    #[arg(long)]
    pub group: Option<String>,
    /// For production: file with the installation statement (`dmpctl solution sign-installation`)
    #[arg(long)]
    pub installation: Option<PathBuf>,
}

/// `dmpctl solution add`.
///
/// # Errors
/// `guichet-refused`, as everything here.
pub async fn run_add(options: &AddOptions) -> Result<()> {
    let guichet = Guichet::new(&options.vendor.guichet)?;
    add(
        &guichet,
        &options.vendor.vendor,
        &options.solution,
        &options.product,
        options.kind,
    )
    .await?;
    println!("produit {} ({})", options.solution, options.kind.as_str());
    Ok(())
}

/// A product.
///
/// # Errors
/// `guichet-refused`.
pub async fn add(
    guichet: &Guichet,
    vendor: &str,
    solution: &str,
    product: &str,
    kind: ProductKind,
) -> Result<Entry> {
    let asked = NewSolution {
        name: solution.to_owned(),
        product: product.to_owned(),
        kind,
    };
    guichet.post(&format!("vendors/{vendor}/solutions"), &asked).await
}

/// `dmpctl solution version`.
///
/// # Errors
/// `guichet-refused`, `file`.
pub async fn run_version(options: &VersionOptions) -> Result<()> {
    let guichet = Guichet::new(&options.vendor.guichet)?;
    let package = match (&options.package, &options.sbom) {
        (Some(package), Some(sbom)) => Some(NewPackage {
            sha256: sha256_of(package)?.0,
            sbom: read(sbom)?,
        }),
        _ => None,
    };
    let created = version(
        &guichet,
        &options.vendor.vendor,
        &options.solution,
        &options.version,
        package,
    )
    .await?;
    println!("version {}", created.name);
    Ok(())
}

/// A version, frozen.
///
/// # Errors
/// `guichet-refused`.
pub async fn version(
    guichet: &Guichet,
    vendor: &str,
    solution: &str,
    version: &str,
    package: Option<NewPackage>,
) -> Result<Entry> {
    let asked = NewVersion {
        solution: solution.to_owned(),
        version: version.to_owned(),
        package,
    };
    guichet.post(&format!("vendors/{vendor}/versions"), &asked).await
}

/// `dmpctl solution evidence`.
///
/// # Errors
/// `guichet-refused`, `file`.
pub async fn run_evidence(options: &EvidenceOptions) -> Result<()> {
    let guichet = Guichet::new(&options.vendor.guichet)?;
    let mut evidence = json!({
        "kind": options.kind, "issuer": options.issuer, "sha256": sha256_of(&options.file)?.0, "issued": options.issued,
    });
    if let Some(until) = &options.valid_until {
        evidence["validUntil"] = json!(until);
    }
    if let Some(renews) = &options.renews {
        evidence["renews"] = json!(renews);
    }
    let evidence: EvidenceItemSpec = serde_json::from_value(evidence).map_err(|source| {
        CliError::new(
            "arguments",
            "the evidence is not described as it must be",
            "see --help",
        )
        .because(source)
    })?;
    let asked = NewEvidence {
        name: options.name.clone(),
        evidence,
    };
    let path = format!("vendors/{}/evidence", options.vendor.vendor);
    let created: Entry = guichet.post(&path, &asked).await?;
    println!("pièce {}", created.name);
    Ok(())
}

/// `dmpctl solution certificate`.
///
/// # Errors
/// `certificate-refused`, `guichet-refused`, `file`.
pub async fn run_certificate(options: &CertificateOptions) -> Result<()> {
    let guichet = Guichet::new(&options.vendor.guichet)?;
    let (csr, key) = match &options.csr {
        Some(path) => (read(path)?, None),
        None => {
            let (csr, key) = request()?;
            (csr, Some(key))
        }
    };
    let mut asked = NewCredential {
        name: options.name.clone(),
        solution: options.solution.clone(),
        version: options.version.clone(),
        mode: Mode::Sandbox,
        establishment: None,
        health_group: None,
        csr,
        installation: None,
    };
    if let Some(inpe) = &options.establishment {
        asked.mode = Mode::Production;
        asked.establishment = Some(Establishment { inpe: inpe.clone() });
        asked.health_group.clone_from(&options.group);
        asked.installation = options
            .installation
            .as_deref()
            .map(read)
            .transpose()?
            .map(|statement| statement.trim().to_owned());
    }
    let certificate = certify(&guichet, &options.vendor.vendor, &asked).await?;
    write_secret(&options.out, &identity(&certificate, key.as_deref()))?;
    println!("certificat {} : {}", options.name, options.out.display());
    Ok(())
}

/// Asks for a certificate and waits for it.
///
/// # Errors
/// `certificate-refused`, `guichet-refused`.
pub async fn certify(guichet: &Guichet, vendor: &str, asked: &NewCredential) -> Result<String> {
    guichet
        .post::<Entry>(&format!("vendors/{vendor}/credentials"), asked)
        .await?;
    guichet.certificate(vendor, &asked.name, &asked.csr).await
}

/// A new key (PEM) and the request for its certificate (PEM).
///
/// # Errors
/// `csr`.
pub fn request() -> Result<(String, String)> {
    let failed = |source: rcgen::Error| {
        CliError::new(
            "csr",
            "the certificate request could not be made",
            "this is a defect: report it",
        )
        .because(source)
    };
    let key = KeyPair::generate().map_err(failed)?;
    let request = CertificateParams::default()
        .serialize_request(&key)
        .map_err(failed)?;
    Ok((request.pem().map_err(failed)?, key.serialize_pem()))
}

/// Certificate, its issuers, then the key.
pub fn identity(certificate: &str, key: Option<&str>) -> String {
    match key {
        Some(key) => format!("{}\n{key}", certificate.trim_end()),
        None => certificate.to_owned(),
    }
}

/// A kind of product, from a command line.
pub fn kind(text: &str) -> std::result::Result<ProductKind, String> {
    serde_json::from_value(json!(text)).map_err(|error| error.to_string())
}
