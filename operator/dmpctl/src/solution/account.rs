//! Sign-up, what there is, the sandbox's people.

use std::fmt::Write as _;

use clap::Args;
use dmp_api::body::Organisation;
use dmp_homologation::guichet::{Entry, Sandbox, SandboxLogIn, SignUp, VendorView};
use serde_json::{Value, json};

use super::guichet::{Guichet, GuichetOptions, condition};
use crate::error::{CliError, Result};

#[derive(Args, Clone, Debug)]
pub struct SignUpOptions {
    #[command(flatten)]
    pub guichet: GuichetOptions,
    /// Name of the vendor, for ever: a-z, 0-9, `-`
    #[arg(long)]
    pub vendor: String,
    /// Name of the organisation, in law
    #[arg(long)]
    pub organisation: String,
    /// Its ICE, fifteen digits
    #[arg(long)]
    pub ice: String,
}

/// A vendor at the guichet.
#[derive(Args, Clone, Debug)]
pub struct VendorOptions {
    #[command(flatten)]
    pub guichet: GuichetOptions,
    /// Name of the vendor
    #[arg(long, env = "DMP_VENDOR")]
    pub vendor: String,
}

#[derive(Args, Clone, Debug)]
pub struct SandboxOptions {
    #[command(flatten)]
    pub vendor: VendorOptions,
    /// Give the population up and take a new, empty one
    #[arg(long)]
    pub reset: bool,
}

#[derive(Args, Clone, Debug)]
pub struct LogInOptions {
    #[command(flatten)]
    pub vendor: VendorOptions,
    /// INPE of a professional of the sandbox
    #[arg(long, required_unless_present = "patient", conflicts_with = "patient")]
    pub inpe: Option<String>,
    /// `system|value` of a patient's identifier
    #[arg(long, value_name = "SYSTEM|VALUE")]
    pub patient: Option<String>,
}

/// Signs up, waits for the place, furnishes it.
///
/// # Errors
/// As [`Guichet::placed`].
pub async fn sign_up(guichet: &Guichet, vendor: &str, organisation: &str, ice: &str) -> Result<Sandbox> {
    let asked = SignUp {
        name: vendor.to_owned(),
        organisation: Organisation {
            name: organisation.to_owned(),
            ice: ice.to_owned(),
        },
    };
    guichet.post::<VendorView>("vendors", &asked).await?;
    guichet.placed(vendor).await?;
    furnish(guichet, vendor).await
}

/// The synthetic people, made when they are not there.
///
/// # Errors
/// `guichet-refused`.
pub async fn furnish(guichet: &Guichet, vendor: &str) -> Result<Sandbox> {
    guichet.put(&format!("vendors/{vendor}/sandbox"), None).await
}

/// `dmpctl solution signup`.
///
/// # Errors
/// As [`sign_up`].
pub async fn run_sign_up(options: &SignUpOptions) -> Result<()> {
    let guichet = Guichet::new(&options.guichet)?;
    let sandbox = sign_up(&guichet, &options.vendor, &options.organisation, &options.ice).await?;
    print!("{}", people(&sandbox));
    Ok(())
}

/// `dmpctl solution sandbox`.
///
/// # Errors
/// `guichet-refused`.
pub async fn run_sandbox(options: &SandboxOptions) -> Result<()> {
    let vendor = &options.vendor.vendor;
    let guichet = Guichet::new(&options.vendor.guichet)?;
    if options.reset {
        guichet
            .post::<VendorView>(&format!("vendors/{vendor}/sandbox/reset"), &json!({}))
            .await?;
        guichet.placed(vendor).await?;
    }
    print!("{}", people(&furnish(&guichet, vendor).await?));
    Ok(())
}

