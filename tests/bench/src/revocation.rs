//! Revocations one after the other on an appliance, while others send their requests, then renewals: what the table says of them.

use std::path::PathBuf;

use clap::Args;
use dmp_appliance::Options as Appliance;
use dmp_e2e::renewal;
use dmp_e2e::revocation::{Plan, measure};
use dmp_e2e::stage::Stage;

use crate::measure::Latencies;
use crate::report::{Table, place};

#[derive(Args)]
pub struct Options {
    /// Number of revocations.
    #[arg(long, default_value_t = 200)]
    pub trials: usize,
    /// Requests a second beside them, over all gateways.
    #[arg(long, default_value_t = 500)]
    pub rate: u32,
    /// Credentials that send them: each stays far below its quota.
    #[arg(long, default_value_t = 40)]
    pub others: usize,
    /// Renewals afterwards.
    #[arg(long, default_value_t = 300)]
    pub renewals: usize,
    /// Renewals a second.
    #[arg(long, default_value_t = 10)]
    pub renewal_rate: u32,
    /// Name of the appliance; it is started if it does not run, and left running.
    #[arg(long, default_value = "bench")]
    pub name: String,
    /// Folder with `dmp` and `dmp-operator`; that of this program by default.
    #[arg(long)]
    pub binaries: Option<PathBuf>,
    /// Page of the documentation whose table is replaced.
    #[arg(long)]
    pub write: Option<PathBuf>,
}

/// The table.
pub async fn run(options: &Options) -> String {
    let own = std::env::current_exe().expect("this program");
    let folder = own.parent().expect("its folder").to_owned();
    let appliance = Appliance {
        name: options.name.parse().expect("a name of an appliance"),
        binaries: Some(options.binaries.clone().unwrap_or(folder)),
        cache: std::env::var_os("DMP_CACHE").map(PathBuf::from),
        ..Appliance::default()
    };
    let stage = Stage::start_with(appliance).await;
    let plan = Plan {
        trials: options.trials,
        per_second: options.rate,
        others: options.others,
    };
    let measured = measure(&stage, &plan).await;
    let others = &measured.others;
    let mut table = Table::default();
    table.row(
        "last 2xx of revoked software after the API server's answer: min / median / p99 / max",
        measured.text(),
    );
    table.row("the slowest of each level", measured.by_level());
    let tried: u64 = measured.trials.iter().map(|trial| trial.tried).sum();
    table.row(
        "requests of revoked software that were tried after it",
        tried.to_string(),
    );
    table.row(
        "others, beside it: 2xx a second, p50 / p99",
        format!(
            "{:.0}, {} / {} ms",
            others.per_second,
            others.half.as_millis(),
            others.most.as_millis()
        ),
    );
    table.row(
        "others: 2xx, other answers, none, left out",
        format!(
            "{}, {}, {}, {}",
            others.good, others.other, others.unanswered, others.left_out
        ),
    );
    renewals(&stage, options, &mut table).await;
    table.markdown(&format!(
        "{} revocations, {} requests a second of {} credentials through {} gateways; {}; appliance of one node on this machine.",
        options.trials,
        options.rate,
        options.others,
        measured.gateways,
        place()
    ))
}

async fn renewals(stage: &Stage, options: &Options, table: &mut Table) {
    let plan = renewal::Plan {
        renewals: options.renewals,
        per_second: options.renewal_rate,
    };
    let measured = renewal::measure(stage, &plan).await;
    table.row(
        format!(
            "afterwards {} renewals (EST), {} a second: to the next certificate, p50 / p99 / max",
            plan.renewals, plan.per_second
        ),
        Latencies::of(measured.taken).text(),
    );
    table.row(
        "renewals: all of them, put off once more (202), failed",
        format!(
            "{:.1} s, {}, {}",
            measured.whole.as_secs_f64(),
            measured.pending,
            measured.failed.len()
        ),
    );
    for error in measured.failed.iter().take(5) {
        eprintln!("renewal: {error}");
    }
}
