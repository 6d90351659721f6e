//! A hundred thousand credentials: what they cost a gateway (its start, its memory, each request, each change) and the operator.
//!
//! On a real etcd, kube-apiserver and OpenBao, with the programs `dmp gateway` and `dmp-operator`. The bench holds the operators'
//! lease: the replica serves facts and reconciles nothing, and the bench writes the statuses that a hundred thousand signatures
//! would have left. One credential is real: its software sends the requests that are measured.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use futures::StreamExt as _;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::gateway::{Gateway, Software, until_it_tells};
use crate::measure::{Latencies, Memory, processor_time};
use crate::report::{Table, place};
use crate::world::{Operator, World, manifests};

/// Objects written at once.
const AT_ONCE: usize = 32;
/// Credentials of one vendor.
const OF_A_VENDOR: usize = 500;
const VENDORS: &str = "vendor-bench-";
/// Whose requests are measured.
const NAMESPACE: &str = "vendor-atlas";
const NAME: &str = "measured";
/// Requests before those that are measured: they open the connection.
const WARM: usize = 100;
const LIMIT: Duration = Duration::from_secs(300);

#[derive(Args)]
pub struct Options {
    /// Number of credentials.
    #[arg(long, default_value_t = 100_000)]
    pub credentials: usize,
    /// Number they are compared with.
    #[arg(long, default_value_t = 100)]
    pub few: usize,
    /// Requests measured with each number, one after the other.
    #[arg(long, default_value_t = 5_000)]
    pub requests: usize,
    /// Changes of a credential whose latency is measured.
    #[arg(long, default_value_t = 20)]
    pub changes: usize,
    /// Seconds of renewals, ten a second, and of idleness.
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
    /// Folder with `dmp` and `dmp-operator`; that of this program by default.
    #[arg(long)]
    pub binaries: Option<PathBuf>,
    /// Page of the documentation whose table is replaced.
    #[arg(long)]
    pub write: Option<PathBuf>,
}

fn credential(namespace: &str, name: &str, csr: &str) -> Value {
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionCredential",
        "metadata": { "namespace": namespace, "name": name },
        "spec": {
            "solution": "atlas-sih", "version": "4.2", "mode": "sandbox", "csr": csr,
            "establishment": { "inpe": "123456789" }, "healthGroup": "tanger-tetouan-al-hoceima",
        },
    })
}

fn status(software: &Software, sha256: &str) -> Value {
    json!({ "status": {
        "observedGeneration": 1, "certificate": software.chain, "certificateSha256": sha256,
        "serial": "01:02:03:04:05:06:07:08", "notAfter": "2027-01-01T00:00:00Z", "csrSha256": "c".repeat(64),
        "quota": { "perSecond": 1, "burst": 1 },
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "Ready", "message": "", "observedGeneration": 1,
            "lastTransitionTime": "2026-11-29T00:00:00Z",
        }],
    }})
}

async fn set_status(world: &World, object: &Value, status: &Value) {
    let name = object["metadata"]["name"].as_str().expect("a name");
    let answer = world
        .api(object)
        .patch_status(name, &PatchParams::default(), &Patch::Merge(status))
        .await;
    answer.expect("its status is written");
}

/// Some certificate's hash, by number.
fn sha256(number: usize) -> String {
    format!("{number:064x}")
}

/// The `number`th of those that only are there.
fn bystander(number: usize, csr: &str) -> Value {
    let namespace = format!("{VENDORS}{}", number / OF_A_VENDOR);
    credential(&namespace, &format!("c-{number:06}"), csr)
}

/// Writes the credentials of these numbers, with the vendors they begin.
async fn write(world: &World, software: &Software, numbers: std::ops::Range<usize>) {
    let begin = Instant::now();
    let total = numbers.end;
    for number in numbers
        .clone()
        .filter(|number| number.is_multiple_of(OF_A_VENDOR))
    {
        let namespace = format!("{VENDORS}{}", number / OF_A_VENDOR);
        world
            .apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } }))
            .await;
        let mut solution = manifests("samples/vendor.yaml").remove(1);
        solution["metadata"]["namespace"] = json!(namespace);
        solution["spec"]["vendor"] = json!(namespace.trim_start_matches("vendor-"));
        world.apply(&solution).await;
    }
    futures::stream::iter(numbers)
        .for_each_concurrent(AT_ONCE, |number| async move {
            let object = bystander(number, &software.csr);
            let dynamic = serde_json::from_value(object.clone()).expect("an object");
            let created = world.api(&object).create(&PostParams::default(), &dynamic).await;
            created.expect("a credential is written");
            set_status(world, &object, &status(software, &sha256(number))).await;
            if number % 10_000 == 9_999 {
                eprintln!("{} of {total} written after {:?}", number + 1, begin.elapsed());
            }
        })
        .await;
}

/// What is measured of one number of credentials.
struct Measured {
    operator: Operator,
    gateway: Gateway,
    start: Duration,
    requests: Latencies,
}

