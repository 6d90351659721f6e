//! Which machines a site is, on a running platform: signed, pods and databases are bound to them and serve on; the same person's word
//! on a machine that is none takes nothing down.

use std::time::Duration;

use dmp_api::{HealthGroup, Platform, SiteInventory};
use dmp_policies::openreports::Answer;
use dmp_testkit::kubernetes::api_of;
use dmpctl::compliance::standing;
use dmpctl::demo::TANGER;
use dmpctl::site::{MachinesOptions, SignOptions, machines, sign};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::signed::{security, signature, until};
use crate::stage::on_stage;

/// Two databases and a record store move one after the other.
const WITHIN: Duration = Duration::from_secs(300);

/// Whether every pod of the group is bound to nodes by name and ready.
async fn settled(client: &Client) -> bool {
    let api = Api::<Pod>::namespaced(client.clone(), &format!("dmp-{TANGER}"));
    let pods = api.list(&ListParams::default()).await.unwrap().items;
    let serving = |pod: &&Pod| {
        let labels = pod.metadata.labels.clone().unwrap_or_default();
        pod.metadata.deletion_timestamp.is_none()
            && (labels.contains_key("cnpg.io/instanceName")
                || labels
                    .get("app.kubernetes.io/name")
                    .is_some_and(|name| name == "records"))
    };
    let pods: Vec<Value> = pods.iter().filter(serving).map(|pod| json!(pod)).collect();
    let named = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchFields";
    let ready = |pod: &Value| {
        let conditions = pod["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        conditions
            .iter()
            .any(|one| one["type"] == "Ready" && one["status"] == "True")
    };
    pods.len() >= 3 && pods.iter().all(|pod| pod.pointer(named).is_some() && ready(pod))
}

async fn condition(client: &Client, kind: &str, name: &str, condition: &str) -> String {
    let object = json!({ "apiVersion": "dmp.ma/v1alpha1", "kind": kind, "metadata": { "name": name } });
    let live = api_of(client, &object).get(name).await.unwrap();
    let conditions = live.data["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let found = conditions.iter().find(|one| one["type"] == condition);
    found.map_or_else(String::new, |one| {
        format!(
            "{} {}",
            one["status"].as_str().unwrap(),
            one["reason"].as_str().unwrap()
        )
    })
}

#[test]
fn what_the_security_entity_signed_binds_what_holds_data() {
    on_stage("placement", async |stage| {
        let client = &stage.client;
        let platform = Api::<Platform>::all(client.clone())
            .get("national")
            .await
            .unwrap();
        let group = Api::<HealthGroup>::all(client.clone()).get(TANGER).await.unwrap();
        let site = group.spec.site.clone();
        let security = security(client, &platform).await;

        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let listed = machines(client, &MachinesOptions { selector: None })
            .await
            .unwrap();
        eprintln!("placement: {listed}");
        let options = SignOptions {
            signature: signature(&security, folder.path()),
            domain: platform.spec.domain.clone(),
            site: site.clone(),
            machines: file("machines.json", &listed),
            comment: "vu sur place".to_owned(),
        };
        let inventories = Api::<SiteInventory>::all(client.clone());
        let apply = async |text: String| {
            let inventory: SiteInventory = serde_saphyr::from_str(&text).unwrap();
            inventories.create(&Default::default(), &inventory).await.unwrap();
        };
        apply(sign(&options).unwrap()).await;
        until("the site attested", WITHIN, || async {
            condition(client, "Site", &site, "Attested").await == "True Attested"
        })
        .await;
        let took = until("everything bound and ready", WITHIN, || settled(client)).await;
        eprintln!("placement: every pod of the group on signed machines after {took:?}");
        until("the group ready", WITHIN, || async {
            condition(client, "HealthGroup", TANGER, "Ready").await == "True Ready"
        })
        .await;
        // The appliance is one site: everything of the platform is on its machines now.
        let placed = until("the control holds", WITHIN, || async {
            let report = standing::read(client).await.unwrap();
            let mut results = report.results.iter();
            results.any(|one| {
                one.policy == "DMP-RES-01" && one.rule == "placement" && one.result == Answer::Pass
            })
        })
        .await;
        eprintln!("placement: DMP-RES-01 passes after {placed:?} more");

        // All its machines are others, as if somebody had signed in a hurry: refused, and what runs stays.
        let mut wrong: Vec<Value> = serde_json::from_str(&listed).unwrap();
        for machine in &mut wrong {
            machine["machineID"] = json!("0000");
        }
        let hurried = SignOptions {
            machines: file("wrong.json", &json!(wrong).to_string()),
            ..options.clone()
        };
        apply(sign(&hurried).unwrap()).await;
        until("the group refused", WITHIN, || async {
            condition(client, "HealthGroup", TANGER, "Ready").await == "False NoGround"
        })
        .await;
        assert!(settled(client).await, "what runs stays");

        // Signed again as it is.
        apply(sign(&options).unwrap()).await;
        until("the group ready", WITHIN, || async {
            condition(client, "HealthGroup", TANGER, "Ready").await == "True Ready"
        })
        .await;
        assert!(settled(client).await, "nothing moved");
    });
}
