//! Brings images from the cache into a node's containerd.

use std::{collections::BTreeSet, path::Path};

use super::{Image, Images};
use crate::{
    error::Result,
    parts::Parts,
    shell::{program, run},
};

/// Imports what the containerd behind `socket` does not have; returns how many that were.
pub(crate) async fn import(parts: &Parts, socket: &Path, images: &Images) -> Result<usize> {
    let ctr = |arguments: &[&str]| {
        let mut command = program(parts.containerd.program("ctr"));
        command
            .arg("--address")
            .arg(socket)
            .args(["--namespace", "k8s.io", "images"])
            .args(arguments);
        command
    };
    let list = run("list the images of a node", &mut ctr(&["list", "--quiet"])).await?;
    let present: BTreeSet<&str> = list.lines().collect();
    let missing: Vec<&Image> = images
        .all()
        .into_iter()
        .filter(|image| !present.contains(image.reference.as_str()))
        .collect();
    for image in &missing {
        run(
            &format!("import the image `{}`", image.reference),
            ctr(&["import"]).arg(&image.archive),
        )
        .await?;
    }
    Ok(missing.len())
}
