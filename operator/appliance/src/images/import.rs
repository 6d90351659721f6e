//! Brings images from the cache into a node's containerd, and takes out what nobody uses any more.

use std::{collections::BTreeSet, path::Path};

use tokio::process::Command;

use super::{Image, Images};
use crate::{
    error::Result,
    parts::Parts,
    shell::{program, run},
};

/// Imports what the containerd behind `socket` does not have; returns how many that were.
///
/// Each build of the product is another image: those that no container is made from are removed.
pub(crate) async fn import(parts: &Parts, socket: &Path, images: &Images) -> Result<usize> {
    let list = |kind: &'static str| {
        let mut command = ctr(parts, socket, &[kind, "list"]);
        async move { run(&format!("list the {kind} of a node"), &mut command).await }
    };
    let table = list("images").await?;
    let present = rows(&table, 0, 2);
    let missing: Vec<&Image> = images
        .all()
        .into_iter()
        .filter(|image| !present.iter().any(|(name, _)| *name == image.stored()))
        .collect();
    for image in &missing {
        run(
            &format!("import the image `{}`", image.reference),
            ctr(parts, socket, &["images", "import"]).arg(&image.archive),
        )
        .await?;
    }

    let table = list("containers").await?;
    let used: BTreeSet<&str> = rows(&table, 1, 0).into_iter().map(|(name, _)| name).collect();
    for image in superseded(&images.dmp.stored(), &present, &used) {
        run(
            &format!("remove the image `{image}`"),
            &mut ctr(parts, socket, &["images", "remove", image]),
        )
        .await?;
    }
    Ok(missing.len())
}

fn ctr(parts: &Parts, socket: &Path, arguments: &[&str]) -> Command {
    let mut command = program(parts.containerd.program("ctr"));
    command
        .arg("--address")
        .arg(socket)
        .args(["--namespace", "k8s.io"])
        .args(arguments);
    command
}

/// Two columns of a table with a heading.
fn rows(table: &str, first: usize, second: usize) -> Vec<(&str, &str)> {
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            Some((*fields.get(first)?, *fields.get(second)?))
        })
        .collect()
}

/// Names of other images of the same repository that no container is made from, and the names that
/// Kubernetes gave to the same content. `present` holds names and digests.
fn superseded<'a>(current: &str, present: &[(&'a str, &'a str)], used: &BTreeSet<&str>) -> Vec<&'a str> {
    let repository = |name: &str| name.split(['@', ':']).next().map(str::to_owned);
    let needed = |name: &str| name == current || used.contains(name);
    // Two names may have one content.
    let kept: BTreeSet<&str> = present
        .iter()
        .filter(|(name, _)| needed(name))
        .map(|(_, digest)| *digest)
        .collect();
    let digests: BTreeSet<&str> = present
        .iter()
        .filter(|(name, _)| repository(name) == repository(current) && !needed(name))
        .map(|(_, digest)| *digest)
        .filter(|digest| !kept.contains(digest))
        .collect();
    present
        .iter()
        .filter(|(_, digest)| digests.contains(digest))
        .map(|(name, _)| *name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_by_column() {
        let table = "CONTAINER  IMAGE  RUNTIME\nabc  r/dmp:1  runc\ndef  r/pause:1  runc\n\n";
        assert_eq!(rows(table, 1, 0), [("r/dmp:1", "abc"), ("r/pause:1", "def")]);
        assert!(rows("", 1, 0).is_empty());
    }

    #[test]
    fn only_unused_older_builds_of_the_same_image_go() {
        let present = [
            ("r/dmp@sha256:a", "sha256:a"),
            ("r/dmp@sha256:b", "sha256:b"),
            ("r/dmp@sha256:c", "sha256:c"),
            ("r/dmp:2-again", "sha256:b"),
            ("r/dmp:3-again", "sha256:c"),
            ("r/dmp-x@sha256:d", "sha256:d"),
            ("sha256:1", "sha256:a"),
            ("sha256:2", "sha256:b"),
        ];
        let used = BTreeSet::from(["r/dmp@sha256:b"]);
        assert_eq!(
            superseded("r/dmp@sha256:c", &present, &used),
            ["r/dmp@sha256:a", "sha256:1"]
        );
    }
}
