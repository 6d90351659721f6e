//! Which machines are a site: the inventory in force, and what it says of the nodes there are. Pure.
//!
//! A label on a node proves nothing: whoever may label nodes could move the data of a region. What counts is a list that the
//! security entity signed (arrêté 3-17-25, 3.15.2), compared with what the kubelet says of the machine. A kubelet that lies about
//! itself is not found out here (`docs/security/residual-risk.md`).

use std::collections::BTreeSet;

use dmp_api::SiteInventory;
use dmp_api::body::Role;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt;

use crate::dossier::arrived;
use crate::signed::{Read, Refused};
use crate::statement::{Inventory, Machine};

/// The most machines of one inventory: names and ids of more do not fit into a statement.
pub const MOST_MACHINES: usize = 256;

/// A machine as a node says it is.
pub fn machine(node: &Node) -> Machine {
    let info = node.status.as_ref().and_then(|status| status.node_info.as_ref());
    let text = |of: fn(&k8s_openapi::api::core::v1::NodeSystemInfo) -> &String| {
        info.map(of).cloned().unwrap_or_default()
    };
    Machine {
        node: node.name_any(),
        system_uuid: text(|info| &info.system_uuid),
        machine_id: text(|info| &info.machine_id),
    }
}

/// Whether a node is the machine of that name in the list; firmware and kubelet differ in upper and lower case.
fn is(listed: &Machine, found: &Machine) -> bool {
    listed.node == found.node
        && listed.system_uuid.eq_ignore_ascii_case(&found.system_uuid)
        && listed.machine_id.eq_ignore_ascii_case(&found.machine_id)
}

/// What an object carries, if the security entity may say it of this site on this platform.
pub fn counted(object: &SiteInventory, read: Read<Inventory>, domain: &str) -> Read<Inventory> {
    let signed = read?;
    let inventory = &signed.statement;
    if inventory.domain != domain {
        return Err(Refused::other_platform());
    }
    if inventory.site != object.spec.site {
        let text = "the signed statement is about another site than spec.site says";
        return Err(Refused::new("OtherSubject", text));
    }
    if signed.signer.role != Role::Security {
        return Err(Refused::wrong_body(signed.signer.role));
    }
    well_formed(&inventory.machines)?;
    Ok(signed)
}

/// # Errors
/// What is wrong with a list of machines.
pub fn well_formed(machines: &[Machine]) -> Result<(), Refused> {
    let refused = |text: String| Err(Refused::new("InvalidInventory", text));
    if machines.is_empty() || machines.len() > MOST_MACHINES {
        return refused(format!("an inventory lists from 1 to {MOST_MACHINES} machines"));
    }
    let mut names = BTreeSet::new();
    for machine in machines {
        let node = &machine.node;
        if machine.system_uuid.is_empty() || machine.machine_id.is_empty() {
            return refused(format!(
                "machine `{node}` has no systemUUID or no machineID: nothing tells it apart"
            ));
        }
        if !names.insert(node) {
            return refused(format!("node `{node}` is listed twice"));
        }
    }
    Ok(())
}

/// Every inventory there is, as it was read.
#[derive(Debug, Default)]
pub struct Inventories {
    /// Site, when it was signed (not after it arrived), name of the object.
    counted: Vec<(String, Timestamp, String, Inventory)>,
}

impl Inventories {
    pub fn new<'a>(
        objects: impl Iterator<Item = (&'a SiteInventory, Read<Inventory>)>,
        domain: &str,
    ) -> Self {
        let mut counted: Vec<_> = objects
            .filter_map(|(object, read)| {
                let inventory = self::counted(object, read, domain).ok()?.statement;
                let at = inventory.signed_at.min(arrived(&object.metadata));
                Some((object.spec.site.clone(), at, object.name_any(), inventory))
            })
            .collect();
        counted.sort_by(|one, other| (one.1, &one.2).cmp(&(other.1, &other.2)));
        Self { counted }
    }

    /// The one of a site that was signed last. An earlier one does not come back when it is applied again.
    pub fn in_force(&self, site: &str) -> Option<&Inventory> {
        let mut latest = self.counted.iter().rev();
        latest.find(|one| one.0 == site).map(|one| &one.3)
    }

    /// The site whose inventory a node stands in; of a machine that two sites claim, none.
    pub fn site_of(&self, node: &Machine) -> Option<&str> {
        let sites: BTreeSet<&str> = self.counted.iter().map(|one| one.0.as_str()).collect();
        let claims = |site: &&str| {
            let inventory = self.in_force(site);
            inventory.is_some_and(|inventory| inventory.machines.iter().any(|listed| is(listed, node)))
        };
        let mut claiming = sites.into_iter().filter(claims);
        claiming.next().filter(|_| claiming.next().is_none())
    }
}

/// What an inventory says of the nodes there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// Names of nodes that pods may be bound to: those listed, without `strangers`. A listed machine that is away keeps its place,
    /// so that its loss moves nothing.
    pub nodes: Vec<String>,
    /// How many of them are here.
    pub present: usize,
    /// Nodes that have the name of a machine of the site and are another machine.
    pub strangers: Vec<String>,
}

/// Compares an inventory with the nodes.
pub fn ground(inventory: &Inventory, nodes: &[Machine]) -> Ground {
    let mut ground = Ground::default();
    for listed in &inventory.machines {
        let here = nodes.iter().find(|node| node.node == listed.node);
        match here {
            Some(node) if !is(listed, node) => ground.strangers.push(listed.node.clone()),
            here => {
                ground.present += usize::from(here.is_some());
                ground.nodes.push(listed.node.clone());
            }
        }
    }
    ground.nodes.sort();
    ground.strangers.sort();
    ground
}
