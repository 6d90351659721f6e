//! 3. The patient's trail: who, when, why, through which software; each entry verified offline with `dmp-verify`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use dmp_client::audit::{Event, TrailAnswer};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};

use crate::demo::World;
use crate::demo::gateway::{Software, unreachable};
use crate::demo::story::Story;
use crate::error::{CliError, Result};

/// The audit service pulls every log within seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// # Errors
/// When there is no trail, or no verifier.
pub async fn run(world: &World, story: &Story, verifier: Option<&Path>) -> Result<()> {
    story.step(
        3,
        "La patiente lit la trace de son dossier et la fait vérifier hors ligne",
    );
    let token = world.patient_token().await?;
    let start = Instant::now();
    let wanted = [
        ("write", "permitted"),
        ("search", "permitted"),
        ("refusal", "no-care-relation"),
        ("read", "permitted"),
    ];
    let (bytes, events) = loop {
        let (bytes, answer) = fetch(&world.amal, &token).await?;
        let events = events(&answer)?;
        let missing = wanted.iter().any(|(kind, outcome)| !has(&events, kind, outcome));
        if !missing || start.elapsed() > PATIENCE {
            break (bytes, events);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    for event in &events {
        story.note(&line(event));
    }
    for (kind, what) in [
        ("write", "l’écriture à Tanger"),
        ("search", "la recherche"),
        ("read", "la lecture à Casablanca"),
    ] {
        let found = has(&events, kind, "permitted");
        story.check(
            &format!("la trace montre {what}"),
            if found { "oui" } else { "non" },
            found,
        );
    }
    let refusals = events
        .iter()
        .filter(|event| event.kind.as_str() == "refusal")
        .count();
    story.check("la trace montre les refus", &format!("{refusals}"), refusals >= 2);

    let keys = public_keys(&world.client).await?;
    let proven = verify(verifier, &bytes, &keys)?;
    story.check(
        &format!(
            "dmp-verify, hors ligne : preuve d’inclusion des {} entrées",
            events.len()
        ),
        if proven {
            "toutes vérifiées contre les points de contrôle signés"
        } else {
            "échec"
        },
        proven,
    );
    let tampered = verify(verifier, &tamper(&bytes), &keys)?;
    story.check(
        "la même trace, un caractère changé",
        if tampered { "acceptée" } else { "rejetée" },
        !tampered,
    );
    Ok(())
}

/// The trail as the audit service answers it, and as it reads.
///
/// # Errors
/// `trail` when it is refused or not understood.
pub async fn fetch(app: &Software, token: &str) -> Result<(Vec<u8>, TrailAnswer)> {
    let reply = app.get("/dmp/v1/trail", Some(token)).await.map_err(unreachable)?;
    let failed = || {
        CliError::new(
            "trail",
            format!("there is no trail: {}", reply.summary()),
            "look at the audit service's log",
        )
    };
    if reply.status.as_u16() != 200 {
        return Err(failed());
    }
    let answer = serde_json::from_slice(&reply.body).map_err(|source| failed().because(source))?;
    Ok((reply.body, answer))
}

/// The events of a trail, newest last.
///
/// # Errors
/// `trail` when one is not understood.
pub fn events(answer: &TrailAnswer) -> Result<Vec<Event>> {
    answer
        .entries
        .iter()
        .map(|entry| serde_json::from_str(&entry.event))
        .collect::<std::result::Result<_, _>>()
        .map_err(|source| {
            CliError::new(
                "trail",
                "an entry of the trail is not understood",
                "update dmpctl",
            )
            .because(source)
        })
}

fn has(events: &[Event], kind: &str, outcome: &str) -> bool {
    events
        .iter()
        .any(|event| event.kind.as_str() == kind && event.outcome == outcome)
}

/// One event for people: when, what, who, where, why, through which software, with which outcome.
pub fn line(event: &Event) -> String {
    let who = event.who_display.as_deref().unwrap_or(&event.who);
    let place = event
        .establishment
        .as_deref()
        .map_or_else(String::new, |inpe| format!(" ({inpe})"));
    format!(
        "{:.0}  {:<8} {:<18} {who}{place}, {}, {} : {}",
        event.at,
        event.kind.as_str(),
        event.resource,
        event.purpose,
        event.software,
        event.outcome
    )
}

/// `keys.json` of the platform. A patient gets it from somebody she trusts; here from the cluster.
///
/// # Errors
/// `keys` when it is not there.
pub async fn public_keys(client: &Client) -> Result<String> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), dmp_api::names::NATIONAL_NAMESPACE);
    let map = maps
        .get_opt("dmp-trust")
        .await
        .map_err(|source| CliError::kubernetes("reading ConfigMap `dmp-trust`", source))?;
    map.and_then(|map| map.data)
        .and_then(|mut data| data.remove("keys.json"))
        .ok_or_else(|| {
            CliError::new(
                "keys",
                "the platform's public keys are not published (ConfigMap dmp-trust)",
                "look at `dmpctl status`",
            )
        })
}

/// Runs the verifier over a trail. Whether everything is proven.
///
/// # Errors
/// `verifier` when it cannot be run.
pub fn verify(verifier: Option<&Path>, trail: &[u8], keys: &str) -> Result<bool> {
    let program = verifier.map_or_else(beside_or_path, Path::to_owned);
    let folder = Folder::new()?;
    let (trail_file, keys_file) = (
        folder.write("trail.json", trail)?,
        folder.write("keys.json", keys.as_bytes())?,
    );
    let status = std::process::Command::new(&program)
        .arg("trail")
        .arg(&trail_file)
        .arg("--key")
        .arg(&keys_file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|source| {
            CliError::new(
                "verifier",
                format!("`{}` cannot be run", program.display()),
                "build it (`cargo build -p dmp-verify`) or name it with --verifier",
            )
            .because(source)
        })?;
    Ok(status.success())
}

/// `dmp-verify` beside this program, else whatever PATH has.
fn beside_or_path() -> PathBuf {
    let name = "dmp-verify";
    let beside = std::env::current_exe()
        .ok()
        .and_then(|own| Some(own.parent()?.join(name)));
    beside
        .filter(|path| path.exists())
        .unwrap_or_else(|| PathBuf::from(name))
}

/// One character of the first event is another.
fn tamper(trail: &[u8]) -> Vec<u8> {
    let mut tampered = trail.to_vec();
    let needle = br#"\"outcome\":\""#;
    let start = tampered
        .windows(needle.len())
        .position(|window| window == needle)
        .map(|start| start + needle.len());
    if let Some(byte) = start.and_then(|start| tampered.get_mut(start)) {
        *byte = if *byte == b'x' { b'y' } else { b'x' };
    }
    tampered
}

/// A folder for the verifier's files, for this user alone, removed at the end: a trail speaks of a patient.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let path = std::env::temp_dir().join(format!("dmpctl-{}", uuid::Uuid::new_v4()));
        let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|source| CliError::file(&path, source))?;
        Ok(Self(path))
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf> {
        let path = self.0.join(name);
        std::fs::File::create(&path)
            .and_then(|mut file| file.write_all(content))
            .map_err(|source| CliError::file(&path, source))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tampering_changes_one_byte() {
        let trail = br#"{"entries":[{"event":"{\"kind\":\"read\",\"outcome\":\"permitted\"}"}]}"#;
        let tampered = tamper(trail);
        assert_eq!(trail.iter().zip(&tampered).filter(|(a, b)| a != b).count(), 1);
        assert!(String::from_utf8_lossy(&tampered).contains("xermitted"));
    }
}
