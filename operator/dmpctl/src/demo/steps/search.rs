//! 6. Nothing to read: everything that was stored is searched for what was sent.
//!
//! The cluster's API gives every object (Secrets, ConfigMaps, events, custom resources), pod logs, and a logical dump
//! of each database; on the appliance's own machine the files below are searched as well: etcd, volumes with
//! databases, WAL and OpenBao, logs of pods and of the API server.

use std::path::Path;

use dmp_appliance::Progress;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{AttachParams, DynamicObject, ListParams, LogParams};
use kube::discovery::{Discovery, Scope, verbs};
use kube::{Api, Client, ResourceExt as _};
use tokio::io::AsyncReadExt as _;

use crate::demo::World;
use crate::demo::story::Story;
use crate::error::{CliError, Result};
use crate::scan::{Report, Scanner, tree};

/// Folders of the appliance with images and tools, not data.
pub const NOT_DATA: [&str; 1] = ["containerd"];

/// # Errors
/// When the cluster cannot be asked.
pub async fn run(world: &World, story: &Story, progress: &Progress, data: Option<&Path>) -> Result<()> {
    story.step(6, "Rien à lire : tout ce qui a été écrit est fouillé");
    let needles = world.case.needles();
    story.note(&format!(
        "{} textes cherchés : {}",
        needles.len(),
        needles
            .iter()
            .map(|needle| needle.label())
            .collect::<Vec<_>>()
            .join(", ")
    ));
    let scanner = Scanner::new(needles)
        .map_err(|source| CliError::new("scan", "the search cannot begin", "report it").because(source))?;
    let step = progress.step("searching");
    step.at("objects of the cluster");
    verdict(
        story,
        "objets du cluster (Secrets, ConfigMaps, événements, ressources)",
        &objects(&world.client, &scanner).await?,
    );
    step.at("logs of pods");
    verdict(story, "journaux des pods", &logs(&world.client, &scanner).await?);
    step.at("databases");
    verdict(
        story,
        "contenu de chaque base (export logique)",
        &databases(&world.client, &scanner).await?,
    );
    if let Some(data) = data {
        step.at("files of the appliance");
        let (folder, shared) = (data.to_owned(), std::sync::Arc::new(scanner));
        let report = tokio::task::spawn_blocking(move || tree::scan_except(&shared, &folder, &NOT_DATA))
            .await
            .map_err(|source| {
                CliError::new("scan", "the search broke off", "run it again").because(source)
            })?;
        verdict(
            story,
            "fichiers : etcd, volumes, WAL, OpenBao, journaux et audit de l’API",
            &report,
        );
    } else {
        story.note("fichiers de l’appliance : pas sur cette machine, non fouillés");
    }
    step.done();
    Ok(())
}

fn verdict(story: &Story, what: &str, report: &Report) {
    let size = report.bytes / 1024 / 1024;
    let mut text = format!("{} lus, {size} Mio", report.places);
    let opened: u64 = report.opened.values().sum();
    if opened > 0 {
        text.push_str(&format!(", {opened} flux décompressés"));
    }
    if report.hits.is_empty() && report.unread.is_empty() {
        story.check(what, &format!("{text} : rien"), report.places > 0);
        return;
    }
    for hit in report.hits.iter().take(10) {
        story.note(&format!(
            "« {} » ({:?}) dans {}",
            hit.needle, hit.encoding, hit.place
        ));
    }
    for unread in report.unread.iter().take(10) {
        story.note(&format!("non lu : {unread}"));
    }
    story.check(
        what,
        &format!(
            "{text} : {} trouvés, {} non lus",
            report.hits.len(),
            report.unread.len()
        ),
        false,
    );
}

/// Every object of every kind that can be listed.
///
/// # Errors
/// When the API server does not say what it serves.
pub async fn objects(client: &Client, scanner: &Scanner) -> Result<Report> {
    let failed = |source| CliError::kubernetes("listing what the API server serves", source);
    let discovery = Discovery::new(client.clone()).run().await.map_err(failed)?;
    let mut report = Report::default();
    for group in discovery.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            if !capabilities.supports_operation(verbs::LIST) {
                continue;
            }
            let scope = if capabilities.scope == Scope::Cluster {
                ""
            } else {
                " (all namespaces)"
            };
            let place = format!("{}/{}{scope}", resource.api_version, resource.plural);
            let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
            match api.list(&ListParams::default()).await {
                Ok(list) => {
                    for object in list.items {
                        report.merge(object_report(scanner, &place, &object));
                    }
                }
                // Served but gone or not listable now (metrics, reviews).
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 405) => {}
                Err(error) => report.unread.push(format!("{place}: {error}")),
            }
        }
    }
    Ok(report)
}

