//! `dmpctl homologation`: what bodies sign. Offline: it reads a key and files, and prints; the cluster, the guichet or a
//! colleague gets the output. The key leaves this machine in no form.

mod sign;

pub use sign::{ApproveOptions, EndorseOptions, ReviewOptions, SignatureOptions, approve, endorse, review};

use clap::Subcommand;

use crate::error::Result;

#[derive(Subcommand, Debug)]
pub enum HomologationCommand {
    /// Sign a review, or with --decision the body's decision; prints a HomologationReview
    Review(Box<ReviewOptions>),
    /// Sign a programme; prints the JWS for spec.signatures
    ApproveProgramme(ApproveOptions),
    /// Sign the body's next authority with the present one's key; prints the JWS for its endorsement
    Endorse(EndorseOptions),
}

/// # Errors
/// Says what is missing.
pub fn run(command: &HomologationCommand) -> Result<()> {
    let text = match command {
        HomologationCommand::Review(options) => review(options)?,
        HomologationCommand::ApproveProgramme(options) => approve(options)?,
        HomologationCommand::Endorse(options) => endorse(options)?,
    };
    println!("{text}");
    Ok(())
}
