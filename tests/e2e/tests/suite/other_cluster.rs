//! A cluster of somebody else: bare, with a CloudNativePG and a registry of its own. Looked at, filled, installed on by
//! digest, used, uninstalled twice, installed again with its data, and emptied at last.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use dmp_api::{HealthGroup, Sizing};
use dmp_appliance::{Options, Progress, Running};
use dmpctl::demo::gateway::Gateway;
use dmpctl::demo::steps::publish;
use dmpctl::demo::story::Story;
use dmpctl::demo::{World, play};
use dmpctl::images::push::PushOptions;
use dmpctl::images::source::{ImageSet, SourceOptions};
use dmpctl::images::{References, export, push};
use dmpctl::install::command::{Dependencies, Dependency, InstallCommand, RegistryChoice};
use dmpctl::install::{InstallOptions, ProductImages, openbao};
use dmpctl::kubernetes::{ClusterOptions, apply, wait};
use dmpctl::preflight::{self, Check, Footprint, PreflightOptions, Size, Verdict};
use dmpctl::uninstall::{Ended, UninstallOptions, uninstall};
use dmpctl::up;
use futures::FutureExt as _;
use k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim, Pod};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use crate::other_cluster_registry::{Registry, forget_images};
use crate::stage::{binaries, keep, on_runtime};

const NAME: &str = "oth";
const READY_WITHIN: Duration = Duration::from_secs(300);

/// The bare cluster and its registry.
struct Other {
    running: Running,
    client: Client,
    registry: Registry,
    /// The images, carried there in a folder.
    images: tempfile::TempDir,
    progress: Progress,
}

fn options() -> Options {
    Options {
        name: NAME.parse().unwrap(),
        binaries: Some(binaries()),
        cache: std::env::var_os("DMP_CACHE").map(Into::into),
        ..Options::default()
    }
}

impl Other {
    async fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let progress = Progress::to_stderr();
        let running = dmp_appliance::up(&options(), &progress)
            .await
            .unwrap_or_else(|error| panic!("appliance: {error}"));
        let client = dmpctl::kubernetes::connect_named(&cluster(&running, Some("dmp")))
            .await
            .unwrap_or_else(|error| panic!("{}", error.for_people()));
        let registry = Registry::start(&running).await;
        Self {
            running,
            client,
            registry,
            images: tempfile::tempdir().unwrap(),
            progress,
        }
    }

    fn choice(&self) -> RegistryChoice {
        RegistryChoice {
            registry: Some(self.registry.address.clone()),
            source: SourceOptions {
                from: Some(self.images.path().to_owned()),
                ..SourceOptions::default()
            },
        }
    }

    fn install_command(&self) -> InstallCommand {
        InstallCommand {
            options: InstallOptions {
                domain: up::DOMAIN.to_owned(),
                public_names: Vec::new(),
                demonstration: true,
                custody: Some(self.running.state.join("custody")),
                images: ProductImages {
                    dmp: "not.to.be.used/dmp".to_owned(),
                    openbao: "not.to.be.used/openbao".to_owned(),
                },
                storage_class: None,
            },
            registry: self.choice(),
            dependencies: EXISTING_CNPG,
            without_manifests: false,
        }
    }

    async fn install(&self) {
        let named = cluster(&self.running, Some("dmp"));
        dmpctl::install::command::run(&named, &self.install_command())
            .await
            .unwrap_or_else(|error| panic!("{}", error.for_people()));
    }

    fn gateway(&self, ca: String) -> Gateway {
        Gateway {
            base: format!(
                "https://{}:{}",
                self.running.node_address,
                dmp_appliance::GATEWAY_PORT
            ),
            ca,
        }
    }
}

const EXISTING_CNPG: Dependencies = Dependencies {
    cnpg: Dependency::Existing,
    openbao: Dependency::Managed,
};

fn cluster(running: &Running, context: Option<&str>) -> ClusterOptions {
    ClusterOptions {
        kubeconfig: Some(running.kubeconfig.clone()),
        context: context.map(str::to_owned),
    }
}

