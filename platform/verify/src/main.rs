//! `dmp-verify`: checks, offline, what the platform's logs promise.
//!
//! In scope: a patient's trail (each entry: commitment → leaf → inclusion → signed checkpoint of the right log), a
//! checkpoint alone, and whether a newer checkpoint continues an older one.
//! Out of scope: whether the trail is complete (a verifier of one file cannot know), and any network.
//!
//! It shares no code with the server: hashing, proofs, notes and JSON are read here by other hands, so that one
//! mistake cannot be made twice. Formats: `docs/interfaces.md` ("The log"), C2SP tlog-checkpoint and signed-note,
//! RFC 6962 / RFC 9162 for the tree.

mod checkpoint;
mod keys;
mod merkle;
mod note;
mod text;
mod trail;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Checks a patient's trail or a log's checkpoint offline.
///
/// Exit status: 0 when everything asked for is proven, 1 when anything is not, 2 when the command is wrong.
#[derive(Parser)]
#[command(name = "dmp-verify", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks every entry of a trail file, one line each: index, log, kind, time, OK or FAILED with the reason.
    Trail {
        /// The answer of the trail (JSON: an object with `entries`, a list of entries, or one entry).
        file: PathBuf,
        #[command(flatten)]
        keys: Keys,
    },
    /// Checks a checkpoint, and with --older and --proof that it continues an older one.
    Checkpoint {
        /// The signed note.
        file: PathBuf,
        #[command(flatten)]
        keys: Keys,
        /// An older signed note of the same log.
        #[arg(long, value_name = "FILE", requires = "proof")]
        older: Option<PathBuf>,
        /// The consistency proof (RFC 6962): one base64 hash a line.
        #[arg(long, value_name = "FILE", requires = "older")]
        proof: Option<PathBuf>,
    },
}

#[derive(Args)]
struct Keys {
    /// Public keys to trust: a verifier key (`<origin>+<id>+<key>`), a file of such, or the platform's keys.json.
    /// Get it from somebody you trust, not from where the trail came from.
    #[arg(long = "key", value_name = "VKEY|FILE", required = true)]
    keys: Vec<String>,
}

fn main() -> ExitCode {
    // A reader that leaves (`… | head`) ends it as it ends other programs; there is no socket here that could.
    sigpipe::reset();
    let result = match Arguments::parse().command {
        Command::Trail { file, keys } => keys::load(&keys.keys).and_then(|keys| trail::run(&file, &keys)),
        Command::Checkpoint {
            file,
            keys,
            older,
            proof,
        } => keys::load(&keys.keys)
            .and_then(|keys| checkpoint::run(&file, &keys, older.as_deref().zip(proof.as_deref()))),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("dmp-verify: {error}");
            ExitCode::FAILURE
        }
    }
}
