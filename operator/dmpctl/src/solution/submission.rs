//! A version is submitted, given up, and what was signed about it handed in.

use std::path::PathBuf;

use clap::Args;
use dmp_homologation::guichet::{Entry, NewStatement, NewSubmission};
use serde_json::{Value, json};

use super::account::{VendorOptions, standing};
use super::guichet::Guichet;
use crate::error::{CliError, Result};
use crate::files::read;

#[derive(Args, Clone, Debug)]
pub struct SubmitOptions {
    #[command(flatten)]
    pub vendor: VendorOptions,
    /// Name of the submission: a-z, 0-9, `-`
    #[arg(long)]
    pub name: String,
    #[arg(long)]
    pub solution: String,
    #[arg(long)]
    pub version: String,
    /// Name of the programme
    #[arg(long)]
    pub programme: String,
    /// Which submission of this version it is
    #[arg(long, default_value_t = 1)]
    pub cycle: i32,
    /// Names of the profiles, repeated or separated by commas
    #[arg(long, value_delimiter = ',', required = true)]
    pub profiles: Vec<String>,
    /// Names of the items of evidence
    #[arg(long, value_delimiter = ',')]
    pub evidence: Vec<String>,
    /// Name of the submission of an earlier version that it follows
    #[arg(long)]
    pub follows: Option<String>,
    /// File with the public key (PEM) whose owner will name the installations
    #[arg(long)]
    pub installation_key: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
pub struct SubmissionOptions {
    #[command(flatten)]
    pub vendor: VendorOptions,
    /// Name of the submission
    #[arg(long)]
    pub name: String,
}

#[derive(Args, Clone, Debug)]
pub struct HandInOptions {
    #[command(flatten)]
    pub vendor: VendorOptions,
    /// File with the signed result: a JWS, or a `ConformanceRun`
    #[arg(long, required_unless_present = "review")]
    pub run: Option<PathBuf>,
    /// File with a signed review or decision: a JWS, or a `HomologationReview`
    #[arg(long, requires = "name", conflicts_with = "run")]
    pub review: Option<PathBuf>,
    /// Name of the submission that the review is about
    #[arg(long)]
    pub name: Option<String>,
}

/// `dmpctl solution submit`.
///
/// # Errors
/// `guichet-refused`, `file`.
pub async fn run_submit(options: &SubmitOptions) -> Result<()> {
    let guichet = Guichet::new(&options.vendor.guichet)?;
    let installation_key = options.installation_key.as_deref().map(read).transpose()?;
    let asked = NewSubmission {
        name: options.name.clone(),
        solution: options.solution.clone(),
        version: options.version.clone(),
        programme: options.programme.clone(),
        cycle: options.cycle,
        profiles: options.profiles.clone(),
        evidence: options.evidence.clone(),
        follows: options.follows.clone(),
        installation_key,
    };
    let path = format!("vendors/{}/homologations", options.vendor.vendor);
    let created: Entry = guichet.post(&path, &asked).await?;
    print!("{}", standing(&created));
    Ok(())
}

/// `dmpctl solution withdraw`.
///
/// # Errors
/// `guichet-refused`.
pub async fn run_withdraw(options: &SubmissionOptions) -> Result<()> {
    let guichet = Guichet::new(&options.vendor.guichet)?;
    let path = format!(
        "vendors/{}/homologations/{}/withdraw",
        options.vendor.vendor, options.name
    );
    let withdrawn: Entry = guichet.post(&path, &json!({})).await?;
    println!("dossier {} retiré", withdrawn.name);
    Ok(())
}

/// `dmpctl solution hand-in`.
///
/// # Errors
/// `guichet-refused`, `file`, `statement-missing`.
pub async fn run_hand_in(options: &HandInOptions) -> Result<()> {
    let guichet = Guichet::new(&options.vendor.guichet)?;
    let vendor = &options.vendor.vendor;
    let (file, path) = match (&options.run, &options.review, &options.name) {
        (Some(run), ..) => (run, format!("vendors/{vendor}/runs")),
        (None, Some(review), Some(name)) => {
            (review, format!("vendors/{vendor}/homologations/{name}/reviews"))
        }
        _ => return Err(missing()),
    };
    let asked = NewStatement {
        statement: statement(&read(file)?).ok_or_else(missing)?,
    };
    let created: Entry = guichet.post(&path, &asked).await?;
    println!("remis : {}", created.name);
    Ok(())
}

/// The JWS of a file: alone, or in the object that carries it (JSON or YAML).
fn statement(text: &str) -> Option<String> {
    let text = text.trim();
    let is_jws =
        text.split('.').count() == 3 && !text.contains(char::is_whitespace) && !text.starts_with('{');
    if is_jws {
        return Some(text.to_owned());
    }
    let object: Value = serde_saphyr::from_str(text).ok()?;
    object["spec"]["statement"].as_str().map(str::to_owned)
}

fn missing() -> CliError {
    CliError::new(
        "statement-missing",
        "the file holds no signed statement",
        "it is a JWS, or a ConformanceRun or HomologationReview with one (spec.statement)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_comes_alone_or_in_its_object() {
        assert_eq!(statement("a.b.c\n").as_deref(), Some("a.b.c"));
        assert_eq!(statement("spec:\n  statement: a.b.c\n").as_deref(), Some("a.b.c"));
        assert_eq!(
            statement(r#"{"spec":{"statement":"a.b.c"}}"#).as_deref(),
            Some("a.b.c")
        );
        assert_eq!(statement("{}"), None);
        assert_eq!(statement("nothing"), None);
    }
}