#[test]
fn another_cluster_with_a_registry_and_a_cnpg_of_its_own() {
    on_runtime(async {
        let other = Other::start().await;
        let outcome = AssertUnwindSafe(story(&other)).catch_unwind().await;
        if outcome.is_err() {
            let folder = keep(&other.client, "other-cluster").await;
            std::fs::write(folder.join("registry.log"), other.registry.log()).unwrap();
            eprintln!(
                "other-cluster failed; logs and events are in {}",
                folder.display()
            );
        }
        let progress = other.progress.clone();
        drop(other);
        dmp_appliance::clean(&options(), &progress).await.unwrap();
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}

async fn story(other: &Other) {
    refuses_an_unnamed_cluster(other).await;
    let before = preflight(other, None).await;
    assert_eq!(bad(&before), BTreeSet::new(), "nothing to fix on a bare cluster");
    assert!(
        before
            .iter()
            .any(|check| check.verdict == Verdict::Unknown && check.found.contains("not checked")),
        "without images the network is not tried"
    );

    let references = move_images(other).await;
    let after = preflight(other, Some(&references.dmp)).await;
    assert!(
        after.iter().all(|check| check.verdict == Verdict::Good),
        "{after:#?}"
    );

    let begin = Instant::now();
    other.install().await;
    let gateway = ready(other, &references).await;
    eprintln!(
        "installed, two groups Ready: {:.1} s",
        begin.elapsed().as_secs_f64()
    );
    everything_was_pulled_by_digest(other, &references).await;
    the_footprint_is_what_the_pods_request(other).await;

    let verifier = binaries().join("dmp-verify");
    let data = Some(other.running.state.as_path());
    play(
        &other.client,
        &other.progress,
        gateway.clone(),
        Some(&verifier),
        data,
    )
    .await
    .unwrap_or_else(|error| panic!("{}", error.for_people()));
    let mut world = world(other, gateway).await;
    publish::run(&mut world, &Story::silent()).await.unwrap();
    reads_back(&world).await;

    leaves_the_data(other).await;
    let begin = Instant::now();
    other.install().await;
    reads_back(&world).await;
    eprintln!(
        "installed again, readable: {:.1} s",
        begin.elapsed().as_secs_f64()
    );

    removes_the_data_when_told_twice(other).await;
}

async fn refuses_an_unnamed_cluster(other: &Other) {
    let refused = dmpctl::install::command::run(&cluster(&other.running, None), &other.install_command())
        .await
        .unwrap_err();
    assert_eq!(refused.code, "context-missing");
    let definitions: Api<CustomResourceDefinition> = Api::all(other.client.clone());
    let kind = definitions.get_opt("platforms.dmp.ma").await.unwrap();
    assert!(kind.is_none(), "nothing was touched");
}

async fn preflight(other: &Other, image: Option<&str>) -> Vec<Check> {
    let options = PreflightOptions {
        groups: 2,
        sizing: Size::Small,
        storage_class: None,
        dependencies: EXISTING_CNPG,
        dmp_image: None,
        registry: RegistryChoice::default(),
    };
    let checks = preflight::checks(&other.client, &options, image, &other.progress)
        .await
        .unwrap_or_else(|error| panic!("{}", error.for_people()));
    for check in &checks {
        eprintln!("{}", check.line());
    }
    let spaces: Api<Namespace> = Api::all(other.client.clone());
    let left = ListParams::default().labels("dmp.ma/preflight");
    let start = Instant::now();
    while !spaces.list(&left).await.unwrap().items.is_empty() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "preflight leaves its namespace"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    checks
}

fn bad(checks: &[Check]) -> BTreeSet<&'static str> {
    checks
        .iter()
        .filter(|check| check.verdict == Verdict::Bad)
        .map(|check| check.name)
        .collect()
}

/// Out of the build, into a folder, from there into the registry; the node forgets what it had.
async fn move_images(other: &Other) -> References {
    let release = dmp_appliance::release(&options(), &other.progress).await.unwrap();
    let built = ImageSet::from_release(&release).unwrap();
    export::write(&built, other.images.path(), &other.progress).unwrap();
    let carried = ImageSet::from_folder(other.images.path()).unwrap();
    let to = PushOptions {
        registry: other.registry.address.clone(),
        registry_ca: None,
        plain_http: true,
        registry_user: None,
        registry_password: None,
    };
    let pushed = push::run(&carried, &to, &other.progress).await;
    let pushed = pushed.unwrap_or_else(|error| panic!("{}", error.for_people()));
    assert!(pushed.blobs_sent >= 8, "{pushed:?}");
    let again = push::run(&carried, &to, &other.progress).await.unwrap();
    assert_eq!(again.blobs_sent, 0, "{again:?}");
    forget_images(
        &other.running,
        &[&release.dmp, &release.openbao, &release.postgresql],
    );
    References::of(&carried, &other.registry.address).unwrap()
}

/// Applies site, platform and groups, and waits.
async fn ready(other: &Other, references: &References) -> Gateway {
    let objects = up::objects(
        &references.dmp,
        &references.postgresql,
        &up::public_names(&other.running),
        None,
    )
    .unwrap();
    apply::apply_all(&other.client, &objects).await.unwrap();
    wait::all_ready(&other.client, &other.progress, &objects, READY_WITHIN)
        .await
        .unwrap_or_else(|error| panic!("{}", error.for_people()));
    other.gateway(openbao::root_ca(&other.client).await.unwrap())
}

async fn our_pods(other: &Other) -> Vec<Pod> {
    let api: Api<Pod> = Api::all(other.client.clone());
    let ours = ListParams::default().labels("app.kubernetes.io/part-of=dmp");
    let pods = api.list(&ours).await.unwrap().items;
    // Jobs that made a database, and probes of the operator's, are no part of a platform at rest.
    pods.into_iter()
        .filter(|pod| {
            let running = pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running");
            let lasting = pod
                .spec
                .as_ref()
                .is_some_and(|spec| spec.active_deadline_seconds.is_none());
            running && lasting
        })
        .collect()
}

async fn everything_was_pulled_by_digest(other: &Other, references: &References) {
    let mut seen = BTreeSet::new();
    for pod in our_pods(other).await {
        let spec = pod.spec.clone().unwrap();
        for container in spec
            .containers
            .iter()
            .chain(spec.init_containers.iter().flatten())
        {
            let image = container.image.clone().unwrap_or_default();
            // CloudNativePG copies its own program into the pods of its databases.
            if image.contains("/cloudnative-pg:") {
                continue;
            }
            assert!(
                image.starts_with(&other.registry.address) && image.contains("@sha256:"),
                "{}: {image}",
                pod.name_any()
            );
            seen.insert(image);
        }
    }
    let wanted = BTreeSet::from([
        references.dmp.clone(),
        references.openbao.clone(),
        references.postgresql.clone(),
    ]);
    assert_eq!(seen, wanted);
    let log = other.registry.log();
    for reference in wanted {
        let digest = reference.rsplit('@').next().unwrap();
        assert!(
            log.lines()
                .any(|line| line.contains("GET") && line.contains(digest)),
            "the node did not pull {reference}"
        );
    }
}

async fn the_footprint_is_what_the_pods_request(other: &Other) {
    let requested =
        our_pods(other)
            .await
            .iter()
            .map(preflight::requested)
            .fold(Footprint::default(), |sum, pod| Footprint {
                cpu: sum.cpu + pod.cpu,
                memory: sum.memory + pod.memory,
                pods: sum.pods + pod.pods,
                storage: 0,
            });
    let claims: Api<PersistentVolumeClaim> = Api::all(other.client.clone());
    let volumes = claims.list(&ListParams::default()).await.unwrap().items;
    let storage: u64 = volumes.iter().filter_map(gibibytes).sum();
    let planned = preflight::footprint(Sizing::Small, 2);
    assert_eq!(Footprint { storage, ..requested }, planned, "requested, planned");
}

/// Of a claim in whole GiB, as all of ours are.
fn gibibytes(claim: &PersistentVolumeClaim) -> Option<u64> {
    let requests = claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?;
    requests.get("storage")?.0.strip_suffix("Gi")?.parse().ok()
}

async fn world(other: &Other, gateway: Gateway) -> World {
    World::new(&other.client, &other.progress, gateway)
        .await
        .unwrap_or_else(|error| panic!("{}", error.for_people()))
}

/// The patient reads her letter, as soon as everything runs.
async fn reads_back(world: &World) {
    let start = Instant::now();
    let letter = world.binaries.first().unwrap();
    loop {
        let read = async {
            let token = world.patient_token().await.map_err(|error| error.message)?;
            let reply = world.amal.get(&format!("/fhir/{letter}"), Some(&token)).await;
            reply.map_err(|error| error.to_string())
        };
        let answer = match read.await {
            Ok(reply) if reply.status.as_u16() == 200 => {
                assert!(
                    reply.body == world.case.letter.bytes,
                    "other bytes than were written"
                );
                return;
            }
            Ok(reply) => reply.summary(),
            Err(error) => error,
        };
        assert!(start.elapsed() < READY_WITHIN, "not readable: {answer}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// What must outlive an uninstallation: definitions, groups, namespaces, volumes by their uid.
async fn kept(client: &Client) -> BTreeSet<String> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let groups: Api<HealthGroup> = Api::all(client.clone());
    let spaces: Api<Namespace> = Api::all(client.clone());
    let claims: Api<PersistentVolumeClaim> = Api::all(client.clone());
    let all = ListParams::default();
    let mut kept = BTreeSet::new();
    for definition in definitions.list(&all).await.unwrap().items {
        kept.insert(format!("definition {}", definition.name_any()));
    }
    for group in groups.list(&all).await.unwrap().items {
        kept.insert(format!("group {} {}", group.name_any(), group.uid().unwrap()));
    }
    for space in spaces.list(&all).await.unwrap().items {
        kept.insert(format!("namespace {} {}", space.name_any(), space.uid().unwrap()));
    }
    for claim in claims.list(&all).await.unwrap().items {
        kept.insert(format!("volume {} {}", claim.name_any(), claim.uid().unwrap()));
    }
    kept
}

async fn leaves_the_data(other: &Other) {
    let before = kept(&other.client).await;
    assert!(
        before.iter().filter(|line| line.starts_with("volume")).count() >= 9,
        "{before:?}"
    );
    let ended = uninstall(&other.client, &other.progress)
        .await
        .unwrap_or_else(|error| panic!("{}", error.for_people()));
    assert_eq!((ended.workloads, ended.databases), (10, 7), "{ended:?}");
    assert!(ended.rights >= 4, "{ended:?}");
    assert_eq!(our_pods(other).await.len(), 0, "nothing of ours runs");
    let again = uninstall(&other.client, &other.progress).await.unwrap();
    assert_eq!(again, Ended::default(), "a second run ends nothing");
    assert_eq!(kept(&other.client).await, before);

    let mistaken = UninstallOptions {
        delete_data: true,
        confirm: Some("another.example".to_owned()),
    };
    let refused = dmpctl::uninstall::run(&cluster(&other.running, Some("dmp")), &mistaken)
        .await
        .unwrap_err();
    assert_eq!(refused.code, "not-confirmed");
    assert_eq!(kept(&other.client).await, before);
}

async fn removes_the_data_when_told_twice(other: &Other) {
    let sure = UninstallOptions {
        delete_data: true,
        confirm: Some(up::DOMAIN.to_owned()),
    };
    for _ in 0..2 {
        dmpctl::uninstall::run(&cluster(&other.running, Some("dmp")), &sure)
            .await
            .unwrap_or_else(|error| panic!("{}", error.for_people()));
    }
    let definitions: Api<CustomResourceDefinition> = Api::all(other.client.clone());
    let spaces: Api<Namespace> = Api::all(other.client.clone());
    let all = ListParams::default();
    let left: Vec<String> = definitions
        .list(&all)
        .await
        .unwrap()
        .items
        .iter()
        .map(ResourceExt::name_any)
        .collect();
    assert!(left.iter().all(|name| !name.ends_with(".dmp.ma")), "{left:?}");
    assert!(
        left.iter().any(|name| name.ends_with(".cnpg.io")),
        "the cluster's own CloudNativePG stays"
    );
    for space in spaces.list(&all).await.unwrap().items {
        let name = space.name_any();
        assert!(
            !name.starts_with("dmp-") || name == "dmp-storage",
            "{name} is left"
        );
    }
}
