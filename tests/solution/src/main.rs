//! The program `dmp-solution`: one task from standard input, a report to standard output.

use std::error::Error as _;
use std::io::Read as _;
use std::process::ExitCode;

use clap::Parser;
use dmp_solution::defect::Defect;
use dmp_solution::error::SolutionError;
use dmp_solution::habits::Habits;
use dmp_solution::report::Report;
use dmp_solution::task::Task;

/// A document of 40 MiB in base64, and room for the rest.
const LARGEST_TASK_MIB: usize = 64;

/// Reference solution: reads one task (JSON) from standard input and performs it against the gateway.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Break one requirement on purpose, to test the conformance suite.
    #[arg(long, value_enum)]
    defect: Option<Defect>,
}

fn main() -> ExitCode {
    dmp_core::install_crypto_provider();
    let arguments = Arguments::parse();
    let mut habits = Habits::default();
    if let Some(defect) = arguments.defect {
        defect.spoil(&mut habits);
    }
    match perform(habits) {
        Ok(report) => {
            println!("{}", serde_json::json!(report));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(source) = cause {
                eprintln!("  because: {source}");
                cause = source.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn perform(habits: Habits) -> Result<Report, SolutionError> {
    let task = Task::read(&standard_input()?)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(SolutionError::Runtime)?;
    runtime.block_on(dmp_solution::run(&task, habits))
}

fn standard_input() -> Result<String, SolutionError> {
    let limit = LARGEST_TASK_MIB << 20;
    let mut bytes = Vec::new();
    std::io::stdin()
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| SolutionError::Task(error.kind().to_string()))?;
    if bytes.len() > limit {
        return Err(SolutionError::TaskTooLarge(LARGEST_TASK_MIB));
    }
    String::from_utf8(bytes).map_err(|_| SolutionError::Task("not UTF-8".to_owned()))
}
