//! What is known of the images that run, by an export of the site's: compared with the bills of materials of the real build, all of
//! it; a critical one fails until the DGSSI was told; it ends when the export no longer has it, and by nobody's word.
//!
//! Run by [`crate::images`], which has signed a release. The records are invented.

use std::path::Path;
use std::time::Duration;

use dmp_policies::openreports::Answer;
use dmpctl::images::vulnerabilities::{ReportedOptions, VulnerabilitiesOptions, reported, run};
use dmpctl::kubernetes::ClusterOptions;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::images::answer;
use crate::signed::until;
use crate::stage::Stage;

const WITHIN: Duration = Duration::from_secs(120);
const CRITICAL: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
const LOW: &str = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N";

/// Of every version of a package, up to `fixed`.
fn record(id: &str, ecosystem: &str, package: &str, fixed: Option<&str>, vector: &str) -> Value {
    let kind = if ecosystem.starts_with("Debian") {
        "ECOSYSTEM"
    } else {
        "SEMVER"
    };
    let mut events = vec![json!({ "introduced": "0" })];
    events.extend(fixed.map(|fixed| json!({ "fixed": fixed })));
    let now = Timestamp::now().to_string();
    json!({
        "schema_version": "1.6.0", "id": id, "modified": now, "published": now,
        "severity": [{ "type": "CVSS_V3", "score": vector }],
        "affected": [{
            "package": { "ecosystem": ecosystem, "name": package },
            "ranges": [{ "type": kind, "events": events }],
        }],
    })
}

/// One record of each ecosystem; of Rust's the one that is asked for.
fn export(folder: &Path, of_rust: &Value) {
    let records = [
        of_rust.clone(),
        record("OSV-TEST-GO", "Go", "golang.org/x/net", Some("0.0.1"), CRITICAL),
        record("OSV-TEST-DEBIAN", "Debian:12", "glibc", Some("1.0-1"), CRITICAL),
    ];
    for record in records {
        let path = folder.join(format!("{}.json", record["id"].as_str().unwrap()));
        std::fs::write(path, record.to_string()).unwrap();
    }
}

pub async fn known_ones_are_found(stage: &Stage) {
    let client = &stage.client;
    let says = || answer(client, "DMP-WRK-03", "vulnerabilities");
    let (verdict, message) = says().await;
    eprintln!("vulnerabilities: {message}");
    assert_eq!(verdict, Answer::Fail, "nobody brought an export");

    let cluster = ClusterOptions {
        kubeconfig: Some(stage.running.kubeconfig.clone()),
        context: Some("dmp".to_owned()),
    };
    let folder = tempfile::tempdir().unwrap();
    let bring = async |of_rust: &Value| {
        export(folder.path(), of_rust);
        let options = VulnerabilitiesOptions {
            osv: vec![folder.path().to_owned()],
            exported_at: None,
        };
        run(&cluster, &options).await.unwrap();
    };
    let mended = record("OSV-TEST-RUST", "crates.io", "tokio", Some("0.0.1"), CRITICAL);
    let open = record("OSV-TEST-RUST", "crates.io", "tokio", None, CRITICAL);

    bring(&mended).await;
    let passes = until("nothing is known", WITHIN, || async {
        let (verdict, message) = says().await;
        eprintln!("vulnerabilities: {message}");
        verdict == Answer::Pass
    })
    .await;
    bring(&open).await;
    let fails = until("a critical one is found", WITHIN, || async {
        let (verdict, message) = says().await;
        verdict == Answer::Fail && message.contains("OSV-TEST-RUST")
    })
    .await;
    let told = ReportedOptions {
        id: "OSV-TEST-RUST".to_owned(),
        reference: "essai-1".to_owned(),
        document: None,
        sent_at: None,
    };
    reported(&cluster, &told).await.unwrap();
    let reported = until("the DGSSI was told", WITHIN, || async {
        says().await.0 == Answer::Pass
    })
    .await;
    eprintln!(
        "vulnerabilities: compared after {passes:?}, found after {fails:?}, reported after {reported:?}"
    );
    bring(&record("OSV-TEST-RUST", "crates.io", "tokio", None, LOW)).await;
}
