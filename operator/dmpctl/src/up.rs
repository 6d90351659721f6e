//! `dmpctl up`: from this machine to a running DMP with two health groups and the demonstration; again: repairs and
//! verifies. Called by `make up`.

use std::path::Path;
use std::time::Duration;

use dmp_appliance::{GATEWAY_PORT, GUICHET_PORT, Options, Progress, Running};
use kube::Client;
use kube::api::DynamicObject;
use serde_json::json;

use crate::demo::gateway::Gateway;
use crate::demo::{CASABLANCA, TANGER};
use crate::error::{CliError, Result};
use crate::install::{self, InstallOptions, ProductImages, openbao};
use crate::kubernetes::{ClusterOptions, apply, wait};

/// Trust domain of the development machine's platform.
pub const DOMAIN: &str = "dmp.test";
const SITE: &str = "appliance";

#[derive(clap::Args, Clone, Debug)]
pub struct UpOptions {
    #[command(flatten)]
    pub appliance: Options,
    /// Folder for recovery shares and root CA [default: ~/.local/share/dmp/custody]
    #[arg(long)]
    pub custody: Option<std::path::PathBuf>,
    /// Stop when everything is ready, without the demonstration
    #[arg(long)]
    pub no_demo: bool,
}

/// # Errors
/// Says what is missing; run again, it goes on where it was.
pub async fn run(options: &UpOptions) -> Result<()> {
    let progress = Progress::to_stderr();
    let running = dmp_appliance::up(&options.appliance, &progress)
        .await
        .map_err(CliError::appliance)?;
    link_kubectl(&running)?;
    let cluster = ClusterOptions {
        kubeconfig: Some(running.kubeconfig.clone()),
        context: None,
    };
    let client = crate::kubernetes::connect(&cluster).await?;
    let gateway = ready(&client, &progress, &running, options).await?;
    if !options.no_demo {
        crate::demo::play(&client, &progress, gateway, None, Some(&running.state)).await?;
    }
    println!("{}", next_steps(&running));
    Ok(())
}

/// `kubectl` is one name of the multi-call binary of the Kubernetes part: in a checkout it goes to `bin`, beside `dmpctl`.
fn link_kubectl(running: &Running) -> Result<()> {
    let folder = Path::new("bin");
    if !folder.join("dmpctl").exists() {
        return Ok(());
    }
    let link = folder.join("kubectl");
    if std::fs::read_link(&link).is_ok_and(|target| target == running.kubectl) {
        return Ok(());
    }
    match std::fs::remove_file(&link) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            return Err(CliError::file(&link, source));
        }
        _ => {}
    }
    std::os::unix::fs::symlink(&running.kubectl, &link).map_err(|source| CliError::file(&link, source))
}

/// Installs, applies the platform with its groups, waits until all is ready. For the end-to-end tests as well.
///
/// # Errors
/// As [`run`].
pub async fn ready(
    client: &Client,
    progress: &Progress,
    running: &Running,
    options: &UpOptions,
) -> Result<Gateway> {
    let install = InstallOptions {
        domain: DOMAIN.to_owned(),
        public_names: Vec::new(),
        demonstration: true,
        custody: options.custody.clone(),
        images: ProductImages {
            dmp: running.images.dmp.reference.clone(),
            openbao: running.images.openbao.reference.clone(),
        },
        storage_class: None,
    };
    install::install(client, progress, &install).await?;
    let images = (
        &running.images.dmp.reference,
        &running.images.postgresql.reference,
    );
    let suite = openbao::suite_ca(client).await?;
    let objects = objects(images.0, images.1, &public_names(running), Some(&suite))?;
    apply::apply_all(client, &objects).await?;
    wait::all_ready(client, progress, &objects, Duration::from_secs(300)).await?;
    let ca = openbao::root_ca(client).await?;
    std::fs::write(&running.gateway_ca, &ca).map_err(|source| CliError::file(&running.gateway_ca, source))?;
    Ok(Gateway {
        base: format!("https://{}:{GATEWAY_PORT}", running.node_address),
        ca,
    })
}

/// Site, platform and the two groups, with these images, names of the gateway and, when given, authority of the conformance
/// suite (PEM).
///
/// # Errors
/// `manifest`.
pub fn objects(
    dmp: &str,
    postgres: &str,
    public_names: &[String],
    suite: Option<&str>,
) -> Result<Vec<DynamicObject>> {
    let site = json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "Site",
        "metadata": { "name": SITE },
        "spec": { "territory": "MA", "region": "MA-01" },
    });
    let platform = json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "Platform",
        "metadata": { "name": dmp_api::names::PLATFORM },
        "spec": {
            "release": env!("CARGO_PKG_VERSION"),
            "images": { "dmp": dmp, "postgres": postgres },
            "domain": DOMAIN,
            "site": SITE,
            "demonstration": true,
            "sandboxGroup": TANGER,
            "gateway": {
                "publicNames": public_names,
                "nodePort": GATEWAY_PORT,
                "guichetNodePort": GUICHET_PORT,
                "replicas": 2,
            },
            "bodies": suite.map(crate::homologation::suite_body).into_iter().collect::<Vec<_>>(),
        },
    });
    let group = |name: &str, region: &str, controller: &str| {
        json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "HealthGroup",
            "metadata": { "name": name },
            "spec": {
                "kind": "gst", "region": region, "site": SITE, "mode": "sandbox",
                "controller": { "name": controller },
            },
        })
    };
    [
        site,
        platform,
        group(
            TANGER,
            "MA-01",
            "Groupement sanitaire territorial Tanger-Tétouan-Al Hoceïma",
        ),
        group(
            CASABLANCA,
            "MA-06",
            "Groupement sanitaire territorial Casablanca-Settat",
        ),
    ]
    .into_iter()
    .map(|value| {
        serde_json::from_value(value).map_err(|source| {
            CliError::new("manifest", "an object of the appliance is broken", "report it").because(source)
        })
    })
    .collect()
}

/// What clients of the appliance call the gateway: its name, every node, and where `--expose` publishes it.
pub fn public_names(running: &Running) -> Vec<String> {
    let addresses = running.node_addresses.iter().chain(&running.exposed);
    std::iter::once(format!("gateway.{DOMAIN}"))
        .chain(addresses.map(ToString::to_string))
        .collect()
}

/// What to try, one line per role.
fn next_steps(running: &Running) -> String {
    let name = running.name.to_string();
    format!(
        "
Le DMP fonctionne. D’abord : eval \"$(bin/dmpctl appliance env --name {name})\"
  exploitant    bin/dmpctl status                       un écran : plateforme, groupes, services
  groupe (GST)  bin/kubectl get healthgroups            puis : bin/kubectl describe hg {TANGER}
  éditeur       bin/kubectl get sol,solv,solc -A        produits, versions, certificats
  sécurité      bin/kubectl get solr                    révocations ; bin/dmp-verify --help
  soignant      bin/dmpctl demo token --as dr-benjelloun
  patient       bin/dmpctl trail --identifier '<celui que la démonstration a affiché>'
  tous          bin/dmpctl demo run                     la démonstration, encore une fois"
    )
}
