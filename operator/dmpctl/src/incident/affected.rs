//! `dmpctl incident affected`: whose records an incident touched, asked at the guichet as a reader of the body of security. The list goes to the
//! screen or to a file of yours, never into the cluster.

use std::fmt::Write as _;
use std::time::Duration;

use dmp_homologation::guichet::{Affected, AffectedQuestion};
use jiff::Timestamp;
use serde_json::json;

use super::words;
use crate::error::{CliError, Result};
use crate::solution::guichet::{Guichet, GuichetOptions};

/// Between two pages: a person has ten requests a second.
const PAUSE: Duration = Duration::from_millis(120);

#[derive(clap::Args, Clone, Debug)]
pub struct AffectedOptions {
    #[command(flatten)]
    pub guichet: GuichetOptions,
    /// The incident; it is open, affects the group, and says that personal data are affected
    pub name: String,
    /// The HealthGroup whose patients are meant
    #[arg(long)]
    pub group: String,
    /// `<vendor namespace>/<solution>` that did it
    #[arg(long, required_unless_present = "person")]
    pub software: Option<String>,
    /// Only this version of it
    #[arg(long, requires = "software")]
    pub version: Option<String>,
    /// INPE of the professional who did it
    #[arg(long)]
    pub person: Option<String>,
    /// Only what was done for the establishment of this INPE: software at one place is one installation
    #[arg(long)]
    pub establishment: Option<String>,
    /// First moment (RFC 3339)
    #[arg(long)]
    pub from: Timestamp,
    /// First moment after (RFC 3339); it has passed, and is 31 days after --from at most
    #[arg(long)]
    pub to: Timestamp,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Asks page after page; the whole answer as it is printed.
///
/// # Errors
/// `guichet-refused`, `guichet-unreachable`; `answer-incomplete` when the log has grown into the window meanwhile.
pub async fn ask(options: &AffectedOptions) -> Result<String> {
    let guichet = Guichet::new(&options.guichet)?;
    let mut question = question(options);
    let path = format!("incidents/{}/affected", options.name);
    let mut all: Affected = guichet.post(&path, &question).await?;
    while let Some(after) = all.next.take() {
        tokio::time::sleep(PAUSE).await;
        question.after = Some(after);
        let page: Affected = guichet.post(&path, &question).await?;
        joined(&mut all, page);
    }
    whole(&all)?;
    if options.json {
        return Ok(format!("{:#}\n", json!(all)));
    }
    Ok(text(options, &all))
}

fn question(options: &AffectedOptions) -> AffectedQuestion {
    AffectedQuestion {
        group: options.group.clone(),
        software: options.software.clone(),
        version: options.version.clone(),
        person: options.person.clone(),
        establishment: options.establishment.clone(),
        from: options.from.to_string(),
        to: options.to.to_string(),
        after: None,
        limit: None,
    }
}

/// A page after those before. What is missing stays missing.
pub fn joined(all: &mut Affected, page: Affected) {
    all.count = page.count;
    all.patients.extend(page.patients);
    all.next = page.next;
    all.behind |= page.behind;
    all.unreadable = all.unreadable.max(page.unreadable);
}

/// # Errors
/// `answer-incomplete` when the pages are not of one answer.
pub fn whole(all: &Affected) -> Result<()> {
    let lines = u64::try_from(all.patients.len()).unwrap_or(u64::MAX);
    if lines == all.count {
        return Ok(());
    }
    Err(CliError::new(
        "answer-incomplete",
        format!("{} patients are counted and {lines} were given", all.count),
        "the log has grown into the window meanwhile: ask again",
    ))
}

/// The count, then a line each. Pure.
pub fn text(options: &AffectedOptions, all: &Affected) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{}, groupe {} : {} patient(s) entre le {} et le {}",
        options.name,
        options.group,
        all.count,
        words::moment(options.from),
        words::moment(options.to),
    );
    if all.behind {
        out.push_str(
            "  Attention : les dernières entrées du journal du groupe n'ont pas pu être lues ; reposez la question.\n",
        );
    }
    if all.unreadable > 0 {
        let _ = writeln!(
            out,
            "  Attention : {} entrée(s) du journal du groupe sont illisibles ; on ne sait de qui elles parlent.",
            all.unreadable
        );
    }
    if all.count == 0 {
        out.push_str("  Aucun accès sous ce nom : vérifiez l'orthographe du logiciel et l'INPE, le journal ne les devine pas.\n");
        return out;
    }
    let _ = writeln!(
        out,
        "  {:<36}  {:<24}  {:<24}  LUS  LISTES  ÉCRITS",
        "PATIENT", "PREMIER ACCÈS", "DERNIER ACCÈS"
    );
    for one in &all.patients {
        let _ = writeln!(
            out,
            "  {:<36}  {:<24}  {:<24}  {:>3}  {:>6}  {:>6}",
            one.patient.as_deref().unwrap_or("(dossier inconnu de ce groupe)"),
            one.first,
            one.last,
            one.reads,
            one.searches,
            one.writes,
        );
    }
    out
}
