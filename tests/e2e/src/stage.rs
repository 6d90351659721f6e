//! The appliances under test, and what is kept of one when a test fails.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Instant;

use dmp_appliance::{Options, Progress, Running};
use dmpctl::demo::World;
use dmpctl::demo::gateway::Gateway;
use dmpctl::demo::steps;
use dmpctl::demo::story::Story;
use dmpctl::kubernetes::ClusterOptions;
use dmpctl::up::UpOptions;
use futures::FutureExt as _;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{ListParams, LogParams};
use kube::{Api, Client, ResourceExt as _};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

/// The appliance of all tests but those that would spoil it.
const SHARED: &str = "e2e";

/// A running platform with its two groups.
pub struct Stage {
    pub client: Client,
    pub gateway: Gateway,
    pub running: Running,
    pub progress: Progress,
}

impl Stage {
    /// Starts an appliance.
    pub async fn start_with(options: Options) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let name = options.name.clone();
        let progress = Progress::to_stderr();
        let running = dmp_appliance::up(&options, &progress)
            .await
            .unwrap_or_else(|error| panic!("appliance: {error}"));
        let cluster = ClusterOptions {
            kubeconfig: Some(running.kubeconfig.clone()),
            context: None,
        };
        let client = dmpctl::kubernetes::connect(&cluster).await.unwrap();
        let up = UpOptions {
            appliance: options.clone(),
            custody: Some(running.state.join("custody")),
            no_demo: true,
        };
        let ready = dmpctl::up::ready(&client, &progress, &running, &up).await;
        match ready {
            Ok(gateway) => Self {
                client,
                gateway,
                running,
                progress,
            },
            Err(error) => {
                keep(&client, &format!("start-{name}")).await;
                panic!("{}", error.for_people());
            }
        }
    }

    /// Ends the appliance and removes its data.
    pub async fn discard(self) {
        let options = Options {
            name: self.running.name,
            ..Options::default()
        };
        dmp_appliance::clean(&options, &self.progress).await.unwrap();
    }

    /// Software with certificates, the directory, and a patient of this test's own who is not registered yet.
    pub async fn world(&self) -> World {
        World::new(&self.client, &self.progress, self.gateway.clone())
            .await
            .unwrap_or_else(|e| panic!("{}", e.for_people()))
    }

    /// As [`Stage::world`], after the first two steps: the patient has two documents and a care relation.
    pub async fn world_with_relation(&self) -> World {
        let story = Story::silent();
        let mut world = self.world().await;
        steps::publish::run(&mut world, &story)
            .await
            .unwrap_or_else(|e| panic!("{}", e.for_people()));
        steps::read::run(&mut world, &story)
            .await
            .unwrap_or_else(|e| panic!("{}", e.for_people()));
        assert_eq!(story.failures(), Vec::<String>::new());
        world
    }
}

/// The folder with `dmp`, `dmp-operator` and `dmp-verify`: the build's.
pub fn binaries() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().to_owned()
}

/// The foreign test data; a visible skip when they are not there.
pub fn testdata(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("DMP_TESTDATA")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/testdata"));
    let folder = root.join(folder);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: the test data `{}` are not there (DMP_TESTDATA)",
        folder.display()
    );
    None
}

/// Where `make plaintext` puts a `dmp` that writes records unencrypted.
pub fn plaintext_binaries() -> PathBuf {
    let folder = binaries().with_file_name("plaintext-at-rest");
    assert!(
        folder.join("dmp").exists(),
        "the build that does not encrypt is missing: run `make plaintext`"
    );
    folder
}

static RUNTIME: OnceLock<Runtime> = OnceLock::new();
static STAGE: OnceCell<Stage> = OnceCell::const_new();

fn runtime() -> &'static Runtime {
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap()
    })
}

/// Runs what a test does on the suite's runtime.
pub fn on_runtime<T>(test: impl Future<Output = T>) -> T {
    runtime().block_on(test)
}

