//! `dmpctl appliance …`: the functions of this crate as a command line.

use crate::{
    down::{clean, down},
    error::Result,
    kill::kill_node,
    options::{Expose, Options},
    progress::Progress,
    up::{environment, images, up},
};

/// Run Kubernetes for the DMP on this machine
#[derive(Debug, Clone, clap::Subcommand)]
pub enum ApplianceCommand {
    /// Bring Kubernetes up, or verify that it is: builds what is missing, starts what is dead
    Up(Options),
    /// End all processes and remove namespaces, mounts and control groups; the data stays
    Down(Options),
    /// As `down`, and remove the data: databases, keys, logs
    Clean(Options),
    /// Kill a node without warning, as a power cut does; `up` brings it back
    KillNode {
        #[command(flatten)]
        options: Options,
        /// `node-1` and up
        node: String,
    },
    /// Print the shell variables for using it
    Env(Options),
    /// Build the images (again after `cargo build`), bring them into running nodes, print their names
    Images(Options),
}

impl ApplianceCommand {
    pub async fn run(self) -> Result<()> {
        let progress = Progress::to_stderr();
        match self {
            Self::Up(options) => {
                let running = up(&options, &progress).await?;
                progress.say(format!(
                    "Kubernetes is up: eval \"$(dmpctl appliance env --name {})\"",
                    running.name
                ));
                if let Some(Expose(address)) = options.expose {
                    progress.say(format!("the gateway is published on https://{address}"));
                }
            }
            Self::Down(options) => down(&options, &progress).await?,
            Self::Clean(options) => clean(&options, &progress).await?,
            Self::KillNode { options, node } => kill_node(&options, &node).await?,
            Self::Env(options) => println!("{}", environment(&options)?),
            Self::Images(options) => {
                for image in images(&options, &progress).await?.all() {
                    println!("{}", image.reference);
                }
            }
        }
        Ok(())
    }
}
