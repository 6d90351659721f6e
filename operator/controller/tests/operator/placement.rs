//! Where pods may run, on a real API server: what the security entity signed binds them, a label does not, and a machine in another's
//! name loses its place.

use dmp_homologation::statement::{Inventory, Machine};
use dmp_testkit::bodies::Authority;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::control_plane::{World, samples};
use crate::homologation::signed;

const SITE: &str = "tanger-1";
const NAMESPACE: &str = "dmp-tanger-tetouan-al-hoceima";

fn machine(node: &str, id: &str) -> Machine {
    Machine {
        node: node.to_owned(),
        system_uuid: format!("4C4C4544-{id}"),
        machine_id: format!("f00d{id}"),
    }
}

/// A node as its kubelet would register it.
async fn node(world: &World, machine: &Machine) {
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": machine.node, "labels": { "dmp.ma/site": SITE } },
    });
    world.apply(&node).await;
    node["status"] = json!({ "nodeInfo": {
        "systemUUID": machine.system_uuid, "machineID": machine.machine_id, "bootID": "b", "kernelVersion": "6",
        "osImage": "Debian", "architecture": "amd64", "containerRuntimeVersion": "containerd://2", "kubeletVersion": "v1.35",
        "kubeProxyVersion": "v1.35", "operatingSystem": "linux",
    } });
    world.status(&node).await;
}

async fn sign(world: &World, name: &str, security: &Authority, machines: Vec<Machine>) -> Value {
    let inventory = Inventory {
        domain: "dmp.test".to_owned(),
        site: SITE.to_owned(),
        machines,
        comment: "vu sur place".to_owned(),
        signed_at: Timestamp::now(),
    };
    let object = json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "SiteInventory", "metadata": { "name": name },
        "spec": { "site": SITE, "statement": signed(&security.person("s1"), &inventory) },
    });
    world.apply(&object).await;
    object
}

/// The nodes that the pods of a database of the group are bound to; `None`: any.
async fn bound(world: &World) -> Option<Vec<String>> {
    let cluster = json!({
        "apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": { "name": "records", "namespace": NAMESPACE },
    });
    let live = world.get(&cluster).await?;
    let terms =
        "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let name = |term: &Value| term["matchFields"][0]["values"][0].as_str().unwrap().to_owned();
    Some(live.pointer(terms)?.as_array()?.iter().map(name).collect())
}

async fn until_bound(world: &World, nodes: &[&str]) {
    let wanted = Some(nodes.iter().map(|&node| node.to_owned()).collect::<Vec<_>>());
    world
        .wait(&format!("bound to {nodes:?}"), || async {
            bound(world).await == wanted
        })
        .await;
}

#[tokio::test]
async fn pods_move_to_the_machines_that_were_signed() {
    let Some(mut world) = World::start().await else {
        return;
    };
    let security = Authority::new("Sécurité", "000000000000014");
    world.operator("one");
    let site = samples("sites.yaml")
        .into_iter()
        .find(|site| site["metadata"]["name"] == SITE)
        .unwrap();
    world.apply(&site).await;
    for other in samples("sites.yaml") {
        world.apply(&other).await;
    }
    let mut platform = samples("platform.yaml").remove(0);
    platform["spec"]["bodies"] = json!([{
        "role": "security", "organisation": { "name": security.name, "ice": security.ice },
        "anchors": [{ "certificate": security.certificate_pem() }],
    }]);
    world.apply(&platform).await;
    let group = samples("groups.yaml").remove(0);
    world.apply(&group).await;
    let (one, two) = (machine("n1", "1"), machine("n2", "2"));
    node(&world, &one).await;
    node(&world, &two).await;
    world.until(&site, "Attested", "False", "NoInventory").await;
    world.until(&group, "KeysReady", "True", "Complete").await;
    assert_eq!(bound(&world).await, None, "a label binds nothing");

    let first = sign(&world, "first", &security, vec![one.clone()]).await;
    world.until(&first, "Ready", "True", "Ready").await;
    world.until(&site, "Attested", "True", "Attested").await;
    until_bound(&world, &["n1"]).await;
    let second = sign(&world, "second", &security, vec![one.clone(), two.clone()]).await;
    until_bound(&world, &["n1", "n2"]).await;

    // Somebody joins a machine under the name of another one.
    let other = machine("n2", "9");
    node(&world, &other).await;
    world.until(&site, "Attested", "False", "OtherMachine").await;
    until_bound(&world, &["n1"]).await;
    let refused = sign(
        &world,
        "by-a-stranger",
        &Authority::new("Autre", "000000000000015"),
        vec![other],
    )
    .await;
    world.until(&refused, "Ready", "False", "UnknownSigner").await;
    until_bound(&world, &["n1"]).await;

    // The machine is back, and then away for good: neither moves what runs on the others.
    node(&world, &two).await;
    world.until(&site, "Attested", "True", "Attested").await;
    until_bound(&world, &["n1", "n2"]).await;
    let gone = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n2" } });
    world.delete(&gone).await.unwrap();
    let says = || async {
        let live = world.get(&site).await.unwrap_or_default();
        live["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|one| one["type"] == "Attested" && one["message"] == "1 of 2 machines are here")
    };
    world.wait("one of two machines", says).await;
    assert_eq!(bound(&world).await, Some(vec!["n1".to_owned(), "n2".to_owned()]));
    let kept = world.delete(&second).await.unwrap_err();
    assert!(kept.contains("the record of a homologation is kept"), "{kept}");
}
