//! Log-ins of the synthetic people that a sandbox has.

use dmp_homologation::guichet::SandboxLogIn;
use kube::Client;
use tokio::process::Command;

use super::guichet::Guichet;
use crate::demo::fixtures::{self, Professional};
use crate::demo::people;
use crate::error::{CliError, Result};

/// Where identity tokens (OIDC) come from.
pub trait LogIns {
    /// Of the professional who works with the software.
    ///
    /// # Errors
    /// When nobody could log in.
    fn professional(&self) -> impl Future<Output = Result<String>>;

    /// Of the patient of an identifier.
    ///
    /// # Errors
    /// When nobody could log in.
    fn patient(&self, system: &str, value: &str) -> impl Future<Output = Result<String>>;

    /// INPE of the professional.
    fn inpe(&self) -> &str;
}

/// The demonstration's people, for who runs the platform.
pub struct Demonstration {
    client: Client,
    user: String,
    professional: Professional,
}

impl Demonstration {
    /// # Errors
    /// `unknown-person`.
    pub fn new(client: Client, user: &str) -> Result<Self> {
        Ok(Self {
            client,
            user: user.to_owned(),
            professional: fixtures::professional(user)?,
        })
    }
}

impl LogIns for Demonstration {
    async fn professional(&self) -> Result<String> {
        let claims = fixtures::professional_claims(&self.professional);
        people::token(&self.client, &self.user, &claims).await
    }

    async fn patient(&self, system: &str, value: &str) -> Result<String> {
        people::token(&self.client, "patiente", &fixtures::patient_claims(system, value)).await
    }

    fn inpe(&self) -> &str {
        &self.professional.inpe
    }
}

/// The vendor's own sandbox.
pub struct AtGuichet {
    pub guichet: Guichet,
    pub vendor: String,
    /// The professional's.
    pub inpe: String,
}

impl LogIns for AtGuichet {
    async fn professional(&self) -> Result<String> {
        let inpe = self.inpe.clone();
        let person = SandboxLogIn::Professional { inpe };
        self.guichet.sandbox_log_in(&self.vendor, &person).await
    }

    async fn patient(&self, system: &str, value: &str) -> Result<String> {
        let person = SandboxLogIn::Patient {
            system: system.to_owned(),
            value: value.to_owned(),
        };
        self.guichet.sandbox_log_in(&self.vendor, &person).await
    }

    fn inpe(&self) -> &str {
        &self.inpe
    }
}

/// A command that prints one: `<command> professional`, `<command> patient <system|value>`.
pub struct Printed {
    pub command: String,
    pub inpe: String,
}

impl LogIns for Printed {
    async fn professional(&self) -> Result<String> {
        printed(&self.command, &["professional"]).await
    }

    async fn patient(&self, system: &str, value: &str) -> Result<String> {
        printed(&self.command, &["patient", &format!("{system}|{value}")]).await
    }

    fn inpe(&self) -> &str {
        &self.inpe
    }
}

async fn printed(command: &str, arguments: &[&str]) -> Result<String> {
    let called = format!("`{command} {}`", arguments.join(" "));
    let remedy =
        "the command of --log-in must print an identity token (OIDC) of a synthetic person and end with 0";
    token_of(Command::new(command).args(arguments), &called, remedy).await
}

/// The identity token that a command prints.
///
/// # Errors
/// `log-in-failed` with the last line of what it said.
pub(super) async fn token_of(command: &mut Command, called: &str, remedy: &str) -> Result<String> {
    let failed = |what: String| CliError::new("log-in-failed", what, remedy);
    let output = command.output().await;
    let output = output.map_err(|error| failed(format!("{called} cannot be run")).because(error))?;
    let token = String::from_utf8(output.stdout)
        .unwrap_or_default()
        .trim()
        .to_owned();
    if output.status.success() && !token.is_empty() {
        return Ok(token);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    let what = format!("{called} printed no token ({}) {last}", output.status);
    Err(failed(what.trim_end().to_owned()))
}
