//! From nothing to software that can be tested, in one command: sign-up, product, version, certificates.

use std::path::{Path, PathBuf};

use clap::Args;
use dmp_api::Mode;
use dmp_api::solution::ProductKind;
use dmp_homologation::guichet::NewCredential;
use serde::{Deserialize, Serialize};

use super::account::{SignUpOptions, sign_up};
use super::guichet::Guichet;
use super::product::{add, certify, identity, kind, request, version};
use crate::error::{CliError, Result};
use crate::files::write_secret;

/// A patient's own app, which every sandbox needs beside the product: a care relation and an opposition are the patient's to say.
const PATIENT_APP: &str = "app-patient-bac-a-sable";
const PATIENT_APP_VERSION: &str = "1";
/// Name of the credentials.
const CREDENTIAL: &str = "bac-a-sable";

#[derive(Args, Clone, Debug)]
pub struct StartOptions {
    #[command(flatten)]
    pub sign_up: SignUpOptions,
    /// Name of the product's object: a-z, 0-9, `-`
    #[arg(long)]
    pub solution: String,
    /// Name of the product, as people know it
    #[arg(long)]
    pub product: String,
    /// `hospital`, `laboratory`, `pharmacy` or `cabinet`
    #[arg(long, value_parser = kind)]
    pub kind: ProductKind,
    #[arg(long)]
    pub version: String,
    /// Where certificates and keys go
    #[arg(long, default_value = "./dmp-sandbox")]
    pub dir: PathBuf,
}

/// What a folder of [`start`] says of itself (`sandbox.json`).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Folder {
    pub vendor: String,
    /// INPE of the professional who works with the software in tests.
    pub inpe: String,
}

impl Folder {
    /// # Errors
    /// `file`, `sandbox-folder`.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("sandbox.json");
        let text = std::fs::read(&path).map_err(|source| CliError::file(&path, source))?;
        serde_json::from_slice(&text).map_err(|source| {
            CliError::new(
                "sandbox-folder",
                format!("`{}` is not understood", path.display()),
                "make the folder again: `dmpctl solution start`",
            )
            .because(source)
        })
    }

    pub fn identity(folder: &Path) -> PathBuf {
        folder.join("identity.pem")
    }

    pub fn patient_app(folder: &Path) -> PathBuf {
        folder.join("patient-app.pem")
    }
}

/// `dmpctl solution start`. Running it again continues, with new keys.
///
/// # Errors
/// What the guichet or the platform says.
pub async fn run(options: &StartOptions) -> Result<()> {
    let account = &options.sign_up;
    let guichet = Guichet::new(&account.guichet)?;
    let folder = start(&guichet, options).await?;
    let dir = options.dir.display();
    println!(
        "éditeur {} : bac à sable prêt, certificats dans {dir}\n\
         maintenant : dmpctl solution test --sandbox {dir} --profile document-feeder --run ./votre-logiciel",
        folder.vendor
    );
    Ok(())
}

/// As [`run`], without the last words.
///
/// # Errors
/// As [`run`].
pub async fn start(guichet: &Guichet, options: &StartOptions) -> Result<Folder> {
    let account = &options.sign_up;
    let vendor = &account.vendor;
    let sandbox = sign_up(guichet, vendor, &account.organisation, &account.ice).await?;
    let physician = sandbox
        .professionals
        .iter()
        .find(|one| one.profession == "physician")
        .ok_or_else(|| {
            CliError::new(
                "no-physician",
                "the sandbox has no physician",
                "this is a defect: report it",
            )
        })?;
    let folder = Folder {
        vendor: vendor.clone(),
        inpe: physician.inpe.clone(),
    };
    add(guichet, vendor, &options.solution, &options.product, options.kind).await?;
    version(guichet, vendor, &options.solution, &options.version, None).await?;
    let app = "Application patient du bac à sable";
    add(guichet, vendor, PATIENT_APP, app, ProductKind::PatientApp).await?;
    version(guichet, vendor, PATIENT_APP, PATIENT_APP_VERSION, None).await?;
    let failed = |source| CliError::file(&options.dir, source);
    std::fs::create_dir_all(&options.dir).map_err(failed)?;
    let own = (
        format!("{}-{CREDENTIAL}", options.solution),
        options.solution.as_str(),
        options.version.as_str(),
    );
    let companion = (format!("{PATIENT_APP}-1"), PATIENT_APP, PATIENT_APP_VERSION);
    obtain(guichet, vendor, own, &Folder::identity(&options.dir)).await?;
    obtain(guichet, vendor, companion, &Folder::patient_app(&options.dir)).await?;
    let path = options.dir.join("sandbox.json");
    let text = serde_json::to_string_pretty(&folder).unwrap_or_default();
    std::fs::write(&path, text).map_err(|source| CliError::file(&path, source))?;
    Ok(folder)
}

async fn obtain(
    guichet: &Guichet,
    vendor: &str,
    (name, solution, version): (String, &str, &str),
    path: &Path,
) -> Result<()> {
    let (csr, key) = request()?;
    let asked = NewCredential {
        name,
        solution: solution.to_owned(),
        version: version.to_owned(),
        mode: Mode::Sandbox,
        establishment: None,
        health_group: None,
        csr,
        installation: None,
    };
    let certificate = certify(guichet, vendor, &asked).await?;
    write_secret(path, &identity(&certificate, Some(&key)))
}
