//! What the routes share. A clone is the same portal.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dmp_api::conformance_run::RunMode;
use dmp_conformance::bundle::Mode;
use dmp_conformance::suite::{Suite, SuiteError};
use dmp_conformance::wire::{Candidate, Closed, Judged, Open, Sitting, TestOf, TestSummary};
use dmp_core::problem::{Chain, Problem};
use dmp_homologation::profile;
use dmp_homologation::statement::Run;
use dmp_keys::Client;
use http::StatusCode;
use jiff::Timestamp;
use uuid::Uuid;

use crate::acts::ActLog;
use crate::affected::Affected;
use crate::cluster::Cluster;
use crate::guichet;
use crate::registry::Registry;
use crate::sandbox_people::SandboxPeople;
use crate::signatory::SuiteSignatory;
use crate::sittings::{Refusal, Sittings, Terms};
use crate::waiting::Waiting;
use crate::watchers::Watchers;

/// How long the beginning of a test waits for the gateways.
const PATIENCE: Duration = Duration::from_secs(12);

/// See the fields of [`Inner`].
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) domain: String,
    pub(crate) suite: Suite,
    pub(crate) watchers: Watchers,
    pub(crate) cluster: Cluster,
    pub(crate) registry: Registry,
    pub(crate) acts: ActLog,
    pub(crate) affected: Affected,
    pub(crate) people: SandboxPeople,
    pub(crate) catalogue: guichet::HeldCatalogue,
    /// Software that waits for its next certificate.
    pub(crate) renewals: Waiting,
    sittings: Mutex<Sittings>,
    signatory: SuiteSignatory,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// # Errors
    /// When the suite's files are damaged.
    pub(crate) fn new(
        domain: &str,
        issuer: &str,
        openbao: Client,
        cluster: Cluster,
        registry: Registry,
        acts: ActLog,
        affected: Affected,
    ) -> Result<Self, SuiteError> {
        let (first, _) = Uuid::new_v4().as_u64_pair();
        Ok(Self(Arc::new(Inner {
            domain: domain.to_owned(),
            suite: Suite::embedded()?,
            // Half of the numbers are left to count on.
            watchers: Watchers::new(first >> 1),
            cluster,
            registry,
            acts,
            affected,
            people: SandboxPeople::new(openbao.clone(), issuer),
            catalogue: guichet::HeldCatalogue::default(),
            renewals: Waiting::default(),
            sittings: Mutex::default(),
            signatory: SuiteSignatory::new(openbao),
        })))
    }

    pub(crate) fn sittings(&self) -> MutexGuard<'_, Sittings> {
        self.0.sittings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn forget_idle(&self) {
        let credentials = {
            let mut sittings = self.sittings();
            sittings.forget_idle();
            sittings.credentials()
        };
        self.watchers.set(credentials);
    }

    /// Opens a sitting.
    pub(crate) fn open(&self, candidate: Candidate, open: &Open) -> Result<Sitting, Problem> {
        let profile = self.suite.profile(&open.profile).ok_or(Refusal::UnknownProfile)?;
        let (random, _) = Uuid::new_v4().as_u64_pair();
        let terms = Terms::new(open, profile, random)?;
        let (mode, seed, drawn) = (terms.mode, terms.seed, terms.tests.clone());
        let sitting = {
            let mut sittings = self.sittings();
            let id = sittings.open(candidate, profile, terms)?;
            self.watchers.set(sittings.credentials());
            id
        };
        Ok(Sitting {
            sitting,
            profile: profile.scope.clone(),
            version: profile.version.clone(),
            profile_sha256: profile.sha256().to_owned(),
            mode,
            seed,
            tests: profile
                .tests
                .iter()
                .filter(|test| drawn.contains(&test.id))
                .map(|test| TestSummary {
                    id: test.id.clone(),
                    title: test.title.clone(),
                    task: test.task.clone(),
                    action: test.action,
                    given: test.given.clone(),
                })
                .collect(),
        })
    }

    /// Begins a test once every gateway looks on.
    pub(crate) async fn begin(&self, candidate: &Candidate, what: TestOf) -> Result<(), Problem> {
        if !self.watchers.all_know(self.watchers.revision(), PATIENCE).await {
            let title = "not every gateway looks on yet: try again";
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "suite-not-ready",
                title,
            ));
        }
        self.sittings().begin(
            &self.suite,
            &candidate.credential,
            what.sitting,
            &what.test,
            what.given,
        )?;
        Ok(())
    }

    /// Ends a test and judges it.
    pub(crate) fn end(&self, candidate: &Candidate, what: &TestOf) -> Result<Judged, Problem> {
        let judged = self
            .sittings()
            .end(&self.suite, &candidate.credential, what.sitting, &what.test)?;
        Ok(judged)
    }

    /// Ends a sitting and signs what came of it.
    pub(crate) async fn close(&self, candidate: &Candidate, sitting: Uuid) -> Result<Closed, Problem> {
        let closing = {
            let mut sittings = self.sittings();
            let closing = sittings.close(&self.suite, &candidate.credential, sitting)?;
            self.watchers.set(sittings.credentials());
            closing
        };
        let bundle = closing.bundle;
        let described = self
            .suite
            .profile(&bundle.profile)
            .ok_or(Refusal::UnknownProfile)?;
        let (name, spec) = profile::of(described);
        let run = Run {
            solution: closing.candidate.solution,
            version: closing.candidate.version,
            profile: name,
            profile_sha256: dmp_homologation::canonical::sha256(&spec),
            mode: match bundle.mode {
                Mode::Sandbox => RunMode::Sandbox,
                Mode::Rehearsal => RunMode::Rehearsal,
                Mode::Supervised => RunMode::Supervised,
                Mode::Surveillance => RunMode::Surveillance,
            },
            submission_sha256: closing.submission,
            seed: bundle.seed,
            requirements: profile::outcomes(&bundle),
            bundle_sha256: bundle.sha256(),
            signed_at: Timestamp::now(),
        };
        let statement = self.signatory.sign(&run).await.map_err(|error| {
            tracing::error!(error = %Chain(&error), "the result of a sitting could not be signed");
            Problem::unavailable("suite-signature", &error)
        })?;
        if bundle.mode == Mode::Rehearsal {
            self.keep(&run, &statement).await;
        }
        Ok(Closed {
            bundle: bundle.text(),
            statement,
        })
    }
}

impl App {
    /// Writes the platform's own run down. Whoever sat it has the statement too, and can hand it in should this fail.
    async fn keep(&self, run: &Run, statement: &str) {
        if let Err(problem) = guichet::keep_run(&self.cluster, &self.acts, run, statement).await {
            tracing::warn!(%problem, solution = run.solution, "a rehearsal's result was not written down");
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::UnknownProfile | Refusal::UnknownSitting | Refusal::UnknownTest => StatusCode::NOT_FOUND,
            Refusal::TestRunning
            | Refusal::TestNotRunning
            | Refusal::NothingSat
            | Refusal::SatAlready
            | Refusal::Incomplete => StatusCode::CONFLICT,
            Refusal::SubmissionNeeded | Refusal::SubmissionGiven | Refusal::ModeNotOffered => {
                StatusCode::BAD_REQUEST
            }
            Refusal::GivenTooLarge | Refusal::TooMuch => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Busy => StatusCode::TOO_MANY_REQUESTS,
        };
        Self::new(status, refusal.code(), refusal.to_string())
    }
}
