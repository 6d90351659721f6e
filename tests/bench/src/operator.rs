//! Many health groups: cold start, idleness, one change among them, groups that fail beside it, take-over, memory.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use dmp_api::HealthGroup;
use dmp_testkit::requests;
use futures::StreamExt as _;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ResourceQuota;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::evaluation::evaluation;
use crate::measure::{Latencies, Memory, processor_time};
use crate::nodes;
use crate::report::{Table, place};
use crate::world::{Operator, World, manifests};

/// Groups applied, prepared or changed at once.
const AT_ONCE: usize = 16;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Args)]
pub struct Options {
    /// Number of health groups.
    #[arg(long, default_value_t = 100)]
    pub groups: usize,
    /// Changes whose latency is measured, one after the other.
    #[arg(long, default_value_t = 200)]
    pub changes: usize,
    /// Groups that fail, in the part that has some.
    #[arg(long, default_value_t = 20)]
    pub failing: usize,
    /// Seconds of idleness that are watched.
    #[arg(long, default_value_t = 60)]
    pub idle: u64,
    /// The operator's binary; the one beside this program by default.
    #[arg(long)]
    pub operator: Option<PathBuf>,
    /// Page of the documentation whose table is replaced.
    #[arg(long)]
    pub write: Option<PathBuf>,
}

/// Of each group: the generation whose verdict was seen, and whether it was `Ready`.
type Seen = Arc<Mutex<HashMap<String, (i64, bool)>>>;

/// The bench's own eyes: a watch of all groups.
fn watch(world: &World) -> Seen {
    let seen = Seen::default();
    let (api, out) = (Api::<HealthGroup>::all(world.client.clone()), Arc::clone(&seen));
    drop(tokio::spawn(async move {
        let groups = watcher(api, watcher::Config::default())
            .default_backoff()
            .applied_objects();
        groups
            .for_each(|group| {
                if let Ok(group) = group {
                    let status = group.status.clone().unwrap_or_default();
                    let ready = status
                        .conditions
                        .iter()
                        .find(|condition| condition.type_ == "Ready");
                    let of =
                        |ready: &Condition| (ready.observed_generation.unwrap_or(0), ready.status == "True");
                    let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
                    out.insert(group.name_any(), ready.map_or((0, false), of));
                }
                std::future::ready(())
            })
            .await;
    }));
    seen
}

fn ready(seen: &Seen, prefix: &str) -> usize {
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.iter()
        .filter(|(name, (_, ready))| name.starts_with(prefix) && *ready)
        .count()
}

fn is_reconciled(seen: &Seen, name: &str, generation: i64) -> bool {
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.get(name)
        .is_some_and(|(observed, ready)| *observed >= generation && *ready)
}

async fn until(what: &str, limit: Duration, holds: impl AsyncFn() -> bool) -> Duration {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        sleep(LOOK).await;
    }
    start.elapsed()
}

fn group(name: &str, storage: i64) -> Value {
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "HealthGroup", "metadata": { "name": name },
        "spec": {
            "kind": "gst", "region": "MA-01", "site": "tanger-1", "mode": "sandbox",
            "controller": { "name": "A group of the measurement" },
            "quotas": { "storageGib": storage },
        },
    })
}

fn name(number: usize) -> String {
    format!("bench-{number:04}")
}

/// A change of a group's quota, from the API server's answer to the group's `Ready` about it.
async fn change(world: &World, seen: &Seen, name: &str, storage: i64) -> Duration {
    let live = world.apply(&group(name, storage)).await;
    let generation = live.metadata.generation.unwrap_or_default();
    let start = Instant::now();
    while !is_reconciled(seen, name, generation) {
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "{name} is not reconciled"
        );
        sleep(Duration::from_millis(1)).await;
    }
    start.elapsed()
}

async fn leader(world: &World) -> Option<String> {
    let leases = Api::<Lease>::namespaced(world.client.clone(), "dmp-system");
    leases.get_opt("dmp-operator").await.ok()??.spec?.holder_identity
}

async fn condition(world: &World, name: &str) -> Option<String> {
    let platform = Api::<dmp_api::Platform>::all(world.client.clone())
        .get("national")
        .await
        .ok()?;
    let conditions = platform.status?.conditions;
    conditions
        .into_iter()
        .find(|condition| condition.type_ == name)
        .map(|condition| condition.status)
}

