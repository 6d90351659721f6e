//! Talks to the API server through the `kubectl` of the Kubernetes part.
//!
//! Installing manifests and waiting is all this crate needs; typed clients are the operator's.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use tokio::process::Command;

use crate::{
    error::{Error, Result},
    parts::Parts,
    paths::Paths,
    shell::{program, run, run_with_input},
};

const POLL: Duration = Duration::from_millis(250);

/// The administrator's kubectl for one appliance.
#[derive(Debug, Clone)]
pub(crate) struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    cache: PathBuf,
}

impl Kubectl {
    pub fn new(parts: &Parts, paths: &Paths) -> Self {
        Self {
            program: parts.kubernetes.program("kubectl"),
            kubeconfig: paths.kubeconfig(),
            cache: paths.runtime.join("kubectl"),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(&self.program);
        command
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .arg("--cache-dir")
            .arg(&self.cache)
            .args(arguments);
        command
    }

    pub async fn run(&self, what: &str, arguments: &[&str]) -> Result<String> {
        run(what, &mut self.command(arguments)).await
    }

    /// Server-side apply of YAML or JSON documents.
    pub async fn apply(&self, what: &str, manifest: &str) -> Result<()> {
        let mut command = self.command(&[
            "apply",
            "--server-side",
            "--force-conflicts",
            "--field-manager=dmp-appliance",
            "--filename=-",
        ]);
        run_with_input(what, &mut command, manifest.as_bytes())
            .await
            .map(drop)
    }

    /// Replaces the status of the objects in a list.
    pub async fn replace_status(&self, what: &str, list: &str) -> Result<()> {
        let mut command = self.command(&["replace", "--subresource=status", "--filename=-"]);
        run_with_input(what, &mut command, list.as_bytes())
            .await
            .map(drop)
    }

    /// Repeats a command until it succeeds; `alive` may end the wait early with the real reason.
    pub async fn wait(
        &self,
        what: &str,
        within: Duration,
        arguments: &[&str],
        alive: impl Fn() -> Result<()>,
    ) -> Result<()> {
        let begin = Instant::now();
        loop {
            alive()?;
            match self.run(what, arguments).await {
                Ok(_) => return Ok(()),
                Err(error) if begin.elapsed() > within => {
                    return Err(Error::Timeout {
                        what: what.to_owned(),
                        after: within,
                        detail: error.to_string(),
                    });
                }
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Waits until a Deployment has all its replicas ready.
    pub async fn rollout(&self, namespace: &str, name: &str, within: Duration) -> Result<()> {
        let deployment = format!("deployment/{name}");
        let timeout = format!("--timeout={}s", within.as_secs());
        self.run(
            &format!("wait for {name} (kubectl --namespace {namespace} describe {deployment} says more)"),
            &[
                "--namespace",
                namespace,
                "rollout",
                "status",
                &deployment,
                &timeout,
            ],
        )
        .await
        .map(drop)
    }
}
