//! One fault on stage: traffic runs, the fault comes, every step passes again, everything acknowledged is there.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dmp_appliance::{Options, PodNetwork};
use dmp_e2e::revocation::Revoked;
use dmp_e2e::stage::{Stage, binaries, keep, on_runtime};
use futures::FutureExt as _;
use tokio::sync::OnceCell;

use crate::cast::Cast;
use crate::cluster::Cluster;
use crate::recovery::{BAR, Verdict};
use crate::report::{self, Outcome};
use crate::steps::{Play, Step};
use crate::traffic::Traffic;
use crate::verify;

/// Before a fault every step passes within this time.
const WARM: Duration = Duration::from_secs(60);
/// A fault is watched at least so long: what fails late is seen.
const WATCH: Duration = Duration::from_secs(12);
/// Longer than the bar, so that the report says how long it took.
const PATIENCE: Duration = Duration::from_secs(180);

/// The appliance with its cast.
pub struct Scene {
    pub stage: Stage,
    pub cluster: Cluster,
    pub play: Arc<Play>,
    /// Tried during every fault, and never let in.
    revoked: Revoked,
    /// Where the recovery shares are.
    pub custody: PathBuf,
}

/// What a test says of its fault.
pub struct Fault {
    /// File name of the outcome.
    pub id: &'static str,
    /// Position in the table.
    pub order: u32,
    pub title: String,
    pub must: &'static str,
}

/// What the test did.
pub struct Happened {
    /// Seconds are counted from here.
    pub since: Instant,
    /// `fault` or `end`.
    pub from: &'static str,
    /// A sentence for the table.
    pub sentence: String,
    /// Recoveries measured before `since`, when the fault has several parts: the longer one counts.
    pub earlier: BTreeMap<Step, Duration>,
}

impl Happened {
    /// A fault that is a moment: seconds are counted from it.
    pub fn at(since: Instant, sentence: impl Into<String>) -> Self {
        Self {
            since,
            from: "fault",
            sentence: sentence.into(),
            earlier: BTreeMap::new(),
        }
    }

    /// A fault that lasted: seconds are counted from its end.
    pub fn ended(since: Instant, sentence: impl Into<String>) -> Self {
        Self {
            from: "end",
            ..Self::at(since, sentence)
        }
    }
}

impl Scene {
    async fn set() -> Self {
        let name = std::env::var("DMP_FAULTS_APPLIANCE").unwrap_or_else(|_| "flt".to_owned());
        Self::set_with(options(&name, 1)).await
    }

    /// Starts (or takes over) an appliance and brings the cast together.
    pub async fn set_with(options: Options) -> Self {
        let stage = Stage::start_with(options.clone()).await;
        let cluster = Cluster {
            client: stage.client.clone(),
            options,
        };
        // One caregiver reads thousands of documents back: above any quota, and quotas are not what is tried here.
        cluster.set_quotas(&["hospital", "patient-app"], 100_000).await;
        let cast = Cast::assemble(&stage)
            .await
            .unwrap_or_else(|error| panic!("the cast cannot be brought together: {error}"));
        Self {
            revoked: Revoked::new(&stage).await,
            custody: stage.running.state.join("custody"),
            play: Arc::new(Play::new(cast)),
            stage,
            cluster,
        }
    }

    /// Plays one fault: `inject` does it and says what happened.
    ///
    /// # Panics
    /// When anything does not hold that must; logs and events are kept.
    pub async fn perform(&self, fault: Fault, inject: impl AsyncFnOnce(&Traffic) -> Happened) {
        let played = AssertUnwindSafe(self.play_one(&fault, inject))
            .catch_unwind()
            .await;
        if let Err(panic) = played {
            let folder = keep(&self.stage.client, &format!("fault-{}", fault.id)).await;
            eprintln!("{} failed; logs and events are in {}", fault.id, folder.display());
            std::panic::resume_unwind(panic);
        }
    }