fn object_report(scanner: &Scanner, place: &str, object: &DynamicObject) -> Report {
    let name = format!(
        "{place} {}/{}",
        object.namespace().unwrap_or_default(),
        object.name_any()
    );
    let mut report = scanner.bytes(
        &name,
        serde_json::to_string(object).unwrap_or_default().as_bytes(),
    );
    // Values of Secrets and binary data of ConfigMaps are base64: their bytes may be compressed.
    for field in ["data", "binaryData"] {
        for value in object
            .data
            .get(field)
            .and_then(|data| data.as_object())
            .into_iter()
            .flat_map(|data| data.values())
        {
            use base64::Engine as _;
            let bytes = value
                .as_str()
                .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
            if let Some(bytes) = bytes {
                let mut inner = scanner.bytes(&name, &bytes);
                inner.places = 0;
                report.merge(inner);
            }
        }
    }
    report
}

/// Logs of every container, the current and the previous one.
///
/// # Errors
/// When pods cannot be listed.
pub async fn logs(client: &Client, scanner: &Scanner) -> Result<Report> {
    let mut report = Report::default();
    for pod in pods(client, &ListParams::default()).await? {
        let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
        let api: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        let spec = pod.spec.unwrap_or_default();
        let containers = spec
            .containers
            .iter()
            .chain(spec.init_containers.iter().flatten());
        for container in containers {
            for previous in [false, true] {
                let parameters = LogParams {
                    container: Some(container.name.clone()),
                    previous,
                    ..LogParams::default()
                };
                match api.logs(&name, &parameters).await {
                    Ok(log) => report.merge(scanner.bytes(
                        &format!("log {namespace}/{name}/{}", container.name),
                        log.as_bytes(),
                    )),
                    // No previous container, or one that has not started.
                    Err(kube::Error::Api(status)) if status.code == 400 || status.code == 404 => {}
                    Err(error) => report
                        .unread
                        .push(format!("log {namespace}/{name}/{}: {error}", container.name)),
                }
            }
        }
    }
    Ok(report)
}

/// A logical dump of each CloudNativePG primary: what PostgreSQL compresses in its files is plain in it.
///
/// # Errors
/// When pods cannot be listed.
pub async fn databases(client: &Client, scanner: &Scanner) -> Result<Report> {
    let mut report = Report::default();
    let primaries = ListParams::default().labels("cnpg.io/instanceRole=primary");
    for pod in pods(client, &primaries).await? {
        let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
        let place = format!("database {namespace}/{name}");
        match dump(client, &namespace, &name).await {
            Ok(bytes) => report.merge(scanner.bytes(&place, &bytes)),
            Err(reason) => report.unread.push(format!("{place}: {reason}")),
        }
    }
    Ok(report)
}

async fn dump(client: &Client, namespace: &str, name: &str) -> std::result::Result<Vec<u8>, String> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let parameters = AttachParams::default()
        .container("postgres")
        .stdout(true)
        .stderr(true);
    let command = ["pg_dumpall", "--username=postgres", "--no-role-passwords"];
    let mut process = api
        .exec(name, command, &parameters)
        .await
        .map_err(|error| error.to_string())?;
    let (mut bytes, mut said) = (Vec::new(), String::new());
    let (stdout, stderr) = (process.stdout(), process.stderr());
    let status = process.take_status();
    let read = async {
        if let Some(mut stdout) = stdout {
            stdout.read_to_end(&mut bytes).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    let hear = async {
        if let Some(mut stderr) = stderr {
            stderr.read_to_string(&mut said).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    tokio::try_join!(read, hear).map_err(|error| error.to_string())?;
    let success = match status {
        Some(status) => status
            .await
            .is_some_and(|status| status.status.as_deref() == Some("Success")),
        None => false,
    };
    // A dump that says so little is none.
    if success && bytes.len() > 1000 {
        Ok(bytes)
    } else {
        Err(format!("pg_dumpall failed: {}", said.trim()))
    }
}

async fn pods(client: &Client, parameters: &ListParams) -> Result<Vec<Pod>> {
    let api: Api<Pod> = Api::all(client.clone());
    let list = api
        .list(parameters)
        .await
        .map_err(|source| CliError::kubernetes("listing pods", source))?;
    Ok(list.items)
}
