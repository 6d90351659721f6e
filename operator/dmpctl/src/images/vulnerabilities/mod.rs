//! `dmpctl images vulnerabilities`: brings the site's export of known vulnerabilities (OSV) into the cluster, made small enough for an
//! object, and prints what is known to be wrong with the images of the release in force; `dmpctl images reported`: the DGSSI was told.
//!
//! Nothing is fetched: whoever has a network has the export. What is compared, and how, is `dmp_homologation::vulnerabilities`'; the
//! evaluator does it again on each pass, of what runs.

mod read;
mod table;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use dmp_api::names::{PLATFORM, VULNERABILITIES};
use dmp_api::vulnerability_export::VulnerabilityReport;
use dmp_api::{ImageRelease, Platform, VulnerabilityExport, VulnerabilityExportSpec};
use dmp_homologation::images::Admitted;
use dmp_homologation::vulnerabilities::export::{Export, Packed};
use dmp_homologation::vulnerabilities::found::{Bill, bills, found, packages};
use dmp_homologation::{Bodies, carrier};
use jiff::Timestamp;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};

use crate::error::{CliError, Result};
use crate::files;
use crate::kubernetes::{ClusterOptions, connect, connect_named};

/// The longest reference, as the kind takes it.
const LONGEST_REFERENCE: usize = 120;
/// Attempts when somebody else writes at the same time.
const ATTEMPTS: usize = 5;

#[derive(clap::Args, Clone, Debug, Default)]
pub struct VulnerabilitiesOptions {
    /// An export of osv.dev: the `all.zip` of an ecosystem (crates.io, Go, Debian), or a folder of its records; may be repeated (needs
    /// --context). All of them at once: what is read replaces what was. Without: print what is known
    #[arg(long = "osv", value_name = "PATH")]
    pub osv: Vec<PathBuf>,
    /// Up to when its database knows vulnerabilities [default: when a record in it was last changed; of several exports the earliest]
    #[arg(long, value_name = "RFC 3339", requires = "osv")]
    pub exported_at: Option<Timestamp>,
}

#[derive(clap::Args, Clone, Debug)]
pub struct ReportedOptions {
    /// Any id of the vulnerability, as `dmpctl images vulnerabilities` prints it
    pub id: String,
    /// How the DGSSI calls the report, or what proves that it was sent. No name of a person
    #[arg(long)]
    pub reference: String,
    /// The receipt, of any size: its SHA-256 is kept, not the paper
    #[arg(long, value_name = "FILE")]
    pub document: Option<PathBuf>,
    /// When the report went out [default: now]
    #[arg(long, value_name = "RFC 3339")]
    pub sent_at: Option<Timestamp>,
}

/// # Errors
/// `no-release-in-force`, `osv-not-usable`, `osv-too-large`, `no-export`, `file`, or what the API server says.
pub async fn run(cluster: &ClusterOptions, options: &VulnerabilitiesOptions) -> Result<()> {
    let client = if options.osv.is_empty() {
        connect(cluster).await?
    } else {
        connect_named(cluster).await?
    };
    let bills = signed(&client).await?;
    let object = if options.osv.is_empty() {
        existing(&client).await?
    } else {
        let spec = drafted(options, &bills, Timestamp::now())?;
        write(&client, |old| {
            let reports = old.map(|old| old.spec.reports.clone()).unwrap_or_default();
            Ok(VulnerabilityExportSpec {
                reports,
                ..spec.clone()
            })
        })
        .await?
    };
    print!("{}", shown(&object.spec, &bills)?);
    Ok(())
}

/// # Errors
/// `no-release-in-force`, `no-export`, `report-not-usable`, `file`, or what the API server says.
pub async fn reported(cluster: &ClusterOptions, options: &ReportedOptions) -> Result<()> {
    let client = connect_named(cluster).await?;
    let hash = match &options.document {
        Some(path) => Some(files::sha256_of(path)?.0),
        None => None,
    };
    let report = report(options, hash, Timestamp::now())?;
    let object = write(&client, |old| {
        let mut spec = old.ok_or_else(none)?.spec.clone();
        if !spec.reports.contains(&report) {
            spec.reports.push(report.clone());
        }
        Ok(spec)
    })
    .await?;
    print!("{}", shown(&object.spec, &signed(&client).await?)?);
    Ok(())
}

/// What is in the images of the release in force.
async fn signed(client: &Client) -> Result<Vec<Bill>> {
    let platform = Api::<Platform>::all(client.clone()).get_opt(PLATFORM).await;
    let platform = platform.map_err(|source| CliError::kubernetes("reading the Platform", source))?;
    let releases = Api::<ImageRelease>::all(client.clone());
    let releases = releases.list(&ListParams::default()).await;
    let releases = releases.map_err(|source| CliError::kubernetes("reading the ImageReleases", source))?;
    let admitted = platform.and_then(|platform| {
        let bodies = Bodies::new(&platform.spec.bodies);
        let read = releases
            .items
            .iter()
            .map(|one| (one, carrier::read(one, &bodies)));
        Admitted::in_force(read, &platform.spec.domain)
    });
    let admitted = admitted.ok_or_else(|| {
        CliError::new(
            "no-release-in-force",
            "no release of images is in force: nobody signed what is in them",
            "the security entity signs one (dmpctl images sign); why another does not count: kubectl get imagereleases",
        )
    })?;
    Ok(bills(&releases.items, &admitted).into_values().collect())
}

