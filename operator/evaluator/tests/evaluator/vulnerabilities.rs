//! Known vulnerabilities of the images that run, on a real control plane: what the site supplied against what was signed.

use std::collections::BTreeSet;

use dmp_evaluator::publish::Publisher;
use dmp_evaluator::report::verdict;
use dmp_evaluator::run::once;
use dmp_homologation::canonical::digest;
use dmp_homologation::sign::Signatory;
use dmp_homologation::statement::{ImageList, SignedImage};
use dmp_homologation::vulnerabilities::export::Reduction;
use dmp_homologation::vulnerabilities::package::Name;
use dmp_testkit::bodies::Authority;
use dmp_testkit::kubernetes::api_of;
use jiff::{SignedDuration, Timestamp};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::world::{World, cluster_report, manifests, result};

const CRITICAL: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";

fn ago(days: i64) -> String {
    let at = Timestamp::now() - SignedDuration::from_hours(24 * days);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn content(letter: &str) -> String {
    format!("sha256:{}", letter.repeat(64))
}

/// A release of one image with one crate.
async fn sign(world: &World, security: &Authority, letter: &str, purl: &str) {
    let sbom = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6",
        "components": [{ "type": "library", "name": "tls", "purl": purl }],
    })
    .to_string();
    let provenance = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [{ "name": "dmp", "digest": { "sha256": letter.repeat(64) } }],
        "predicate": { "runDetails": { "builder": { "id": "https://dmp.ma/build" } } },
    })
    .to_string();
    let list = ImageList {
        domain: "dmp.test".to_owned(),
        images: vec![SignedImage {
            name: "r.ma/dmp".to_owned(),
            digest: content(letter),
            sbom_sha256: digest(sbom.as_bytes()),
            provenance_sha256: digest(provenance.as_bytes()),
        }],
        comment: "nomenclatures lues".to_owned(),
        signed_at: Timestamp::now(),
    };
    let member = security.person("s1");
    let signatory = Signatory::new(&member.chain_pem, &member.key_pem).unwrap();
    world
        .apply(&json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "ImageRelease", "metadata": { "name": format!("release-{letter}") },
            "spec": {
                "statement": signatory.sign(&list).unwrap(),
                "papers": [{ "digest": content(letter), "sbom": sbom, "provenance": provenance }],
            },
        }))
        .await;
}

async fn run(world: &World, letter: &str) {
    let image = format!("r.ma/dmp:1@{}", content(letter));
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "registry-1", "namespace": "dmp-national" },
        "spec": { "automountServiceAccountToken": false, "containers": [{ "name": "c", "image": image }] },
    });
    world.apply(&pod).await;
    let status = json!({ "status": { "containerStatuses": [{
        "name": "c", "image": image, "imageID": format!("r.ma/dmp@{}", content(letter)), "ready": true, "restartCount": 0,
    }] } });
    api_of(&world.administrator, &pod)
        .patch_status("registry-1", &PatchParams::default(), &Patch::Merge(status))
        .await
        .unwrap();
}

/// A record of the crate `tls`, mended in 1.1.0.
fn record(published: &str) -> Value {
    json!({
        "id": "OSV-TEST-1", "aliases": ["CVE-TEST-1"], "modified": published, "published": published,
        "severity": [{ "type": "CVSS_V3", "score": CRITICAL }],
        "affected": [{
            "package": { "ecosystem": "crates.io", "name": "tls" },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "1.1.0" }] }],
        }],
    })
}

fn export(exported_at: &str, records: &[Value], reports: &Value) -> Value {
    let wanted = BTreeSet::from([Name::parse("crates.io/tls").unwrap()]);
    let mut reduction = Reduction::new(wanted);
    let other = json!({
        "id": "OSV-TEST-0", "modified": ago(9),
        "affected": [{ "package": { "ecosystem": "crates.io", "name": "other" }, "versions": ["1.0.0"] }],
    });
    for record in records.iter().chain([&other]) {
        reduction.take(record.to_string().as_bytes()).unwrap();
    }
    let packed = reduction.finish().pack().unwrap();
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "VulnerabilityExport", "metadata": { "name": "osv" },
        "spec": {
            "exportedAt": exported_at, "records": records.len(), "content": packed.content, "sha256": packed.sha256,
            "sources": [{ "name": "all.zip", "sha256": "a".repeat(64), "records": records.len() + 1 }], "reports": reports,
        },
    })
}

#[tokio::test]
async fn what_runs_is_compared_with_the_sites_export() {
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
    world.apply(&platform).await;
    world.namespace("dmp-national", "privileged").await;
    let mut publisher = Publisher::default();
    let mut said = async || {
        once(
            &world.evaluator,
            &world.catalogue,
            &mut publisher,
            Timestamp::now(),
        )
        .await
        .unwrap();
        let report = world.report().await;
        let found = result(&report, "DMP-WRK-03", "vulnerabilities");
        (verdict(found).to_owned(), found.message.clone())
    };
    let expect = |said: (String, String), verdict: &str, part: &str| {
        assert_eq!(said.0, verdict, "{}", said.1);
        assert!(said.1.contains(part), "{}", said.1);
    };
    let none = json!([]);

    expect(said().await, "fail", "no image runs");
    run(&world, "a").await;
    expect(said().await, "fail", "no bill of materials that was signed");
    sign(&world, &security, "a", "pkg:cargo/tls@1.0.0").await;
    expect(
        said().await,
        "fail",
        "(no export of known vulnerabilities: supply one: dmpctl images vulnerabilities --osv all.zip --context CONTEXT)",
    );
    world.apply(&export(&ago(0), &[], &none)).await;
    expect(said().await, "pass", "");

    // Another control is about what passed in the pass before; then nothing has changed, and nothing is written.
    said().await;
    let version = async || world.get(&cluster_report()).await.unwrap()["metadata"]["resourceVersion"].clone();
    let before = version().await;
    said().await;
    assert_eq!(version().await, before);

    world.apply(&export(&ago(4), &[], &none)).await;
    expect(said().await, "fail", "(OSV export of ");
    world.apply(&export(&ago(0), &[record(&ago(3))], &none)).await;
    expect(
        said().await,
        "fail",
        "(CVE-TEST-1 crates.io/tls 1.0.0 (critical))",
    );
    let reports = json!([{ "id": "OSV-TEST-1", "sentAt": ago(1), "reference": "maCERT-1" }]);
    world.apply(&export(&ago(0), &[record(&ago(3))], &reports)).await;
    expect(said().await, "pass", "");
    world.apply(&export(&ago(0), &[record(&ago(9))], &reports)).await;
    expect(said().await, "fail", "CVE-TEST-1");

    // It ends with what runs, by nobody's word: signed is not enough.
    sign(&world, &security, "b", "pkg:cargo/tls@1.1.0").await;
    expect(said().await, "fail", "no bill of materials");
    run(&world, "b").await;
    expect(said().await, "pass", "");

    // An image with something that the export was not read for; an export that somebody changed.
    sign(&world, &security, "c", "pkg:cargo/new@1.0.0").await;
    run(&world, "c").await;
    expect(said().await, "fail", "no bill named it when the export was read");
    let mut changed = export(&ago(0), &[], &reports);
    changed["spec"]["sha256"] = json!("b".repeat(64));
    world.apply(&changed).await;
    expect(said().await, "fail", "it is not what its hash was made of");
}
