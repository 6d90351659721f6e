//! `dmpctl site`: which machines a site is. The list is taken from the cluster, compared with the ground by people, and signed by the
//! security entity away from the cluster; from then on pods of the platform run on these machines and no other (DMP-RES-01).

use std::path::PathBuf;

use clap::Subcommand;
use dmp_homologation::inventory::{machine, well_formed};
use dmp_homologation::statement::{Inventory, Machine};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, Client};

use crate::error::{CliError, Result};
use crate::files::read;
use crate::homologation::SignatureOptions;
use crate::homologation::sign::{carrier, signed};
use crate::kubernetes::{ClusterOptions, connect};

#[derive(Subcommand, Debug)]
pub enum SiteCommand {
    /// The nodes of the cluster with what tells each machine apart, JSON: compare it with the machines that stand there
    Machines(MachinesOptions),
    /// As the security entity: sign which machines the site is; prints a SiteInventory
    Sign(Box<SignOptions>),
}

#[derive(clap::Args, Clone, Debug)]
pub struct MachinesOptions {
    /// Only nodes with these labels
    #[arg(long, value_name = "LABELS")]
    pub selector: Option<String>,
}

#[derive(clap::Args, Clone, Debug)]
pub struct SignOptions {
    #[command(flatten)]
    pub signature: SignatureOptions,
    /// `Platform.spec.domain`: the list is worth nothing on another platform
    #[arg(long)]
    pub domain: String,
    /// The Site
    #[arg(long, value_name = "NAME")]
    pub site: String,
    /// The machines, as `dmpctl site machines` lists them
    #[arg(long, value_name = "FILE")]
    pub machines: PathBuf,
    /// How the list was compared with the ground
    #[arg(long)]
    pub comment: String,
}

/// # Errors
/// Says what is missing.
pub async fn run(cluster: &ClusterOptions, command: &SiteCommand) -> Result<()> {
    match command {
        SiteCommand::Machines(options) => println!("{}", machines(&connect(cluster).await?, options).await?),
        SiteCommand::Sign(options) => println!("{}", sign(options)?),
    }
    Ok(())
}

/// # Errors
/// When the nodes cannot be read.
pub async fn machines(client: &Client, options: &MachinesOptions) -> Result<String> {
    let mut parameters = ListParams::default();
    parameters.label_selector.clone_from(&options.selector);
    let nodes = Api::<Node>::all(client.clone()).list(&parameters).await;
    let nodes = nodes.map_err(|source| CliError::kubernetes("reading the nodes", source))?;
    let machines: Vec<Machine> = nodes.items.iter().map(machine).collect();
    serde_json::to_string_pretty(&machines).map_err(|error| {
        CliError::new(
            "internal",
            "the machines cannot be written as JSON",
            "report this with the message",
        )
        .because(error)
    })
}

/// # Errors
/// When a file is missing or not what it should be.
pub fn sign(options: &SignOptions) -> Result<String> {
    let unusable = |why: String| {
        CliError::new(
            "not-an-inventory",
            format!("`{}` is no list of machines: {why}", options.machines.display()),
            "give the list that `dmpctl site machines` prints, without what is not of this site",
        )
    };
    let machines: Vec<Machine> =
        serde_json::from_str(&read(&options.machines)?).map_err(|error| unusable(error.to_string()))?;
    well_formed(&machines).map_err(|refused| unusable(refused.to_string()))?;
    let inventory = Inventory {
        domain: options.domain.clone(),
        site: options.site.clone(),
        machines,
        comment: options.comment.clone(),
        signed_at: Timestamp::now(),
    };
    let statement = signed(&options.signature, &inventory)?;
    carrier("SiteInventory", None, &options.site, "site", &statement)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_api::SiteInventory;
    use dmp_homologation::inventory::Inventories;
    use dmp_homologation::{Bodies, carrier};
    use dmp_testkit::bodies::Authority;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_printed_is_an_inventory_that_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let authority = Authority::new("Securite", "000000000000002");
        let member = authority.person("s1");
        let listed = json!([{ "node": "n1", "systemUUID": "AB-1", "machineID": "cd1" }]);
        let mut options = SignOptions {
            signature: SignatureOptions {
                certificate: file("certificate.pem", &member.chain_pem),
                key: file("key.pem", &member.key_pem),
            },
            domain: "dmp.test".to_owned(),
            site: "agadir-1".to_owned(),
            machines: file("machines.json", &listed.to_string()),
            comment: "vu sur place".to_owned(),
        };
        let mut object: SiteInventory = serde_saphyr::from_str(&sign(&options).unwrap()).unwrap();
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        object.metadata.creation_timestamp = Some(serde_json::from_value(json!(now)).unwrap());
        let body = json!([{
            "role": "security", "organisation": { "name": authority.name, "ice": authority.ice },
            "anchors": [{ "certificate": authority.certificate_pem() }],
        }]);
        let bodies = Bodies::new(&serde_json::from_value::<Vec<dmp_api::body::Body>>(body).unwrap());
        let read = carrier::read(&object, &bodies);
        let inventories = Inventories::new(std::iter::once((&object, read)), "dmp.test");
        let node: Machine =
            serde_json::from_value(json!({ "node": "n1", "systemUUID": "ab-1", "machineID": "CD1" }))
                .unwrap();
        assert_eq!(inventories.site_of(&node), Some("agadir-1"));

        for bad in [
            json!({}),
            json!([]),
            json!([{ "node": "n1", "systemUUID": "", "machineID": "cd1" }]),
            json!([{ "node": "n1", "systemUUID": "AB-1", "machineID": "cd1", "label": "x" }]),
            json!([listed[0], listed[0]]),
        ] {
            options.machines = file("bad.json", &bad.to_string());
            assert_eq!(sign(&options).unwrap_err().code, "not-an-inventory", "{bad}");
        }
    }
}