fn none() -> CliError {
    CliError::new(
        "no-export",
        "there is no export of known vulnerabilities",
        "supply one: dmpctl images vulnerabilities --osv all.zip --context CONTEXT",
    )
}

async fn existing(client: &Client) -> Result<VulnerabilityExport> {
    let object = Api::<VulnerabilityExport>::all(client.clone())
        .get_opt(VULNERABILITIES)
        .await;
    let object = object.map_err(|source| CliError::kubernetes("reading the export", source))?;
    object.ok_or_else(none)
}

/// What is written of the files that were named. No cluster.
///
/// # Errors
/// `osv-not-usable`, `osv-too-large`, `file`.
fn drafted(
    options: &VulnerabilitiesOptions,
    bills: &[Bill],
    now: Timestamp,
) -> Result<VulnerabilityExportSpec> {
    let reading = read::read(&options.osv, packages(bills.iter()), now)?;
    let exported_at = options.exported_at.unwrap_or(reading.known_until);
    if exported_at > now || exported_at < reading.known_until {
        return Err(read::unusable(
            format!(
                "--exported-at {exported_at} has not come yet, or is before the last change in the export ({})",
                reading.known_until
            ),
            "say when the database was exported, or leave it away",
        ));
    }
    let packed = reading.export.pack().map_err(|too_large| {
        CliError::new(
            "osv-too-large",
            too_large.to_string(),
            "sign a release of fewer images (dmpctl images sign, without --keep), and read the export again",
        )
    })?;
    Ok(VulnerabilityExportSpec {
        exported_at: whole_second(exported_at),
        sources: reading.sources,
        records: i64::try_from(reading.export.records.len()).unwrap_or(i64::MAX),
        content: packed.content,
        sha256: packed.sha256,
        reports: Vec::new(),
    })
}

fn report(options: &ReportedOptions, sha256: Option<String>, now: Timestamp) -> Result<VulnerabilityReport> {
    let unusable = |what: String, remedy| CliError::new("report-not-usable", what, remedy);
    let sent = options.sent_at.unwrap_or(now);
    if sent > now {
        return Err(unusable(
            format!("{sent} has not come yet"),
            "--sent-at is when the report went out",
        ));
    }
    let reference = options.reference.trim();
    if reference.is_empty() || reference.chars().count() > LONGEST_REFERENCE {
        return Err(unusable(
            format!("--reference has one to {LONGEST_REFERENCE} characters"),
            "say how the DGSSI calls the report",
        ));
    }
    Ok(VulnerabilityReport {
        id: options.id.clone(),
        sent_at: whole_second(sent),
        reference: reference.to_owned(),
        sha256,
    })
}

/// Of a moment of people the second is enough.
fn whole_second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Writes the one object as `change` makes it of the one that is there; nothing when that is the same.
async fn write(
    client: &Client,
    change: impl Fn(Option<&VulnerabilityExport>) -> Result<VulnerabilityExportSpec>,
) -> Result<VulnerabilityExport> {
    let api = Api::<VulnerabilityExport>::all(client.clone());
    let failed = |source| CliError::kubernetes("writing the export", source);
    let mut attempt = 1;
    loop {
        let old = api.get_opt(VULNERABILITIES).await.map_err(failed)?;
        let spec = change(old.as_ref())?;
        let written = match old {
            Some(old) if old.spec == spec => return Ok(old),
            Some(old) => {
                let new = VulnerabilityExport { spec, ..old };
                api.replace(VULNERABILITIES, &PostParams::default(), &new).await
            }
            None => {
                let new = VulnerabilityExport::new(VULNERABILITIES, spec);
                api.create(&PostParams::default(), &new).await
            }
        };
        match written {
            Err(kube::Error::Api(status)) if status.code == 409 && attempt < ATTEMPTS => attempt += 1,
            written => return written.map_err(failed),
        }
    }
}

/// What is known of these images by that export, for people.
fn shown(spec: &VulnerabilityExportSpec, bills: &[Bill]) -> Result<String> {
    let packed = Packed {
        content: spec.content.clone(),
        sha256: spec.sha256.clone(),
    };
    let export = Export::unpack(&packed).map_err(|damaged| {
        read::unusable(
            format!("VulnerabilityExport/{VULNERABILITIES}: {damaged}"),
            "read the export again (dmpctl images vulnerabilities --osv …)",
        )
    })?;
    Ok(table::text(spec, &found(&export, bills.iter())))
}
