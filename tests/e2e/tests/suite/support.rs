//! The support bundle of a platform with a patient in it: what support needs, no Secret, nothing personal. And every
//! metric that an alert or a dashboard reads is there, of all programs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use dmpctl::scan::{Needle, Report, Scanner, tree};
use dmpctl::support;
use k8s_openapi::api::core::v1::{Event, ObjectReference, Secret};
use kube::api::{ListParams, ObjectMeta, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::Value;

use crate::stage::{Stage, on_stage};

/// What no patient is called.
const PLANTED: &str = "Planté-Exprès Zoubida";
const NATIONAL: &str = "dmp-national";

/// The bundle, packed and unpacked.
struct Bundle {
    folder: tempfile::TempDir,
    file: PathBuf,
}

impl Bundle {
    async fn make(stage: &Stage) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bundle.tar.gz");
        let summary = support::write(&stage.client, &stage.progress, &file, 24)
            .await
            .unwrap_or_else(|error| panic!("{}", error.for_people()));
        eprintln!(
            "support bundle: {summary:?}, {} bytes packed",
            file.metadata().unwrap().len()
        );
        let unpacked = std::fs::File::open(&file).unwrap();
        tar::Archive::new(flate2::read::GzDecoder::new(unpacked))
            .unpack(folder.path())
            .unwrap();
        Self { folder, file }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("dmp-support")
    }

    /// Searches the file as it is, and each file in it.
    fn search(&self, scanner: &Scanner) -> Report {
        let mut report = tree::scan(scanner, &self.root());
        let packed = std::fs::File::open(&self.file).unwrap();
        report.merge(scanner.file("bundle.tar.gz", packed).unwrap());
        assert!(report.unread.is_empty(), "{:?}", report.unread);
        report
    }

    fn index(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.root().join("index.json")).unwrap()).unwrap()
    }

    fn files(&self) -> Vec<String> {
        let index = self.index();
        let files = index["files"].as_array().unwrap().iter();
        files
            .map(|file| file["file"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[test]
fn a_support_bundle_has_what_support_needs_and_nothing_personal() {
    on_stage("support", async |stage| {
        let world = stage.world_with_relation().await;
        let bundle = Bundle::make(stage).await;

        let index = bundle.index();
        assert_eq!(index["missing"], serde_json::json!([]), "all parts could be had");
        let files = bundle.files();
        for part in [
            "versions.json",
            "resources/cluster/platforms.json",
            "resources/cluster/healthgroups.json",
            "resources/cluster/clusterreports.json",
            "resources/dmp-national/reports.json",
            "resources/cluster/nodes.json",
            "resources/cluster/storageclasses.json",
            "resources/dmp-national/deployments.json",
            "resources/dmp-national/clusters.json",
            "events/dmp-national.json",
            "config/dmp-national/gateway-config.toml",
            "config/dmp-casablanca-settat/records-config.toml",
        ] {
            assert!(
                files.iter().any(|file| file == part),
                "{part} is missing in {files:?}"
            );
        }
        for start in [
            "logs/dmp-national/gateway-",
            "logs/dmp-national/audit-",
            "logs/dmp-casablanca-settat/records-",
            "logs/dmp-system/dmp-operator-",
            "logs/dmp-system/openbao-0/",
            "metrics/dmp-national/registry-1",
            "metrics/nodes/",
        ] {
            assert!(
                files.iter().any(|file| file.starts_with(start)),
                "{start}… is missing in {files:?}"
            );
        }
        // each of the two replicas may have had the requests
        let gateways = files
            .iter()
            .filter(|file| file.starts_with("logs/dmp-national/gateway-"));
        let logs: String = gateways
            .map(|file| std::fs::read_to_string(bundle.root().join(file)).unwrap())
            .collect();
        assert!(
            logs.contains("\"route\":\"/fhir\""),
            "the log of the requests that were made"
        );
        assert!(
            files
                .iter()
                .all(|file| !file.contains("/secrets") && !file.contains("postgres")),
            "{files:?}"
        );

        let found = bundle.search(&Scanner::new(world.case.needles()).unwrap());
        assert!(found.places as usize > files.len());
        assert!(found.hits.is_empty(), "{:?}", found.hits);
        let patient = Needle::new("patient's id", world.patient().unwrap());
        let found = bundle.search(&Scanner::new(vec![patient]).unwrap());
        assert!(found.hits.is_empty(), "{:?}", found.hits);
        let secrets = secrets(stage).await;
        assert!(secrets.len() > 5, "{} secrets", secrets.len());
        let found = bundle.search(&Scanner::new(secrets).unwrap());
        assert!(found.hits.is_empty(), "{:?}", found.hits);
    });
}

/// Without this, "nothing found" could mean that nobody looked.
#[test]
fn what_is_in_a_support_bundle_is_found_there() {
    on_stage("support-control", async |stage| {
        let events: Api<Event> = Api::namespaced(stage.client.clone(), NATIONAL);
        let event = Event {
            metadata: ObjectMeta {
                generate_name: Some("planted-".to_owned()),
                namespace: Some(NATIONAL.to_owned()),
                ..ObjectMeta::default()
            },
            involved_object: ObjectReference {
                kind: Some("Pod".to_owned()),
                name: Some("planted".to_owned()),
                namespace: Some(NATIONAL.to_owned()),
                ..ObjectReference::default()
            },
            message: Some(PLANTED.to_owned()),
            reason: Some("Planted".to_owned()),
            type_: Some("Normal".to_owned()),
            ..Event::default()
        };
        let planted = events.create(&PostParams::default(), &event).await.unwrap();
        let bundle = Bundle::make(stage).await;
        events
            .delete(&planted.name_any(), &Default::default())
            .await
            .unwrap();
        let found = bundle.search(&Scanner::new(vec![Needle::new("planted", PLANTED)]).unwrap());
        let places: BTreeSet<&str> = found.hits.iter().map(|hit| hit.place.as_str()).collect();
        // In the archive as it is sent, and in the file that was unpacked from it.
        assert!(
            places.iter().any(|place| place.starts_with("bundle.tar.gz")),
            "{places:?}"
        );
        assert!(
            places
                .iter()
                .any(|place| place.ends_with("events/dmp-national.json")),
            "{places:?}"
        );
    });
}

#[test]
fn every_metric_that_is_watched_is_exposed() {
    on_stage("metrics", async |stage| {
        let world = stage.world_with_relation().await;
        // A trail, and a failure of each kind that has a metric of its own.
        let token = world.patient_token().await.unwrap();
        assert!(
            world
                .amal
                .get("/dmp/v1/trail", Some(&token))
                .await
                .unwrap()
                .status
                .is_success()
        );
        assert_eq!(
            world
                .amal
                .get("/nowhere", Some(&token))
                .await
                .unwrap()
                .status
                .as_u16(),
            404
        );
        let story = dmpctl::demo::story::Story::silent();
        dmpctl::demo::steps::revoke::run(&world, &story).await.unwrap();

        let bundle = Bundle::make(stage).await;
        let mut shown = BTreeSet::new();
        for file in bundle.files().iter().filter(|file| file.starts_with("metrics/")) {
            let text = std::fs::read_to_string(bundle.root().join(file)).unwrap();
            let samples = text.lines().filter(|line| !line.starts_with('#'));
            shown.extend(
                samples
                    .filter_map(|line| line.split(['{', ' ']).next())
                    .map(str::to_owned),
            );
        }
        // `up` is made by Prometheus itself
        let read = dmp_observability::metrics_read().unwrap();
        let missing: Vec<&String> = read
            .iter()
            .filter(|name| *name != "up" && !shown.contains(*name))
            .collect();
        assert_eq!(missing, Vec::<&String>::new(), "no program shows these");
    });
}

/// What the product's Secrets hold and must not leave: passwords, keys, connection strings.
async fn secrets(stage: &Stage) -> Vec<Needle> {
    let api: Api<Secret> = Api::all(stage.client.clone());
    let secrets = api.list(&ListParams::default()).await.unwrap().items;
    let ours = secrets.iter().filter(|secret| {
        secret
            .namespace()
            .is_some_and(|namespace| namespace.starts_with("dmp-"))
    });
    let mut values = BTreeSet::new();
    for secret in ours {
        for (key, value) in secret.data.iter().flatten() {
            let hides = ["password", "pass", "uri", "key", "token"]
                .iter()
                .any(|word| key.contains(word));
            let text = String::from_utf8(value.0.clone()).ok();
            if let (true, Some(text)) = (hides, text.filter(|text| text.len() >= 20)) {
                values.insert(text);
            }
        }
    }
    values
        .into_iter()
        .enumerate()
        .map(|(number, value)| Needle::new(format!("secret {number}"), value))
        .collect()
}