/// `dmpctl solution log-in`.
///
/// # Errors
/// `guichet-refused`, `identifier-required`.
pub async fn run_log_in(options: &LogInOptions) -> Result<()> {
    let guichet = Guichet::new(&options.vendor.guichet)?;
    let person = match (&options.inpe, &options.patient) {
        (Some(inpe), _) => SandboxLogIn::Professional { inpe: inpe.clone() },
        (None, patient) => {
            let split = patient.as_deref().and_then(|text| text.split_once('|'));
            let (system, value) = split.ok_or_else(|| {
                CliError::new(
                    "identifier-required",
                    "a patient is named by `system|value`",
                    "`dmpctl solution sandbox` lists them",
                )
            })?;
            SandboxLogIn::Patient {
                system: system.to_owned(),
                value: value.to_owned(),
            }
        }
    };
    println!(
        "{}",
        guichet.sandbox_log_in(&options.vendor.vendor, &person).await?
    );
    Ok(())
}

/// `dmpctl solution show`: where everything stands.
///
/// # Errors
/// `guichet-refused`.
pub async fn run_show(options: &VendorOptions) -> Result<()> {
    let guichet = Guichet::new(&options.guichet)?;
    let vendor = &options.vendor;
    let view: VendorView = guichet.get(&format!("vendors/{vendor}")).await?;
    let list = async |kind: &str| guichet.list(&format!("vendors/{vendor}/{kind}")).await;
    let mut text = format!(
        "{} · {} (ICE {}) · {}\n",
        view.name,
        view.organisation.name,
        view.organisation.ice,
        view.message.as_deref().unwrap_or("prêt"),
    );
    if let Some(place) = &view.sandbox {
        let _ = writeln!(
            text,
            "bac à sable : groupe {}, établissement {}, population {}",
            place.health_group, place.establishment, view.population
        );
    }
    for version in list("versions").await? {
        let _ = writeln!(text, "version       {:<28} {}", version.name, readiness(&version));
    }
    for credential in list("credentials").await? {
        let until = credential
            .status
            .as_ref()
            .and_then(|status| status["notAfter"].as_str());
        let _ = writeln!(
            text,
            "certificat    {:<28} {} {}",
            credential.name,
            credential.spec["mode"].as_str().unwrap_or("sandbox"),
            until.map_or_else(|| readiness(&credential), |until| format!("jusqu’au {until}")),
        );
    }
    for submission in list("homologations").await? {
        text += &standing(&submission);
    }
    print!("{text}");
    Ok(())
}

fn readiness(entry: &Entry) -> String {
    let status = entry.status.clone().unwrap_or_default();
    match condition(&status, "Ready") {
        Some(("True", _)) => "prêt".to_owned(),
        Some((_, message)) => message.to_owned(),
        None => "pas encore examiné".to_owned(),
    }
}

/// A submission: state, what is missing, by when who has promised what, what will end it.
pub fn standing(submission: &Entry) -> String {
    let status = submission.status.clone().unwrap_or_default();
    let mut text = format!(
        "dossier       {:<28} {}\n",
        submission.name,
        status["state"].as_str().unwrap_or("pas encore examiné"),
    );
    let lines = |name: &str| status[name].as_array().cloned().unwrap_or_default();
    for missing in lines("missing") {
        let _ = writeln!(text, "  manque : {}", missing.as_str().unwrap_or_default());
    }
    for deadline in lines("deadlines") {
        let field = |name: &str| deadline[name].as_str().unwrap_or_default().to_owned();
        let _ = writeln!(text, "  délai : {} avant le {}", field("domain"), field("due"));
    }
    for warning in lines("warnings") {
        let _ = writeln!(text, "  attention : {}", warning.as_str().unwrap_or_default());
    }
    if let Value::String(until) = &status["until"] {
        let _ = writeln!(text, "  jusqu’au {until}");
    }
    text
}

fn people(sandbox: &Sandbox) -> String {
    let mut text = format!(
        "bac à sable : groupe {}, établissement {} (tout est fictif)\n",
        sandbox.place.health_group, sandbox.place.establishment
    );
    for one in &sandbox.professionals {
        let _ = writeln!(text, "  {:<11} INPE {}  {}", one.profession, one.inpe, one.name);
    }
    for one in &sandbox.patients {
        let _ = writeln!(
            text,
            "  patient     {}|{}  {}, {}",
            one.system, one.value, one.name, one.birth_date
        );
    }
    text
}
