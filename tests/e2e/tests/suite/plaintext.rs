//! The search for readable data finds it when it is there: a build that does not encrypt, on an appliance of its own.
//!
//! Without this, "nothing found" of the demonstration's last step could mean that nobody looked.

use std::collections::BTreeSet;

use dmpctl::demo::steps::{publish, search};
use dmpctl::demo::story::Story;
use dmpctl::scan::{Report, Scanner, tree};

use crate::stage::{on_own_stage, plaintext_binaries};

fn found(report: &Report) -> BTreeSet<&str> {
    assert!(report.unread.is_empty(), "{:?}", report.unread);
    report.hits.iter().map(|hit| hit.needle.as_str()).collect()
}

#[test]
fn a_build_that_does_not_encrypt_is_found() {
    on_own_stage("plaintext", "e2eplain", plaintext_binaries(), async |stage| {
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
    });
}
