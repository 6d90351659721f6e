//! containerd of a node: own root, state, socket and configuration.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{Node, cni};
use crate::{
    daemon::Daemons,
    error::{Error, FileContext, Result},
    paths::private_folder,
    shell::{program, run},
    template,
};

const CONFIG: &str = include_str!("../../files/containerd.toml");
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Starts containerd with `pause` as the image of sandboxes and waits until it answers.
pub(super) async fn start(node: &Node<'_>, daemons: &Daemons, pause: &str) -> Result<()> {
    let name = &node.own.name;
    let root = node.paths.node_state(name).join("containerd");
    private_folder(&root)?;
    let config = node.paths.node_runtime(name).join("containerd.toml");
    let rendered = config_text(node, pause)?;
    fs::write(&config, rendered).on("write", &config)?;
    daemons
        .ensure(&node.daemon(
            "containerd",
            &node.parts.containerd.program("containerd"),
            vec!["--config".to_owned(), config.display().to_string()],
        ))
        .await?;

    let socket = node.paths.containerd_socket(name);
    let begin = Instant::now();
    loop {
        daemons.require(&format!("{name}-containerd"))?;
        let answer = run(
            "ask containerd for its version",
            program(node.parts.containerd.program("ctr"))
                .arg("--address")
                .arg(&socket)
                .args(["--timeout", "2s", "version"]),
        )
        .await;
        match answer {
            Ok(_) => return Ok(()),
            Err(error) if begin.elapsed() > READY_WITHIN => {
                return Err(Error::Timeout {
                    what: format!("containerd of {name}"),
                    after: READY_WITHIN,
                    detail: error.to_string(),
                });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

fn config_text(node: &Node<'_>, pause: &str) -> Result<String> {
    let name = &node.own.name;
    let runtime = node.paths.node_runtime(name);
    let root = node.paths.node_state(name).join("containerd");
    template::fill(
        CONFIG,
        &[
            ("root", &root.to_string_lossy()),
            ("state", &runtime.join("containerd").to_string_lossy()),
            ("socket", &node.paths.containerd_socket(name).to_string_lossy()),
            ("pause", pause),
            ("registries", &node.paths.registries().to_string_lossy()),
            ("cni_own_programs", &cni::programs(node).to_string_lossy()),
            ("cni_programs", &node.parts.cni.bin().to_string_lossy()),
            ("cni_config", &cni::folder(node).to_string_lossy()),
        ],
    )
}
