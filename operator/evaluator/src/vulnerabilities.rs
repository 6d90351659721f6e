//! Known vulnerabilities of the images that run: their signed bills of materials held against the export that the site supplied, anew
//! on each pass. A finding ends when what runs is no longer affected, by no word of anybody.
//!
//! Not here: comparing (`dmp_homologation::vulnerabilities`), how old a finding may become (DMP-WRK-03).

use std::collections::{BTreeMap, BTreeSet};

use dmp_api::VulnerabilityExport;
use dmp_api::names::VULNERABILITIES;
use dmp_homologation::vulnerabilities::export::{Export, Packed};
use dmp_homologation::vulnerabilities::found::{Bill, Found, found};
use dmp_policies::{Catalogue, day};
use jiff::Timestamp;
use jiff::civil::Date;
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use crate::collect::Observed;
use crate::images::Image;
use crate::world::{Read, World, list};

/// What to type when there is no export that can be read.
const SUPPLY: &str = "supply one: dmpctl images vulnerabilities --osv all.zip --context CONTEXT";

/// What came of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vulnerable {
    /// The day of the export; `None` without one that can be read.
    pub exported: Option<Date>,
    pub found: Found,
    /// Why nothing, or not everything, could be compared.
    pub lacking: Vec<String>,
    /// Ids of which the DGSSI was told.
    pub reported: BTreeSet<String>,
}

/// # Errors
/// When images or exports cannot be read.
pub(crate) async fn read(
    client: &Client,
    images: Read<&[Image]>,
    bills: Read<BTreeMap<String, Bill>>,
) -> Read<Vulnerable> {
    let api = Api::<VulnerabilityExport>::all(client.clone());
    let all = list(api, "VulnerabilityExports", |one| one).await?;
    let export = all.iter().find(|one| one.name_any() == VULNERABILITIES);
    Ok(compared(export, images?, &bills?))
}

fn compared(
    export: Option<&VulnerabilityExport>,
    images: &[Image],
    bills: &BTreeMap<String, Bill>,
) -> Vulnerable {
    let mut lacking = Vec::new();
    let running: BTreeSet<&str> = images.iter().map(|image| image.digest.as_str()).collect();
    if images.is_empty() {
        lacking.push("no image runs: nothing was compared".to_owned());
    }
    let unsigned = images.iter().filter(|image| !bills.contains_key(&image.digest));
    lacking.extend(unsigned.map(|image| {
        format!(
            "{}: no bill of materials that was signed (dmpctl images sign)",
            image.reference
        )
    }));
    let Some(object) = export else {
        lacking.push(format!("no export of known vulnerabilities: {SUPPLY}"));
        return Vulnerable {
            lacking,
            ..Vulnerable::default()
        };
    };
    let spec = &object.spec;
    let packed = Packed {
        content: spec.content.clone(),
        sha256: spec.sha256.clone(),
    };
    let moment = spec.exported_at.parse::<Timestamp>();
    let export = Export::unpack(&packed);
    if moment.is_err() {
        lacking.push(format!("nobody can tell of when the export is: {SUPPLY}"));
    }
    let found = match &export {
        Ok(export) => {
            let of_running = bills
                .iter()
                .filter(|(digest, _)| running.contains(digest.as_str()));
            found(export, of_running.map(|(_, bill)| bill))
        }
        Err(damaged) => {
            lacking.push(format!("the export cannot be read ({damaged}): {SUPPLY}"));
            Found::default()
        }
    };
    Vulnerable {
        exported: moment.ok().filter(|_| export.is_ok()).map(day),
        found,
        lacking,
        reported: spec.reports.iter().map(|report| report.id.clone()).collect(),
    }
}

/// Of the export one item, one of each vulnerability that counts, and one of each thing that nobody can tell. The others
/// are counted with the export.
pub(crate) fn known(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let vulnerable = world.vulnerable.as_ref().map_err(Clone::clone)?;
    let found = &vulnerable.found;
    let mut items = Vec::new();
    if let Some(exported) = vulnerable.exported {
        let mut export = item("export", &format!("OSV export of {exported}"), exported, true);
        export["others"] = json!(found.findings.iter().filter(|finding| !finding.counts()).count());
        items.push(export);
    }
    let untold = vulnerable.lacking.iter().chain(&found.untold);
    items.extend(untold.map(|text| item("untold", text, Date::constant(1970, 1, 1), false)));
    let counting = found.findings.iter().filter(|finding| finding.counts());
    items.extend(counting.map(|finding| {
        let kind = finding.rating.map_or("unrated", |_| "critical");
        let package = &finding.package;
        let name = format!("{} {} {} ({kind})", finding.id, package.name, package.version);
        // What nobody dates is known for long.
        let since = finding.published.map_or(Date::constant(1970, 1, 1), day);
        let reported = !finding.names.is_disjoint(&vulnerable.reported);
        let mut item = item(kind, &name, since, reported);
        item["fixed"] = json!(finding.fixed);
        item["images"] = json!(finding.images);
        item
    }));
    Ok(vec![Observed::new(
        None,
        json!({ "exported": vulnerable.exported.is_some(), "findings": items }),
    )])
}

fn item(kind: &str, name: &str, since: Date, reported: bool) -> Value {
    json!({ "kind": kind, "name": name, "knownAt": since.to_string(), "reported": reported })
}
