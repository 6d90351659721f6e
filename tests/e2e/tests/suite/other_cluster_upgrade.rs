//! `dmpctl upgrade` while traffic runs: no acknowledged write is lost, no reader needs more than one retry.
//!
//! `make upgrade-test` builds the previous release (a commit) and upgrades from it; before that it upgrades to the same
//! program under another name, which rolls out everything as any other image would. Not part of `make test`.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dmp_api::Platform;
use dmp_api::names::PLATFORM;
use dmp_appliance::{Options, Progress};
use dmp_faults::cast::Cast;
use dmp_faults::steps::{Play, Step};
use dmp_faults::traffic::Traffic;
use dmp_faults::verify;
use dmpctl::demo::gateway::Gateway;
use dmpctl::install::{ProductImages, openbao};
use dmpctl::kubernetes::{ClusterOptions, apply, wait};
use dmpctl::up;
use dmpctl::upgrade::{Target, upgrade};
use futures::FutureExt as _;
use kube::Api;

use crate::other_cluster_registry::name_image;
use crate::stage::{Stage, binaries, on_runtime, on_stage, options};

/// Traffic runs well before it is disturbed.
const WARM: Duration = Duration::from_secs(60);
/// What fails late is seen.
const AFTER: Duration = Duration::from_secs(15);
/// A reader that was answered otherwise tries again after this time.
const RETRY: Duration = Duration::from_millis(500);
const READ_PAUSE: Duration = Duration::from_millis(200);
/// A read that takes longer has failed.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// What readers saw.
#[derive(Default)]
struct Reads {
    count: AtomicUsize,
    retried: AtomicUsize,
    failed: std::sync::Mutex<Vec<String>>,
}

/// Reads acknowledged documents all the time; a failure is tried once more.
async fn read(play: Arc<Play>, reads: Arc<Reads>) {
    for turn in 0_usize.. {
        let entries = play.ledger().acknowledgements();
        if let Some((_, entry)) = entries.get(turn % entries.len().max(1)) {
            let once = || async {
                match tokio::time::timeout(READ_LIMIT, play.retrieve(entry)).await {
                    Ok(outcome) => outcome,
                    Err(_) => Err(format!("nothing within {} s", READ_LIMIT.as_secs())),
                }
            };
            reads.count.fetch_add(1, Ordering::Relaxed);
            if let Err(first) = once().await {
                reads.retried.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(RETRY).await;
                if let Err(second) = once().await {
                    reads
                        .failed
                        .lock()
                        .unwrap()
                        .push(format!("{first}, then {second}"));
                }
            }
        }
        tokio::time::sleep(READ_PAUSE).await;
    }
}

/// Upgrades to each target under traffic, one after the other.
async fn upgrade_under_traffic(stage: &Stage, targets: &[Target]) {
    let cast = Cast::assemble(stage).await.unwrap();
    let play = Arc::new(Play::new(cast));
    play.begin().await.unwrap();
    let traffic = Traffic::start(Arc::clone(&play));
    traffic.all_pass(Instant::now(), WARM).await.unwrap();
    let reads = Arc::new(Reads::default());
    let readers: Vec<_> = (0..3)
        .map(|_| tokio::spawn(read(Arc::clone(&play), Arc::clone(&reads))))
        .collect();
    let begin = Instant::now();
    for target in targets {
        let start = Instant::now();
        upgrade(&stage.client, &stage.progress, target)
            .await
            .unwrap_or_else(|error| panic!("{}", error.for_people()));
        eprintln!(
            "upgraded to {} in {:.1} s",
            target.images.dmp,
            start.elapsed().as_secs_f64()
        );
    }
    tokio::time::sleep(AFTER).await;
    let passed = traffic.all_pass(begin, WARM).await;
    for step in Step::ALL {
        let (count, last) = traffic.failures(step, begin);
        eprintln!(
            "  {}: {count} failures {}",
            step.title(),
            last.unwrap_or_default()
        );
    }
    for reader in &readers {
        reader.abort();
    }
    drop(traffic);
    passed.unwrap();
    let found = verify::everything(&play).await.unwrap();
    eprintln!(
        "{} acknowledged writes read back; {} reads, {} of them after a retry",
        found.acknowledged,
        reads.count.load(Ordering::Relaxed),
        reads.retried.load(Ordering::Relaxed)
    );
    assert!(found.acknowledged > 20, "there was traffic");
    assert!(reads.count.load(Ordering::Relaxed) > 50, "there were readers");
    assert_eq!(
        *reads.failed.lock().unwrap(),
        Vec::<String>::new(),
        "more than a retry"
    );
    assert_eq!(*play.violations.lock().unwrap(), Vec::<String>::new());
}