    async fn play_one(&self, fault: &Fault, inject: impl AsyncFnOnce(&Traffic) -> Happened) {
        self.play
            .begin()
            .await
            .unwrap_or_else(|error| panic!("before the fault: {error}"));
        let traffic = Traffic::start(Arc::clone(&self.play));
        let warm = traffic.all_pass(Instant::now(), WARM).await;
        warm.unwrap_or_else(|error| panic!("before the fault: {error}"));
        drop(self.play.forget_answers());
        eprintln!("{}: begins", fault.title);
        let attempts = self.revoked.attempts();
        let happened = inject(&traffic).await;
        let passed = watch(&traffic, happened.since).await;
        let (tried, answered) = attempts.end();
        assert!(
            tried > 0 && answered == 0,
            "{}: revoked software was answered {answered} times of {tried}",
            fault.title
        );
        let answers = self.play.forget_answers();
        let details: Vec<String> = Step::ALL
            .into_iter()
            .filter_map(|step| {
                let (count, last) = traffic.failures(step, happened.since);
                Some(format!("  {}: {count} failures, last: {}", step.title(), last?))
            })
            .collect();
        drop(traffic);
        let passed = passed.unwrap_or_else(|error| panic!("{}: {error}", fault.title));
        let found = verify::everything(&self.play)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", fault.title));
        let violations = std::mem::take(
            &mut *self
                .play
                .violations
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        );
        assert_eq!(violations, Vec::<String>::new(), "{}", fault.title);

        let steps = passed
            .iter()
            .map(|(step, after)| {
                let earlier = happened.earlier.get(step).copied().unwrap_or_default();
                (*step, seconds((*after).max(earlier)))
            })
            .collect();
        let outcome = Outcome {
            order: fault.order,
            fault: fault.title.clone(),
            must: fault.must.to_owned(),
            happened: sentence(&happened.sentence, &answers),
            steps,
            from: happened.from.to_owned(),
            acknowledged: found.acknowledged,
            repeated: found.repeated,
            date: jiff::Zoned::now().date().to_string(),
            machine: report::machine(),
        };
        eprintln!(
            "{}: {}; all pass after {:.1} s; {} read back, {} repeated\n{}",
            outcome.fault,
            outcome.happened,
            outcome.slowest(),
            outcome.acknowledged,
            outcome.repeated,
            details.join("\n")
        );
        report::keep(fault.id, &outcome);
        assert!(
            report::within_bar(&outcome),
            "{}: {:?}, the bar is {} s",
            outcome.fault,
            outcome.steps,
            BAR.as_secs()
        );
    }
}

/// Waits until all steps pass, at least [`WATCH`] long, and takes the verdict at the end of that time.
async fn watch(traffic: &Traffic, since: Instant) -> Result<BTreeMap<Step, Duration>, String> {
    let rest = WATCH.saturating_sub(since.elapsed());
    tokio::time::sleep(rest).await;
    traffic.all_pass(since, PATIENCE).await
}

/// Of `all_pass` in a middle of a fault: panics with what does not pass.
///
/// # Panics
/// When a step does not pass in time.
pub async fn passes_meanwhile(traffic: &Traffic, since: Instant) -> BTreeMap<Step, Duration> {
    watch(traffic, since)
        .await
        .unwrap_or_else(|error| panic!("meanwhile: {error}"))
}

/// Whether a step passes at the moment, by its repetitions since a moment.
pub fn passes(traffic: &Traffic, step: Step, since: Instant) -> bool {
    matches!(traffic.verdicts(since).get(&step), Some(Verdict::Passes(_)))
}

/// Tenths.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10.0).round() / 10.0
}

fn sentence(said: &str, answers: &BTreeMap<String, usize>) -> String {
    // A refusal is what the step `consent` looks for; it says nothing about the fault.
    let answers: Vec<String> = answers
        .iter()
        .filter(|(answer, _)| !answer.starts_with("403"))
        .map(|(answer, count)| format!("{count} × {answer}"))
        .collect();
    if answers.is_empty() {
        said.to_owned()
    } else {
        format!("{said}; answers: {}", answers.join(", "))
    }
}

/// An appliance of this build; `DMP_NETWORK` says what connects its pods, as for `dmpctl`.
pub fn options(name: &str, nodes: u8) -> Options {
    let network = std::env::var("DMP_NETWORK").ok();
    Options {
        nodes,
        network: network.map(|network| match network.as_str() {
            "plain" => PodNetwork::Plain,
            "cilium" => PodNetwork::Cilium,
            other => panic!("DMP_NETWORK is `plain` or `cilium`, not `{other}`"),
        }),
        ..dmp_e2e::stage::options(name, binaries())
    }
}

static SCENE: OnceCell<Scene> = OnceCell::const_new();

/// Runs a test on the suite's appliance.
pub fn on_scene(test: impl AsyncFnOnce(&'static Scene)) {
    on_runtime(async {
        test(SCENE.get_or_init(Scene::set).await).await;
    });
}
