//! Which machines are a site: whose word counts, which inventory is in force, what it says of the nodes there are.

use dmp_api::SiteInventory;
use dmp_api::body::{Body, Role};
use dmp_homologation::inventory::{
    Ground, Inventories, MOST_MACHINES, counted, ground, machine, well_formed,
};
use dmp_homologation::statement::{Inventory, Machine};
use dmp_homologation::{Bodies, carrier};
use dmp_testkit::bodies::{Authority, Member};
use jiff::{Timestamp, ToSpan};
use serde_json::json;

use crate::world::{body, signed, typed};

const SITE: &str = "agadir-1";

fn of(node: &str, id: &str) -> Machine {
    Machine {
        node: node.to_owned(),
        system_uuid: format!("4C4C-{id}"),
        machine_id: format!("f00d{id}"),
    }
}

struct Case {
    interop: Authority,
    security: Authority,
    now: Timestamp,
    objects: Vec<SiteInventory>,
}

impl Case {
    fn new() -> Self {
        Self {
            interop: Authority::new("Interop", "000000000000003"),
            security: Authority::new("Securite", "000000000000004"),
            now: Timestamp::now(),
            objects: Vec::new(),
        }
    }

    fn say(&mut self, member: &Member, machines: Vec<Machine>, edit: impl FnOnce(&mut Inventory)) {
        let mut inventory = Inventory {
            domain: "dmp.test".to_owned(),
            site: SITE.to_owned(),
            machines,
            comment: "vu sur place".to_owned(),
            // One after the other.
            signed_at: self.now + i64::try_from(self.objects.len()).unwrap().seconds(),
        };
        edit(&mut inventory);
        let number = self.objects.len();
        self.objects.push(typed(json!({
            "metadata": {
                "name": format!("i-{number:02}"),
                "creationTimestamp": (self.now + 1.minutes()).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            },
            "spec": { "site": SITE, "statement": signed(member, &inventory) },
        })));
    }

    fn sign(&mut self, machines: Vec<Machine>) {
        self.say(&self.security.person("s1"), machines, |_| ());
    }

    fn bodies(&self) -> Vec<Body> {
        vec![
            body(Role::Interop, &self.interop),
            body(Role::Security, &self.security),
        ]
    }

    fn inventories(&self) -> Inventories {
        let bodies = Bodies::new(&self.bodies());
        let read = |object| (object, carrier::read(object, &bodies));
        Inventories::new(self.objects.iter().map(read), "dmp.test")
    }

    /// Why the last one does not count.
    fn refused(&self) -> &'static str {
        let object = self.objects.last().unwrap();
        let read = carrier::read(object, &Bodies::new(&self.bodies()));
        counted(object, read, "dmp.test").map_or_else(|refused| refused.reason, |_| "")
    }
}

#[test]
fn a_node_is_of_the_site_that_signed_for_its_machine() {
    let mut case = Case::new();
    case.sign(vec![of("n1", "1"), of("n2", "2")]);
    let inventories = case.inventories();
    let mut shouting = of("n1", "1");
    shouting.machine_id = shouting.machine_id.to_uppercase();
    assert_eq!(inventories.site_of(&shouting), Some(SITE));
    for stranger in [of("n3", "1"), of("n1", "2"), of("n1", "9")] {
        assert_eq!(inventories.site_of(&stranger), None, "{stranger:?}");
    }
    let mut reinstalled = of("n1", "1");
    reinstalled.machine_id = "0000".to_owned();
    assert_eq!(inventories.site_of(&reinstalled), None);
}

#[test]
fn the_last_signed_is_in_force_whatever_is_applied_again() {
    let mut case = Case::new();
    case.sign(vec![of("n1", "1")]);
    case.sign(vec![of("n2", "2")]);
    let first = case.objects[0].clone();
    case.objects.push(first);
    case.objects[2].metadata.name = Some("i-99".to_owned());
    let inventories = case.inventories();
    assert_eq!(inventories.site_of(&of("n1", "1")), None);
    assert_eq!(inventories.site_of(&of("n2", "2")), Some(SITE));
    assert!(inventories.in_force("rabat-1").is_none());
}

