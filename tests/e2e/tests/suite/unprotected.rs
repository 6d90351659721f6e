//! An appliance of its own without two of its protections: a build that does not encrypt, on a network that enforces no
//! policy. What watches over both must say so.
//!
//! Without this, "nothing found" of the demonstration's last step could mean that nobody looked, and
//! `NetworkPolicyEnforced=True` that nothing was tried.

use std::collections::BTreeSet;

use dmp_appliance::{Options, PodNetwork};
use dmpctl::demo::steps::{publish, search};
use dmpctl::demo::story::Story;
use dmpctl::scan::{Report, Scanner, tree};

use crate::network_probe::{enforcement, removed};
use crate::stage::{Stage, on_own_stage, options, plaintext_binaries};

fn found(report: &Report) -> BTreeSet<&str> {
    assert!(report.unread.is_empty(), "{:?}", report.unread);
    report.hits.iter().map(|hit| hit.needle.as_str()).collect()
}

#[test]
fn missing_encryption_and_missing_enforcement_are_found() {
    let unprotected = Options {
        network: Some(PodNetwork::Plain),
        ..options("e2eopen", plaintext_binaries())
    };
    on_own_stage("unprotected", unprotected, async |stage| {
        readable_data_are_found(stage).await;
        open_flows_are_found(stage).await;
    });
}

async fn readable_data_are_found(stage: &Stage) {
    let mut world = stage.world().await;
    publish::run(&mut world, &Story::silent()).await.unwrap();

    let needles = world.case.needles();
    let labels: BTreeSet<&str> = needles.iter().map(|needle| needle.label()).collect();
    let scanner = Scanner::new(needles.clone()).unwrap();
    let databases = search::databases(&stage.client, &scanner).await.unwrap();
    assert_eq!(found(&databases), labels, "each text is in a database");
    let files = tree::scan_except(&scanner, &stage.running.state, &search::NOT_DATA);
    assert!(!found(&files).is_empty(), "and in files");

    let story = Story::silent();
    search::run(&world, &story, &stage.progress, Some(&stage.running.state))
        .await
        .unwrap();
    assert_eq!(
        story.failures().len(),
        2,
        "the demonstration fails on databases and files alone: {:?}",
        story.failures()
    );
}

async fn open_flows_are_found(stage: &Stage) {
    let found = enforcement(&stage.client).await;
    assert_eq!(
        (found.status.as_str(), found.reason.as_str()),
        ("False", "ForbiddenFlowPassed")
    );
    for flow in ["ingress", "egress", "openbao.dmp-system", "kubernetes.default"] {
        assert!(found.message.contains(flow), "{flow}: {}", found.message);
    }
    removed(&stage.client).await;
}
