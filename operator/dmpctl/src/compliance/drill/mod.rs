//! `dmpctl compliance drill`: breaks things on a sandbox group, one after the other, and shows who answered and after how long.
//!
//! What the API server must refuse is only tried (a dry run): were it accepted, nothing would be made. What is changed is put
//! back, by who should and else by the drill itself, also when it is interrupted. Not here: the breaches ([`breaches`]) and
//! how one goes ([`act`]).

mod act;
mod breaches;
mod table;
#[cfg(test)]
mod tests;

use std::time::Duration;

use dmp_api::{HealthGroup, Mode};
use dmp_appliance::Progress;
use kube::{Api, Client};

use super::Format;
use crate::error::{CliError, Result};

pub use act::{Answer, Outcome};
pub use breaches::{Breach, breaches};
pub use table::table;

#[derive(clap::Args, Clone, Debug)]
pub struct DrillOptions {
    /// The health group that things are broken on: a sandbox
    #[arg(long)]
    pub group: String,
    /// How long an answer may take, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub within: u64,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// What came of one breach.
#[derive(Clone, Debug)]
pub struct Drilled {
    pub breach: Breach,
    pub outcome: Outcome,
}

/// Runs the drill and prints what came of it.
///
/// # Errors
/// `drill-group`, `drill-failed` when something was neither refused nor put back nor seen in time, `drill-interrupted`.
pub async fn run(client: &Client, options: &DrillOptions) -> Result<()> {
    let progress = Progress::to_stderr();
    let drilled = drill(client, options, &progress).await?;
    match options.format {
        Format::Table => print!("{}", table(&drilled)),
        Format::Json => print!("{}", table::json(&options.group, &drilled)?),
    }
    let missed: Vec<_> = drilled
        .iter()
        .filter(|one| !one.outcome.answer.is_good())
        .map(|one| one.breach.id)
        .collect();
    if missed.is_empty() {
        return Ok(());
    }
    Err(CliError::new(
        "drill-failed",
        format!("nobody answered as expected: {}", missed.join(", ")),
        "`dmpctl compliance explain` of the control in that line says what should have; `kubectl -n dmp-system get pods` shows who is alive",
    ))
}

/// Every breach, in order.
///
/// # Errors
/// `drill-group`, `drill-interrupted`, or what the API server says.
pub async fn drill(client: &Client, options: &DrillOptions, progress: &Progress) -> Result<Vec<Drilled>> {
    sandbox(client, &options.group).await?;
    let run = uuid::Uuid::new_v4().simple().to_string();
    let run = run.get(..8).unwrap_or_default();
    let within = Duration::from_secs(options.within);
    let mut drilled = Vec::new();
    for breach in breaches(&options.group, run) {
        let step = progress.step(breach.title);
        let before = act::before(client, &breach.act).await?;
        let outcome = tokio::select! {
            outcome = act::act(client, &breach, &before, within, &step) => Some(outcome),
            _ = tokio::signal::ctrl_c() => None,
        };
        // Whatever came of it: nothing of the drill stays.
        act::mend(client, &breach.act, &before).await?;
        let Some(outcome) = outcome else {
            return Err(CliError::new(
                "drill-interrupted",
                "the drill was interrupted; what it had changed is put back",
                "run it again",
            ));
        };
        step.done_with(table::words(&outcome));
        drilled.push(Drilled { breach, outcome });
    }
    Ok(drilled)
}

/// A drill takes policies away for a moment: not where there are patients.
async fn sandbox(client: &Client, name: &str) -> Result<()> {
    let refused = |why: &str| {
        CliError::new(
            "drill-group",
            format!("no drill on `{name}`: {why}"),
            "`kubectl get healthgroups` shows the groups: name one whose mode is sandbox and that is ready",
        )
    };
    let groups: Api<HealthGroup> = Api::all(client.clone());
    let group = groups
        .get_opt(name)
        .await
        .map_err(|source| CliError::kubernetes("reading the HealthGroup", source))?
        .ok_or_else(|| refused("there is no such group"))?;
    if group.spec.mode != Mode::Sandbox {
        return Err(refused("there are patients in it"));
    }
    let conditions = group.status.iter().flat_map(|status| &status.conditions);
    let mut ready = conditions.filter(|one| one.type_ == "Ready");
    match ready.any(|one| one.status == "True") {
        true => Ok(()),
        false => Err(refused("it is not ready")),
    }
}
