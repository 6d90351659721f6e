//! The site's export of known vulnerabilities on a real API server: it is replaced, what the DGSSI was told stays, and the security
//! entity alone writes it.

use std::path::Path;

use dmp_api::names::VULNERABILITIES;
use dmp_api::{ImageRelease, Platform, VulnerabilityExport};
use dmp_homologation::canonical::digest;
use dmp_homologation::sign::Signatory;
use dmp_homologation::statement::{ImageList, SignedImage};
use dmp_testkit::ControlPlane;
use dmp_testkit::bodies::Authority;
use dmp_testkit::kubernetes::client_as;
use dmpctl::images::vulnerabilities::{ReportedOptions, VulnerabilitiesOptions, reported, run};
use dmpctl::kubernetes::{apply, connect_named};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use crate::cluster;

/// The kinds, the roles, two people, and a platform with this security entity.
async fn prepare(client: &Client, security: &Authority) {
    let kinds = Api::<CustomResourceDefinition>::all(client.clone());
    for kind in dmp_api::crds() {
        kinds.create(&PostParams::default(), &kind).await.unwrap();
    }
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests");
    let read = |file: &str| std::fs::read_to_string(manifests.join(file)).unwrap();
    let mut objects = apply::parse("roles", &read("operator/roles.yaml")).unwrap();
    for user in ["host", "security"] {
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": user },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": format!("dmp-{user}") },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
        });
        objects.push(serde_json::from_value(binding).unwrap());
    }
    for object in objects {
        apply::apply(client, &object).await.unwrap();
    }
    let mut platform: Value = serde_saphyr::from_str(&read("samples/platform.yaml")).unwrap();
    platform["spec"]["domain"] = json!("dmp.test");
    platform["spec"]["bodies"] = json!([{
        "role": "security", "organisation": { "name": security.name, "ice": security.ice },
        "anchors": [{ "certificate": security.certificate_pem() }],
    }]);
    let platform: Platform = serde_json::from_value(platform).unwrap();
    let platforms = Api::<Platform>::all(client.clone());
    // A kind is served a moment after it was made.
    for _ in 0..100 {
        if platforms.create(&PostParams::default(), &platform).await.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(platforms.get(&platform.name_any()).await.is_ok());
}

fn release(security: &Authority) -> ImageRelease {
    let image = format!("sha256:{}", "a".repeat(64));
    let sbom = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6",
        "components": [{ "type": "library", "name": "tls", "purl": "pkg:cargo/tls@1.0.0" }],
    })
    .to_string();
    let provenance = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [{ "name": "dmp", "digest": { "sha256": "a".repeat(64) } }],
        "predicate": { "runDetails": { "builder": { "id": "https://dmp.ma/build" } } },
    })
    .to_string();
    let list = ImageList {
        domain: "dmp.test".to_owned(),
        images: vec![SignedImage {
            name: "r.ma/dmp".to_owned(),
            digest: image.clone(),
            sbom_sha256: digest(sbom.as_bytes()),
            provenance_sha256: digest(provenance.as_bytes()),
        }],
        comment: "nomenclatures lues".to_owned(),
        signed_at: Timestamp::now(),
    };
    let member = security.person("s1");
    let signatory = Signatory::new(&member.chain_pem, &member.key_pem).unwrap();
    serde_json::from_value(json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "ImageRelease", "metadata": { "name": "first" },
        "spec": {
            "statement": signatory.sign(&list).unwrap(),
            "papers": [{ "digest": image, "sbom": sbom, "provenance": provenance }],
        },
    }))
    .unwrap()
}

/// A folder with one record, changed that many days ago.
fn export(folder: &Path, id: &str, days: i64) {
    let at = (Timestamp::now() - SignedDuration::from_hours(24 * days)).to_string();
    let record = json!({
        "id": id, "modified": at, "published": at, "database_specific": { "severity": "CRITICAL" },
        "affected": [{
            "package": { "ecosystem": "crates.io", "name": "tls" },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "1.1.0" }] }],
        }],
    });
    std::fs::write(folder.join(format!("{id}.json")), record.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_replaced_and_what_was_reported_stays() {
    let Some(control_plane) = ControlPlane::start().await else {
        return;
    };
    let cluster = cluster(&control_plane);
    let client = connect_named(&cluster).await.unwrap();
    let security = Authority::new("Sécurité", "000000000000014");
    prepare(&client, &security).await;
    let place = tempfile::tempdir().unwrap();
    export(place.path(), "OSV-TEST-1", 2);
    let options = VulnerabilitiesOptions {
        osv: vec![place.path().to_owned()],
        exported_at: None,
    };
    let report = ReportedOptions {
        id: "OSV-TEST-1".to_owned(),
        reference: "maCERT-1".to_owned(),
        document: Some(place.path().join("OSV-TEST-1.json")),
        sent_at: Some(Timestamp::now()),
    };
    let code = |result: Result<(), dmpctl::error::CliError>| result.unwrap_err().code;
    assert_eq!(code(run(&cluster, &options).await), "no-release-in-force");
    Api::<ImageRelease>::all(client.clone())
        .create(&PostParams::default(), &release(&security))
        .await
        .unwrap();
    assert_eq!(
        code(run(&cluster, &VulnerabilitiesOptions::default()).await),
        "no-export"
    );
    assert_eq!(code(reported(&cluster, &report).await), "no-export");

    let exports = Api::<VulnerabilityExport>::all(client.clone());
    run(&cluster, &options).await.unwrap();
    reported(&cluster, &report).await.unwrap();
    let first = exports.get(VULNERABILITIES).await.unwrap();
    assert_eq!((first.spec.records, first.spec.reports.len()), (1, 1));
    assert!(first.spec.reports[0].sha256.is_some());
    // The same again writes nothing.
    run(&cluster, &options).await.unwrap();
    reported(&cluster, &report).await.unwrap();
    let again = exports.get(VULNERABILITIES).await.unwrap();
    assert_eq!(again.resource_version(), first.resource_version());
    export(place.path(), "OSV-TEST-2", 1);
    run(&cluster, &options).await.unwrap();
    run(&cluster, &VulnerabilitiesOptions::default()).await.unwrap();
    let later = exports.get(VULNERABILITIES).await.unwrap();
    assert_eq!(later.spec.records, 2);
    assert_eq!(later.spec.reports, first.spec.reports);
    assert!(later.spec.exported_at > first.spec.exported_at);

    let more = Patch::Merge(json!({ "spec": { "records": 3 } }));
    let as_person = async |user: &str| {
        let person = client_as(&control_plane.kubeconfig(), user, &["system:authenticated"]).await;
        Api::<VulnerabilityExport>::all(person)
            .patch(VULNERABILITIES, &PatchParams::default(), &more)
            .await
    };
    assert_eq!(as_person("security").await.unwrap().spec.records, 3);
    let refused = as_person("host").await.unwrap_err();
    assert!(
        matches!(&refused, kube::Error::Api(status) if status.code == 403),
        "{refused}"
    );
}