async fn measure(world: &World, software: &Software, options: &Options, number: usize) -> Measured {
    let operator = world.operator("one");
    let begin = Instant::now();
    until_it_tells(world, &operator, LIMIT).await;
    eprintln!(
        "{number} credentials: the operator tells them after {:?}",
        begin.elapsed()
    );
    let begin = Instant::now();
    let gateway = Gateway::start(world, &operator, options.binaries.as_deref()).await;
    gateway.until_ready(LIMIT).await;
    let start = begin.elapsed();
    eprintln!("{number} credentials: gateway ready after {start:?}");
    let http = software.client(&gateway);
    let mut requests = Vec::new();
    for _ in 0..options.requests + WARM {
        let begin = Instant::now();
        let answer = gateway.ask(&http).await;
        assert_eq!(answer, 200, "the software is let in");
        requests.push(begin.elapsed());
    }
    Measured {
        operator,
        gateway,
        start,
        requests: Latencies::of(requests.split_off(WARM)),
    }
}

/// From the API server's answer to a changed certificate until the gateway refuses the old one, and back.
async fn change(world: &World, software: &Software, measured: &Measured, times: usize) -> Latencies {
    let mut latencies = Latencies::default();
    let object = credential(NAMESPACE, NAME, &software.csr);
    for time in 0..times * 2 {
        let (sha256, wanted) = if time % 2 == 0 {
            (sha256(7), 401)
        } else {
            (software.sha256.clone(), 200)
        };
        set_status(world, &object, &status(software, &sha256)).await;
        let begin = Instant::now();
        loop {
            // A new connection each time: one that is open may be closed first.
            let answer = measured.gateway.ask(&software.client(&measured.gateway)).await;
            if (answer == 200) == (wanted == 200) {
                break;
            }
            assert!(begin.elapsed() < LIMIT, "the change is not heard of");
            sleep(Duration::from_millis(20)).await;
        }
        latencies.add(begin.elapsed());
        sleep(Duration::from_millis(500)).await;
    }
    latencies
}

/// Ten renewals a second.
async fn renew(world: &World, software: &Software, options: &Options) {
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    for round in 0..options.seconds * 10 {
        tick.tick().await;
        let number = usize::try_from(round * 7_919).expect("a number") % options.credentials;
        let object = bystander(number, &software.csr);
        set_status(world, &object, &status(software, &sha256(number + 1_000_000))).await;
    }
}

/// Runs it all; the table. `None` without the parts.
pub async fn run(options: &Options) -> Option<String> {
    let own = std::env::current_exe().expect("a program");
    let folder = options.binaries.clone();
    let folder = folder.unwrap_or_else(|| own.parent().expect("its folder").to_owned());
    let world = World::start(&folder.join("dmp-operator")).await?;
    let mut table = Table::default();
    world.hold_the_lease("bench").await;
    for file in ["sites", "platform", "vendor", "groups"] {
        for object in manifests(&format!("samples/{file}.yaml")) {
            world.apply(&object).await;
        }
    }
    let software = Software::new(&world, NAMESPACE, NAME).await;
    let object = credential(NAMESPACE, NAME, &software.csr);
    world.apply(&object).await;
    set_status(&world, &object, &status(&software, &software.sha256)).await;

    write(&world, &software, 0..options.few).await;
    let few = measure(&world, &software, options, options.few).await;
    let (few_requests, few_memory) = (few.requests.clone(), Memory::of(few.gateway.pid()));
    drop(few);
    write(&world, &software, options.few..options.credentials).await;
    let many = measure(&world, &software, options, options.credentials).await;

    table.row(
        "gateway, from its start to ready",
        format!("{:.1} s", many.start.as_secs_f64()),
    );
    table.row(
        format!(
            "one request and its answer with {} credentials: p50 / p99",
            options.few
        ),
        few_requests.fine(),
    );
    table.row(
        format!("with {}", options.credentials),
        format!(
            "{}; ratio of the medians {:.2}",
            many.requests.fine(),
            many.requests.ratio(&few_requests)
        ),
    );
    let latencies = change(&world, &software, &many, options.changes).await;
    table.row(
        "a changed certificate, from the API server's answer to the gateway's: p50 / p99 / max",
        latencies.text(),
    );
    let busy = |many: &Measured| {
        (
            processor_time(many.gateway.pid()),
            processor_time(many.operator.pid()),
        )
    };
    let before = busy(&many);
    sleep(Duration::from_secs(options.seconds)).await;
    let idle = busy(&many);
    renew(&world, &software, options).await;
    let renewed = busy(&many);
    let spent = |from: (Duration, Duration), to: (Duration, Duration)| {
        format!(
            "{:.2} s, {:.2} s",
            (to.0 - from.0).as_secs_f64(),
            (to.1 - from.1).as_secs_f64()
        )
    };
    table.row(
        format!(
            "processor time of gateway, operator in {} s of idleness",
            options.seconds
        ),
        spent(before, idle),
    );
    table.row(
        format!("in {} s with ten renewals a second", options.seconds),
        spent(idle, renewed),
    );
    let (gateway, operator) = (Memory::of(many.gateway.pid()), Memory::of(many.operator.pid()));
    table.row(
        format!("memory of the gateway: with {}, now, peak", options.few),
        format!(
            "{} MiB, {} MiB, {} MiB",
            few_memory.now, gateway.now, gateway.peak
        ),
    );
    table.row(
        "memory of a replica that serves facts: now, peak",
        format!("{} MiB, {} MiB", operator.now, operator.peak),
    );
    Some(table.markdown(&format!(
        "{} credentials of {} vendors; {}; one API server, etcd without fsync, OpenBao in memory, all on this machine.",
        options.credentials,
        options.credentials.div_ceil(OF_A_VENDOR),
        place()
    )))
}