/// Runs one test on the shared stage and says how long it took; when it fails, keeps what explains it.
pub fn on_stage(name: &str, test: impl AsyncFnOnce(&'static Stage)) {
    runtime().block_on(async {
        let stage = STAGE
            .get_or_init(|| Stage::start_with(options(SHARED, binaries())))
            .await;
        let begin = Instant::now();
        let outcome = AssertUnwindSafe(test(stage)).catch_unwind().await;
        eprintln!("{name}: {:.0} s", begin.elapsed().as_secs_f64());
        if let Err(panic) = outcome {
            let folder = keep(&stage.client, name).await;
            eprintln!("{name} failed; logs and events are in {}", folder.display());
            std::panic::resume_unwind(panic);
        }
    });
}

/// Runs one test on an appliance of its own, which is discarded afterwards whatever happened.
pub fn on_own_stage(name: &str, options: Options, test: impl AsyncFnOnce(&Stage)) {
    runtime().block_on(async {
        let begin = Instant::now();
        let stage = Stage::start_with(options).await;
        let outcome = AssertUnwindSafe(test(&stage)).catch_unwind().await;
        if outcome.is_err() {
            let folder = keep(&stage.client, name).await;
            eprintln!("{name} failed; logs and events are in {}", folder.display());
        }
        stage.discard().await;
        eprintln!("{name}: {:.0} s", begin.elapsed().as_secs_f64());
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}

/// An appliance of that name with the `dmp` and `dmp-operator` of that folder.
pub fn options(name: &str, binaries: PathBuf) -> Options {
    Options {
        name: name.parse().unwrap(),
        binaries: Some(binaries),
        cache: std::env::var_os("DMP_CACHE").map(PathBuf::from),
        ..Options::default()
    }
}

/// Logs of all pods, events and custom resources, in one folder.
pub async fn keep(client: &Client, test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../artifacts/e2e")
        .join(test);
    std::fs::create_dir_all(&folder).unwrap();
    let mut overview = String::new();
    let pods: Api<Pod> = Api::all(client.clone());
    for pod in pods
        .list(&ListParams::default())
        .await
        .map(|list| list.items)
        .unwrap_or_default()
    {
        let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
        let phase = pod
            .status
            .as_ref()
            .and_then(|status| status.phase.clone())
            .unwrap_or_default();
        overview.push_str(&format!("{namespace}/{name} {phase}\n"));
        let api: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        for container in pod.spec.iter().flat_map(|spec| {
            spec.containers
                .iter()
                .chain(spec.init_containers.iter().flatten())
        }) {
            for previous in [false, true] {
                let parameters = LogParams {
                    container: Some(container.name.clone()),
                    previous,
                    ..LogParams::default()
                };
                if let Ok(log) = api.logs(&name, &parameters).await {
                    let suffix = if previous { "-previous" } else { "" };
                    let file = folder.join(format!("{namespace}-{name}-{}{suffix}.log", container.name));
                    std::fs::write(file, log).unwrap();
                }
            }
        }
    }
    std::fs::write(folder.join("pods.txt"), overview).unwrap();
    let events: Api<Event> = Api::all(client.clone());
    let mut lines = String::new();
    for event in events
        .list(&ListParams::default())
        .await
        .map(|list| list.items)
        .unwrap_or_default()
    {
        lines.push_str(&format!(
            "{}/{} {} {}: {}\n",
            event.involved_object.namespace.unwrap_or_default(),
            event.involved_object.name.unwrap_or_default(),
            event.type_.unwrap_or_default(),
            event.reason.unwrap_or_default(),
            event.message.unwrap_or_default()
        ));
    }
    std::fs::write(folder.join("events.txt"), lines).unwrap();
    if let Ok(text) = dmpctl::status::screen(client).await {
        std::fs::write(folder.join("status.txt"), text).unwrap();
    }
    folder
}
