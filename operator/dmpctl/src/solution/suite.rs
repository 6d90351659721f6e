//! A sitting from outside: open, and for each test prepare, begin, have the software do its task, end.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use dmp_conformance::suite::Action;
use dmp_conformance::wire::{Begin, Closed, Judged, Open, Profiles, Sitting, TestSummary};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::given::Bench;
use super::log_in::LogIns;
use crate::demo::gateway::{Reply, Software, unreachable};
use crate::error::{CliError, Result};

/// The longest the software may take for a task.
const TASK_LIMIT: Duration = Duration::from_secs(120);
const BASE: &str = "/dmp/v1/conformance";

/// The suite, as the gateway offers it.
pub struct Suite {
    software: Software,
}

impl Suite {
    pub const fn new(software: Software) -> Self {
        Self { software }
    }

    /// Every profile.
    ///
    /// # Errors
    /// What the gateway answered, as every method here.
    pub async fn profiles(&self) -> Result<Profiles> {
        understood(self.software.get(&format!("{BASE}/profiles"), None).await)
    }

    pub async fn open(&self, open: &Open) -> Result<Sitting> {
        self.post("sittings", open).await
    }

    pub async fn begin(&self, sitting: &Sitting, test: &str, given: &Value) -> Result<()> {
        let path = format!("sittings/{}/tests/{test}/begin", sitting.sitting);
        let begin = Begin { given: given.clone() };
        self.post::<Value>(&path, &begin).await.map(drop)
    }

    pub async fn end(&self, sitting: &Sitting, test: &str) -> Result<Judged> {
        let path = format!("sittings/{}/tests/{test}/end", sitting.sitting);
        self.post(&path, &json!({})).await
    }

    pub async fn close(&self, sitting: &Sitting) -> Result<Closed> {
        self.post(&format!("sittings/{}/end", sitting.sitting), &json!({}))
            .await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        let body = serde_json::to_string(body).map_err(not_understood)?;
        let path = format!("{BASE}/{path}");
        understood(self.software.send_text(Method::POST, &path, None, body).await)
    }
}

/// Who does the task.
pub enum Runner {
    /// A command that reads the task.
    Command {
        command: String,
        gateway: String,
        ca: PathBuf,
        identity: PathBuf,
    },
    /// A person, who says when it is done.
    ByHand,
}

/// Sits what is asked for, or `only` some of its tests (names without the profile). `say` tells how it goes.
///
/// # Errors
/// `no-such-test`, or what stopped it. A test that the software failed is no error.
pub async fn sit(
    suite: &Suite,
    bench: &Bench<'_, impl LogIns>,
    runner: &Runner,
    open: &Open,
    only: &[String],
    say: impl Fn(&str),
) -> Result<Closed> {
    let profile = &open.profile;
    let sitting = suite.open(open).await?;
    let chosen: Vec<&TestSummary> = sitting
        .tests
        .iter()
        .filter(|test| only.is_empty() || only.iter().any(|name| test.id.ends_with(&format!("/{name}"))))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = sitting.tests.iter().map(|test| test.id.as_str()).collect();
        return Err(CliError::new(
            "no-such-test",
            format!("profile `{profile}` has none of these tests"),
            format!("choose of: {}", names.join(", ")),
        ));
    }
    for test in chosen {
        say(&format!("— {} · {}", test.id, test.title.fr));
        let given = bench.prepare(&test.given).await?;
        let identity = bench.log_ins.professional().await?;
        suite.begin(&sitting, &test.id, &given).await?;
        let done = runner.perform(test, &given, &identity).await;
        let judged = suite.end(&sitting, &test.id).await?;
        if let Err(what) = done? {
            say(&format!("  ! {what}"));
        }
        for finding in &judged.findings {
            let mark = if finding.met { "✔" } else { "✘" };
            let says = if finding.met { "" } else { finding.says.fr.as_str() };
            say(format!("  {mark} {} {says}", finding.requirement).trim_end());
        }
    }
    suite.close(&sitting).await
}

impl Runner {
    /// What went wrong with the software, if anything did; its exchanges are judged all the same.
    async fn perform(
        &self,
        test: &TestSummary,
        given: &Value,
        identity: &str,
    ) -> Result<std::result::Result<(), String>> {
        let Self::Command {
            command,
            gateway,
            ca,
            identity: own,
        } = self
        else {
            return by_hand(test, given).await.map(Ok);
        };
        let task = json!({
            "test": test.id,
            "action": test.action,
            "gateway": gateway,
            "ca": ca,
            "identity": own,
            "idToken": identity,
            "purpose": "TREAT",
            "given": given,
        });
        let mut child = shell(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| {
                CliError::new("run-failed", format!("`{command}` cannot be run"), "check --run")
                    .because(source)
            })?;
        if let Some(mut input) = child.stdin.take() {
            // Software that does not read its task has not done it: the judge sees that.
            let _ = input.write_all(task.to_string().as_bytes()).await;
        }
        Ok(match tokio::time::timeout(TASK_LIMIT, child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("le logiciel s’est terminé avec {status}")),
            Ok(Err(error)) => Err(format!("le logiciel s’est perdu : {error}")),
            Err(_) => Err(format!("le logiciel n’a pas fini en {} s", TASK_LIMIT.as_secs())),
        })
    }
}

fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    shell
}

/// Shows the task and waits for the person.
async fn by_hand(test: &TestSummary, given: &Value) -> Result<()> {
    println!("\n{}\n", test.task.fr);
    let named = match test.action {
        Action::Publish => "/document/title",
        _ => "/patient/identifier/0/value",
    };
    if let Some(value) = given.pointer(named).and_then(Value::as_str) {
        println!("  {value}");
    }
    let file = tempfile(given)?;
    println!("  données : {}\n  Entrée quand c’est fait.", file.display());
    let read = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await;
    if let Err(error) = std::fs::remove_file(&file) {
        eprintln!("dmpctl: `{}` is left: {error}", file.display());
    }
    match read {
        Ok(Ok(read)) if read > 0 => Ok(()),
        _ => Err(CliError::new(
            "no-terminal",
            "the tasks are done by hand and there is nobody to say when",
            "run it in a terminal, or name the software with --run",
        )),
    }
}

/// The data of a task, for who does it by hand.
fn tempfile(given: &Value) -> Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("dmp-conformance-{}.json", std::process::id()));
    std::fs::write(&path, given.to_string()).map_err(|source| CliError::file(&path, source))?;
    Ok(path)
}

fn understood<T: DeserializeOwned>(reply: reqwest::Result<Reply>) -> Result<T> {
    let reply = reply.map_err(unreachable)?;
    if !reply.status.is_success() {
        let body = reply.json();
        let says = ["/detail", "/title"]
            .iter()
            .find_map(|at| body.pointer(at)?.as_str());
        return Err(CliError::new(
            "suite-refused",
            format!("the conformance suite answered {}", reply.summary()),
            says.unwrap_or("look up the code in docs/errors.md"),
        ));
    }
    serde_json::from_slice(&reply.body).map_err(not_understood)
}

fn not_understood(source: serde_json::Error) -> CliError {
    CliError::new(
        "suite-not-understood",
        "the answer of the conformance suite is not understood",
        "use the dmpctl of the platform's release",
    )
    .because(source)
}