/// Whether nobody writes any more: two looks at the count of requests.
async fn settled(world: &World) -> bool {
    let before = requests::writes(&world.metrics().await);
    sleep(Duration::from_secs(7)).await;
    before == requests::writes(&world.metrics().await)
}

/// Runs it all; the table. `None` without the parts.
pub async fn run(options: &Options) -> Option<String> {
    let binary = options.operator.clone().unwrap_or_else(|| {
        let own = std::env::current_exe().expect("a program");
        own.with_file_name("dmp-operator")
    });
    let world = World::start(&binary).await?;
    let mut table = Table::default();
    let seen = watch(&world);
    nodes::play(&world.client);
    for object in manifests("samples/sites.yaml") {
        world.apply(&object).await;
    }
    world.apply(&manifests("samples/platform.yaml").remove(0)).await;
    futures::stream::iter(0..options.groups)
        .for_each_concurrent(AT_ONCE, |number| {
            let world = &world;
            async move { world.prepare_group(&name(number)).await }
        })
        .await;

    let mut operator = world.operator("one");
    cold_start(&world, &seen, options, &mut table).await;
    idle(&world, &operator, options, &mut table).await;
    changes(&world, &seen, options, &mut table).await;
    operator = take_over(&world, &seen, operator, options, &mut table).await;
    let memory = Memory::of(operator.pid());
    table.row(
        "memory after all of it: now, peak",
        format!("{} MiB, {} MiB", memory.now, memory.peak),
    );
    let groups: Vec<_> = (0..options.groups).map(name).collect();
    evaluation(&world, &groups, &mut table).await;

    Some(table.markdown(&format!(
        "{} health groups, for a while beside {} that fail; {}; one API server, etcd without fsync, OpenBao in memory, all \
         on this machine.",
        options.groups,
        options.failing,
        place()
    )))
}

async fn cold_start(world: &World, seen: &Seen, options: &Options, table: &mut Table) {
    let limit = Duration::from_secs(60 + options.groups as u64);
    let up = async || condition(world, "Ready").await.as_deref() == Some("True");
    until("the platform", limit, up).await;
    let start = Instant::now();
    futures::stream::iter(0..options.groups)
        .for_each_concurrent(AT_ONCE, |number| async move {
            world.apply(&group(&name(number), 100)).await;
        })
        .await;
    let applied = start.elapsed();
    let all = async || ready(seen, "bench-") == options.groups;
    let _ = until("all groups", limit, all).await;
    table.row(
        "cold start: all applied, all `Ready`",
        format!(
            "{:.1} s, {:.1} s",
            applied.as_secs_f64(),
            start.elapsed().as_secs_f64()
        ),
    );
    let enforced = async || condition(world, "NetworkPolicyEnforced").await.as_deref() == Some("True");
    let _ = until("the probes", limit, enforced).await;
    table.row(
        "network probed in every namespace (pods played by the bench)",
        format!(
            "{:.1} s after the first group was applied",
            start.elapsed().as_secs_f64()
        ),
    );
}

async fn idle(world: &World, operator: &Operator, options: &Options, table: &mut Table) {
    let quiet = async || settled(world).await;
    let _ = until("quiet", Duration::from_secs(300), quiet).await;
    let before = world.metrics().await;
    let busy = processor_time(operator.pid());
    sleep(Duration::from_secs(options.idle)).await;
    let after = world.metrics().await;
    let busy = processor_time(operator.pid()).saturating_sub(busy);
    let memory = Memory::of(operator.pid());
    table.row(
        format!("idle for {} s: write requests (leases excepted)", options.idle),
        (requests::writes(&after) - requests::writes(&before)).to_string(),
    );
    table.row(
        format!(
            "idle for {} s: reads, processor time of the operator",
            options.idle
        ),
        format!(
            "{}, {:.2} s",
            requests::reads(&after) - requests::reads(&before),
            busy.as_secs_f64()
        ),
    );
    table.row(
        "memory when idle: now, peak",
        format!("{} MiB, {} MiB", memory.now, memory.peak),
    );
}

