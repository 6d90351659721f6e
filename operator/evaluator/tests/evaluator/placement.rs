//! Where pods and volumes are, by what the security entity signed of the nodes under them.

use dmp_evaluator::publish::Publisher;
use dmp_evaluator::report::verdict;
use dmp_evaluator::run::once;
use dmp_homologation::sign::Signatory;
use dmp_homologation::statement::{Inventory, Machine};
use dmp_testkit::bodies::Authority;
use dmp_testkit::kubernetes::api_of;
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::world::{World, manifests, result};

const SITE: &str = "casablanca-1";

async fn node(world: &World, name: &str, id: &str) {
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": { "topology.kubernetes.io/region": "MA" } },
    });
    world.apply(&node).await;
    let status = json!({ "status": { "nodeInfo": {
        "systemUUID": id, "machineID": id, "bootID": "b", "kernelVersion": "6", "osImage": "Debian", "architecture": "amd64",
        "containerRuntimeVersion": "containerd://2", "kubeletVersion": "v1.35", "kubeProxyVersion": "v1.35",
        "operatingSystem": "linux",
    } } });
    api_of(&world.administrator, &node)
        .patch_status(name, &PatchParams::default(), &Patch::Merge(status))
        .await
        .unwrap();
}

async fn sign(world: &World, security: &Authority, name: &str, site: &str, nodes: &[&str]) {
    let member = security.person("s1");
    let inventory = Inventory {
        domain: "dmp.test".to_owned(),
        site: site.to_owned(),
        machines: nodes
            .iter()
            .map(|node| Machine {
                node: (*node).to_owned(),
                system_uuid: format!("id-{node}"),
                machine_id: format!("id-{node}"),
            })
            .collect(),
        comment: "vu sur place".to_owned(),
        signed_at: Timestamp::now(),
    };
    let signatory = Signatory::new(&member.chain_pem, &member.key_pem).unwrap();
    world
        .apply(&json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "SiteInventory", "metadata": { "name": name },
            "spec": { "site": site, "statement": signatory.sign(&inventory).unwrap() },
        }))
        .await;
}

fn pod(name: &str, node: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "dmp-national" },
        "spec": { "nodeName": node, "automountServiceAccountToken": false, "containers": [{ "name": "c", "image": "dmp" }] },
    })
}

async fn volume(world: &World, name: &str, node: &str) {
    world
        .apply(&json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": name },
            "spec": {
                "capacity": { "storage": "1Gi" }, "accessModes": ["ReadWriteOnce"], "local": { "path": "/v" },
                "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [
                    { "key": "kubernetes.io/hostname", "operator": "In", "values": [node] },
                ] }] } },
            },
        }))
        .await;
    world
        .apply(&json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name, "namespace": "dmp-national" },
            "spec": {
                "accessModes": ["ReadWriteOnce"], "volumeName": name, "storageClassName": "",
                "resources": { "requests": { "storage": "1Gi" } },
            },
        }))
        .await;
}

#[tokio::test]
async fn what_is_on_ground_that_nobody_signed_for_is_found() {
    let Some(world) = World::start().await else {
        return;
    };
    let security = Authority::new("Sécurité", "000000000000014");
    for site in manifests("samples/sites.yaml") {
        world.apply(&site).await;
    }
    let mut platform = manifests("samples/platform.yaml").remove(0);
    platform["spec"]["domain"] = json!("dmp.test");
    platform["spec"]["bodies"] = json!([{
        "role": "security", "organisation": { "name": security.name, "ice": security.ice },
        "anchors": [{ "certificate": security.certificate_pem() }],
    }]);
    assert_eq!(platform["spec"]["site"], SITE);
    world.apply(&platform).await;
    world.namespace("dmp-national", "privileged").await;
    for name in ["n1", "n2", "n3"] {
        node(&world, name, &format!("id-{name}")).await;
    }
    let said = async || {
        once(
            &world.evaluator,
            &world.catalogue,
            &mut Publisher::default(),
            Timestamp::now(),
        )
        .await
        .unwrap();
        let report = world.report().await;
        let found = result(&report, "DMP-RES-01", "placement");
        (verdict(found).to_owned(), found.message.clone())
    };
    assert_eq!(said().await.0, "fail", "nothing runs: nothing was looked at");
    world.apply(&pod("registry-1", "n1")).await;
    volume(&world, "registry-1", "n1").await;
    let (verdict, message) = said().await;
    assert_eq!(verdict, "fail", "a label is no signature");
    assert!(message.contains("registry-1"), "{message}");

    sign(&world, &security, "first", SITE, &["n1", "n2"]).await;
    assert_eq!(said().await.0, "pass");
    let stranger = Authority::new("Autre", "000000000000015");
    sign(&world, &stranger, "by-a-stranger", SITE, &["n3"]).await;
    world.apply(&pod("registry-2", "n2")).await;
    assert_eq!(said().await.0, "pass");

    // A volume on ground of nobody; the same ground signed for another site.
    volume(&world, "moved", "n3").await;
    let (verdict, message) = said().await;
    assert_eq!(verdict, "fail");
    assert!(message.contains("moved"), "{message}");
    sign(&world, &security, "other", "tanger-1", &["n3"]).await;
    let (verdict, message) = said().await;
    assert_eq!(verdict, "fail");
    assert!(message.contains("moved"), "{message}");
    // One list of both sites' machines: signed last, in force.
    sign(&world, &security, "all", SITE, &["n1", "n2", "n3"]).await;
    assert_eq!(said().await.0, "fail", "two sites claim it");
    sign(&world, &security, "other-2", "tanger-1", &["n4"]).await;
    assert_eq!(said().await.0, "pass");

    // Another machine joins under a name of the site.
    node(&world, "n2", "id-other").await;
    let (verdict, message) = said().await;
    assert_eq!(verdict, "fail");
    assert!(message.contains("registry-2"), "{message}");
}
