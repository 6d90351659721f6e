//! `dmpctl images`: the product's images from where they are built to where another cluster pulls them, by digest.
//!
//! An image is called `<registry>/<name>:<tag>@sha256:<digest>`: the digest decides, the tag is for people (and for
//! CloudNativePG, which reads PostgreSQL's version from it); which of them may run, and what is known to be wrong with them. Not here:
//! how images are made (`dmp-appliance`).

pub mod export;
pub mod layout;
pub mod push;
pub mod sign;
pub mod signed;
pub mod source;
pub mod vulnerabilities;

use std::path::PathBuf;

use dmp_appliance::Progress;

use crate::error::{CliError, Result};
use crate::kubernetes::ClusterOptions;
use layout::Packed;
use push::PushOptions;
use sign::SignCommand;
use source::{ImageSet, SourceOptions};
use vulnerabilities::{ReportedOptions, VulnerabilitiesOptions};

/// CloudNativePG's own manifest in an exported folder.
pub const CNPG_MANIFEST: &str = "cloudnative-pg.yaml";

/// Names of the images.
pub mod names {
    pub const DMP: &str = "dmp";
    pub const OPENBAO: &str = "openbao";
    pub const POSTGRESQL: &str = "postgresql";
    pub const CLOUDNATIVE_PG: &str = "cloudnative-pg";
    pub const ALL: [&str; 4] = [DMP, OPENBAO, POSTGRESQL, CLOUDNATIVE_PG];
}

#[derive(clap::Subcommand, Clone, Debug)]
pub enum ImagesCommand {
    /// Copy the images into a registry, by digest; what is there already is not sent again
    Push(PushCommand),
    /// Write the images into a folder (an OCI image layout) that `--from` reads on another machine
    Export(ExportCommand),
    /// As the security entity: sign which images may run on a platform; prints an ImageRelease
    Sign(Box<SignCommand>),
    /// What is known to be wrong with the images that may run; with --osv, bring the site's export of known vulnerabilities
    Vulnerabilities(VulnerabilitiesOptions),
    /// The DGSSI was told of a vulnerability: keep the receipt's reference and hash (needs --context)
    Reported(ReportedOptions),
}

#[derive(clap::Args, Clone, Debug)]
pub struct PushCommand {
    #[command(flatten)]
    pub registry: PushOptions,
    #[command(flatten)]
    pub source: SourceOptions,
}

#[derive(clap::Args, Clone, Debug)]
pub struct ExportCommand {
    /// The folder; made when it is missing
    pub folder: PathBuf,
    #[command(flatten)]
    pub source: SourceOptions,
}

/// # Errors
/// What is missing, or which image could not be moved; run again, it goes on where it was.
pub async fn run(cluster: &ClusterOptions, command: &ImagesCommand) -> Result<()> {
    let progress = Progress::to_stderr();
    match command {
        ImagesCommand::Push(command) => {
            let set = command.source.open(&progress).await?;
            push::run(&set, &command.registry, &progress).await?;
            for image in &set.images {
                println!(
                    "{:<15} {}",
                    image.name,
                    reference(&command.registry.registry, image)?
                );
            }
        }
        ImagesCommand::Sign(command) => {
            let set = command.source.open(&progress).await?;
            println!("{}", sign::sign(&set, command)?);
        }
        ImagesCommand::Vulnerabilities(options) => vulnerabilities::run(cluster, options).await?,
        ImagesCommand::Reported(options) => vulnerabilities::reported(cluster, options).await?,
        ImagesCommand::Export(command) => {
            let set = command.source.open(&progress).await?;
            export::write(&set, &command.folder, &progress)?;
            for image in &set.images {
                println!("{:<15} {}:{}@{}", image.name, image.name, image.tag, image.digest);
            }
        }
    }
    Ok(())
}

/// What a manifest says to get this image from a registry (`host[:port][/path]`).
///
/// # Errors
/// `registry-name`.
pub fn reference(registry: &str, image: &Packed) -> Result<String> {
    let repository = repository(registry, &image.name)?;
    Ok(format!("{repository}:{}@{}", image.tag, image.digest))
}

/// Registry and name of an image, without tag and digest.
///
/// # Errors
/// `registry-name`.
pub fn repository(registry: &str, image: &str) -> Result<String> {
    let (host, path) = split(registry)?;
    let slash = if path.is_empty() { "" } else { "/" };
    Ok(format!("{host}{slash}{path}/{image}"))
}

/// Host (with port) and path of a registry.
fn split(registry: &str) -> Result<(&str, &str)> {
    let trimmed = registry.trim_end_matches('/');
    let (host, path) = trimmed.split_once('/').unwrap_or((trimmed, ""));
    let fits = |text: &str, more: &str| {
        text.chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || more.contains(c))
    };
    let (name, port) = host.split_once(':').unwrap_or((host, "0"));
    if name.is_empty() || !fits(name, ".-") || port.parse::<u16>().is_err() || !fits(path, "._-/") {
        return Err(CliError::new(
            "registry-name",
            format!("`{registry}` is not the name of a registry"),
            "write host[:port][/path] in lower case, without https:// in front",
        ));
    }
    Ok((host, path))
}

/// References of all images of a set in a registry.
#[derive(Clone, Debug)]
pub struct References {
    pub dmp: String,
    pub openbao: String,
    pub postgresql: String,
    pub cloudnative_pg: String,
}

impl References {
    /// # Errors
    /// `registry-name`, `image-missing`.
    pub fn of(set: &ImageSet, registry: &str) -> Result<Self> {
        let of = |name| reference(registry, set.image(name)?);
        Ok(Self {
            dmp: of(names::DMP)?,
            openbao: of(names::OPENBAO)?,
            postgresql: of(names::POSTGRESQL)?,
            cloudnative_pg: of(names::CLOUDNATIVE_PG)?,
        })
    }
}

#[cfg(test)]
mod tests;