async fn changes(world: &World, seen: &Seen, options: &Options, table: &mut Table) {
    let mut alone = Latencies::default();
    for number in 0..options.changes {
        let name = name(rand::random_range(0..options.groups));
        alone.add(change(world, seen, &name, 200 + number as i64).await);
    }
    table.row(
        "one change, from answer to `Ready`: p50 / p99 / max",
        alone.text(),
    );

    let burst: Vec<Duration> = futures::stream::iter(0..options.groups.min(50))
        .map(|number| async move { change(world, seen, &name(number), 1000).await })
        .buffer_unordered(50)
        .collect()
        .await;
    let mut together = Latencies::default();
    burst.into_iter().for_each(|latency| together.add(latency));
    table.row(
        "changes of many groups at once, each: p50 / p99 / max",
        together.text(),
    );

    // Groups whose quota the API server refuses: they are tried again and again.
    refuse(world).await;
    let failing = || (0..options.failing).map(|number| format!("failing-{number:04}"));
    futures::stream::iter(failing())
        .for_each_concurrent(AT_ONCE, |name| async move {
            world.prepare_group(&name).await;
            world.apply(&group(&name, 100)).await;
        })
        .await;
    sleep(Duration::from_secs(5)).await;
    let mut beside = Latencies::default();
    for number in 0..options.changes {
        let name = name(rand::random_range(0..options.groups));
        beside.add(change(world, seen, &name, 2000 + number as i64).await);
    }
    assert_eq!(ready(seen, "failing-"), 0, "they fail");
    table.row(
        format!(
            "one change beside {} failing groups: p50 / p99 / max",
            options.failing
        ),
        beside.text(),
    );
    let api = Api::<HealthGroup>::all(world.client.clone());
    for name in failing() {
        let unprotected = Patch::Merge(json!({ "spec": { "deletionProtection": false } }));
        api.patch(&name, &PatchParams::default(), &unprotected)
            .await
            .expect("a patch");
        let _ = api.delete(&name, &Default::default()).await;
    }
}

/// Sets the refusal up, and waits until the API server acts on it.
async fn refuse(world: &World) {
    for object in refusal() {
        world.apply(&object).await;
    }
    let namespace = "dmp-failing-check";
    let space = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
    world.apply(&space).await;
    let quotas = Api::<ResourceQuota>::namespaced(world.client.clone(), namespace);
    let trial = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let quota: ResourceQuota =
        serde_json::from_value(json!({ "metadata": { "name": "q" } })).expect("a quota");
    let refused = async || quotas.create(&trial, &quota).await.is_err();
    let _ = until("the refusal", Duration::from_secs(60), refused).await;
}

/// An admission policy that refuses the quotas of groups named `failing-…`.
fn refusal() -> [Value; 2] {
    [
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": "bench-failing" },
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": { "resourceRules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "resources": ["resourcequotas"],
                    "operations": ["CREATE", "UPDATE"],
                }] },
                "validations": [{
                    "expression": "!request.namespace.startsWith('dmp-failing-')", "message": "it shall fail",
                }],
            },
        }),
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": "bench-failing" },
            "spec": { "policyName": "bench-failing", "validationActions": ["Deny"] },
        }),
    ]
}

/// Another replica takes over: after SIGTERM, after SIGKILL. The one that leads at the end.
async fn take_over(
    world: &World,
    seen: &Seen,
    mut operator: Operator,
    options: &Options,
    table: &mut Table,
) -> Operator {
    let limit = Duration::from_secs(120);
    let mut names = ["two", "three"].into_iter();
    for (how, gracefully) in [("SIGTERM", true), ("SIGKILL", false)] {
        let next = names.next().expect("a name");
        let other = world.operator(next);
        // It has listed everything and waits for the lease.
        sleep(Duration::from_secs(5)).await;
        let writes = requests::writes(&world.metrics().await);
        let start = Instant::now();
        if gracefully {
            operator.stop();
        }
        drop(std::mem::replace(&mut operator, other));
        let latency = change(world, seen, &name(0), if gracefully { 3000 } else { 3001 }).await;
        let leads = async || leader(world).await.as_deref() == Some(next);
        let _ = until("the other leads", limit, leads).await;
        table.row(
            format!("leader ends by {how}: a change made at once is reconciled after"),
            format!("{:.1} s", latency.as_secs_f64()),
        );
        let wanted = options.groups as u64;
        let passed = async || operator.passes("health-group", "completed").await >= wanted;
        let _ = until(
            "all groups have had a pass",
            Duration::from_secs(60 + 2 * wanted),
            passed,
        )
        .await;
        let enforced = async || settled(world).await;
        let _ = until("quiet", Duration::from_secs(60 + 4 * wanted), enforced).await;
        let writes = requests::writes(&world.metrics().await) - writes;
        table.row(
            format!(
                "leader ends by {how}: the other has seen every group through, write requests made for it"
            ),
            format!("{:.1} s, {writes}", start.elapsed().as_secs_f64()),
        );
    }
    operator
}