#[test]
fn a_machine_that_two_sites_claim_is_of_neither() {
    let mut case = Case::new();
    case.sign(vec![of("n1", "1")]);
    case.say(&case.security.person("s1"), vec![of("n1", "1")], |inventory| {
        "rabat-1".clone_into(&mut inventory.site);
    });
    "rabat-1".clone_into(&mut case.objects[1].spec.site);
    assert_eq!(case.inventories().site_of(&of("n1", "1")), None);
}

#[test]
fn nobody_else_and_nothing_else_counts() {
    let mut case = Case::new();
    case.say(&case.interop.person("i1"), vec![of("n1", "1")], |_| ());
    assert_eq!(case.refused(), "WrongBody");
    let elsewhere = |inventory: &mut Inventory| "other.test".clone_into(&mut inventory.domain);
    case.say(&case.security.person("s1"), vec![of("n1", "1")], elsewhere);
    assert_eq!(case.refused(), "OtherSubject");
    let other = |inventory: &mut Inventory| "rabat-1".clone_into(&mut inventory.site);
    case.say(&case.security.person("s1"), vec![of("n1", "1")], other);
    assert_eq!(case.refused(), "OtherSubject");
    case.sign(Vec::new());
    assert_eq!(case.refused(), "InvalidInventory");
    let stranger = Authority::new("Personne", "000000000000009");
    case.say(&stranger.person("x"), vec![of("n1", "1")], |_| ());
    assert_eq!(case.refused(), "UnknownSigner");
    assert!(case.inventories().in_force(SITE).is_none());
}

#[test]
fn a_list_tells_its_machines_apart() {
    assert!(well_formed(&[of("n1", "1"), of("n2", "2")]).is_ok());
    // Two kubelets on one machine are two nodes.
    assert!(well_formed(&[of("n1", "1"), of("n2", "1")]).is_ok());
    let mut nameless = of("n1", "1");
    nameless.system_uuid.clear();
    let many: Vec<_> = (0..=MOST_MACHINES)
        .map(|n| of(&format!("n{n}"), &n.to_string()))
        .collect();
    for bad in [
        Vec::new(),
        vec![nameless],
        vec![of("n1", "1"), of("n1", "2")],
        many,
    ] {
        assert_eq!(well_formed(&bad).unwrap_err().reason, "InvalidInventory");
    }
}

#[test]
fn the_most_machines_fit_into_a_statement() {
    let mut case = Case::new();
    let long = |n: usize| Machine {
        node: format!("worker-{n:04}.agadir-1.example.ma"),
        system_uuid: "4c4c4544-0042-3510-8052-b4c04f4e4d32".replace("0042", &format!("{n:04}")),
        machine_id: format!("{n:032}"),
    };
    case.sign((0..MOST_MACHINES).map(long).collect());
    assert_eq!(case.refused(), "");
}

#[test]
fn a_machine_that_is_away_keeps_its_place_and_a_stranger_has_none() {
    let mut case = Case::new();
    case.sign(vec![of("n2", "2"), of("n1", "1"), of("n3", "3")]);
    let inventories = case.inventories();
    let nodes = [of("n1", "1"), of("n3", "9"), of("n4", "4")];
    assert_eq!(
        ground(inventories.in_force(SITE).unwrap(), &nodes),
        Ground {
            nodes: vec!["n1".to_owned(), "n2".to_owned()],
            present: 1,
            strangers: vec!["n3".to_owned()],
        }
    );
}

#[test]
fn a_node_says_which_machine_it_is() {
    let info = json!({
        "systemUUID": "4C4C-1", "machineID": "f00d1", "bootID": "", "kernelVersion": "", "osImage": "", "architecture": "",
        "containerRuntimeVersion": "", "kubeletVersion": "", "kubeProxyVersion": "", "operatingSystem": "",
    });
    let node = typed(json!({ "metadata": { "name": "n1" }, "status": { "nodeInfo": info } }));
    assert_eq!(machine(&node), of("n1", "1"));
    let silent = machine(&typed(json!({ "metadata": { "name": "n1" } })));
    assert!(silent.system_uuid.is_empty() && silent.machine_id.is_empty());
}