fn target(stage: &Stage, dmp: &str) -> Target {
    Target {
        images: ProductImages {
            dmp: dmp.to_owned(),
            openbao: stage.running.images.openbao.reference.clone(),
        },
        postgres: None,
        release: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

#[test]
fn an_upgrade_under_traffic_loses_nothing() {
    on_stage("upgrade", async |stage| {
        let own = &stage.running.images.dmp.reference;
        let (tagged, _) = own.split_once('@').unwrap();
        let other = format!("{tagged}-again");
        name_image(&stage.running, &stage.running.images.dmp.stored(), &other);
        upgrade_under_traffic(stage, &[target(stage, &other), target(stage, own)]).await;
        let platforms: Api<Platform> = Api::all(stage.client.clone());
        assert_eq!(&platforms.get(PLATFORM).await.unwrap().spec.images.dmp, own);
    });
}

/// Where `make upgrade-test` puts the programs of the previous release.
fn previous_binaries() -> Option<PathBuf> {
    let folder = binaries().with_file_name("previous");
    folder.join("dmpctl").exists().then_some(folder)
}

#[test]
fn the_previous_release_becomes_this_one_under_traffic() {
    let Some(previous) = previous_binaries() else {
        eprintln!("skipped: no previous release is built (make upgrade-test)");
        return;
    };
    on_runtime(async {
        let progress = Progress::to_stderr();
        let outcome = AssertUnwindSafe(from_previous(&previous, &progress))
            .catch_unwind()
            .await;
        dmp_appliance::clean(&on_othup(&previous), &progress)
            .await
            .unwrap();
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}

fn on_othup(binaries: &Path) -> Options {
    options("othup", binaries.to_owned())
}

async fn from_previous(previous: &Path, progress: &Progress) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let running = dmp_appliance::up(&on_othup(previous), progress).await.unwrap();
    // Its own dmpctl installs it, with its own manifests and custom resources.
    let installed = Command::new(previous.join("dmpctl"))
        .arg("--kubeconfig")
        .arg(&running.kubeconfig)
        .args(["--context", "dmp", "install", "--demonstration", "--custody"])
        .arg(running.state.join("custody"))
        .args(["--dmp-image", &running.images.dmp.reference])
        .args(["--openbao-image", &running.images.openbao.reference])
        .status()
        .unwrap();
    assert!(installed.success(), "the previous release did not install");
    let cluster = ClusterOptions {
        kubeconfig: Some(running.kubeconfig.clone()),
        context: Some("dmp".to_owned()),
    };
    let client = dmpctl::kubernetes::connect_named(&cluster).await.unwrap();
    let images = &running.images;
    let names = up::public_names(&running);
    let objects = up::objects(&images.dmp.reference, &images.postgresql.reference, &names, None).unwrap();
    apply::apply_all(&client, &objects).await.unwrap();
    wait::all_ready(&client, progress, &objects, Duration::from_secs(300))
        .await
        .unwrap_or_else(|error| panic!("{}", error.for_people()));

    let current = dmp_appliance::images(&on_othup(&binaries()), progress)
        .await
        .unwrap();
    assert_ne!(
        current.dmp.reference, running.images.dmp.reference,
        "another build"
    );
    let gateway = Gateway {
        base: format!("https://{}:{}", running.node_address, dmp_appliance::GATEWAY_PORT),
        ca: openbao::root_ca(&client).await.unwrap(),
    };
    let stage = Stage {
        client,
        gateway,
        running,
        progress: progress.clone(),
    };
    let next = target(&stage, &current.dmp.reference);
    upgrade_under_traffic(&stage, &[next]).await;
}
