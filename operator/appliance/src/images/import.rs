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
    let present = list("images").await?;
    let present = column(&present, 0);
    let missing: Vec<&Image> = images
        .all()
        .into_iter()
        .filter(|image| !present.contains(image.reference.as_str()))
        .collect();
    for image in &missing {
        run(
            &format!("import the image `{}`", image.reference),
            ctr(parts, socket, &["images", "import"]).arg(&image.archive),
        )
        .await?;
    }

    let containers = list("containers").await?;
    let used = column(&containers, 1);
    for image in superseded(&images.dmp.reference, &present, &used) {
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

/// One column of a table with a heading.
fn column(table: &str, index: usize) -> BTreeSet<&str> {
    table
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(index))
        .collect()
}

/// Other images of the same name that no container is made from.
fn superseded<'a>(current: &str, present: &BTreeSet<&'a str>, used: &BTreeSet<&str>) -> Vec<&'a str> {
    let name = current.rsplit_once(':').map_or(current, |(name, _)| name);
    present
        .iter()
        .copied()
        .filter(|image| image.rsplit_once(':').is_some_and(|(other, _)| other == name))
        .filter(|image| *image != current && !used.contains(image))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_by_column() {
        let table = "CONTAINER  IMAGE  RUNTIME\nabc  r/dmp:1  runc\ndef  r/pause:1  runc\n";
        assert_eq!(column(table, 1), BTreeSet::from(["r/dmp:1", "r/pause:1"]));
        assert!(column("", 1).is_empty());
    }

    #[test]
    fn only_unused_older_builds_of_the_same_image_go() {
        let present = BTreeSet::from(["r/dmp:1", "r/dmp:2", "r/dmp:3", "r/dmp-x:1", "r/pause:1"]);
        let used = BTreeSet::from(["r/dmp:2"]);
        assert_eq!(superseded("r/dmp:3", &present, &used), ["r/dmp:1"]);
    }
}
