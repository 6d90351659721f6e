//! `dmpctl label`: what a label is worth, for anybody, offline; and its QR code.
//!
//! The code carries the address of the entry in the catalogue, not the label: a label lives for 30 days and has some 900
//! characters, a code is printed on a box. The last part of the address is bound to vendor, product and version by its hash.

pub mod qr;
#[cfg(test)]
mod tests;
pub mod verify;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use dmp_homologation::label;
use jiff::Timestamp;

use crate::error::{CliError, Result};

#[derive(Subcommand, Debug)]
pub enum LabelCommand {
    /// Say what a label states and whether it is worth anything; fails when it is not
    Verify(VerifyOptions),
    /// The QR code of a label's entry in the catalogue, on the terminal; it says nothing about the label's worth
    Qr(QrOptions),
}

#[derive(clap::Args, Clone, Debug)]
pub struct VerifyOptions {
    /// The label (JWS), `-` for standard input
    #[arg(value_name = "FILE")]
    pub label: PathBuf,
    /// The platform's public keys: keys.json
    #[arg(long, value_name = "FILE")]
    pub keys: PathBuf,
    /// catalogue.json, with its signature catalogue.jws beside it: without, what has ended since is not seen
    #[arg(long, value_name = "FILE")]
    pub catalogue: Option<PathBuf>,
}

#[derive(clap::Args, Clone, Debug)]
pub struct QrOptions {
    /// The label (JWS), `-` for standard input
    #[arg(value_name = "FILE")]
    pub label: PathBuf,
    /// Also write it as SVG, for print
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// # Errors
/// What stands against the label, or what is missing.
pub fn run(command: &LabelCommand) -> Result<()> {
    match command {
        LabelCommand::Verify(options) => {
            let keys = verify::keys(&read(&options.keys)?)?;
            let catalogue = match &options.catalogue {
                Some(path) => Some(verify::Catalogue {
                    text: read(path)?.into_bytes(),
                    signature: read(&path.with_extension("jws"))?,
                }),
                None => None,
            };
            let label = read(&options.label)?;
            let (said, outcome) = verify::verify(&label, &keys, catalogue.as_ref(), Timestamp::now());
            print!("{said}");
            outcome
        }
        LabelCommand::Qr(options) => {
            let label = read(&options.label)?;
            let label = label::unverified(&label).ok_or_else(|| {
                CliError::new(
                    "not-a-label",
                    format!("`{}` is no label", options.label.display()),
                    "give the text of `dmpctl catalogue show ID --label`",
                )
            })?;
            let code = qr::of(&label.sub)?;
            if let Some(path) = &options.svg {
                std::fs::write(path, qr::svg(&code)).map_err(|source| CliError::file(path, source))?;
            }
            println!("{}", qr::terminal(&code));
            println!("{}", crate::catalogue::text::shown(&label.sub));
            Ok(())
        }
    }
}

fn read(path: &Path) -> Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        return read.map(|_| text).map_err(|source| CliError::file(path, source));
    }
    std::fs::read_to_string(path).map_err(|source| CliError::file(path, source))
}
