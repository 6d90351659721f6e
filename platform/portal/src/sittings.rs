//! Sittings: a profile's tests, sat by one credential. In memory, bounded in number, size and time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use dmp_conformance::bundle::{Bundle, Mode, Sat};
use dmp_conformance::exchange::Exchange;
use dmp_conformance::judge::judge;
use dmp_conformance::sample::draw;
use dmp_conformance::suite::{Profile, Suite, Test};
use dmp_conformance::wire::{Candidate, Injected, Judged, Open, Running};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// Sittings at once.
const MAX_SITTINGS: usize = 200;
/// Exchanges of one test.
const MAX_EXCHANGES: u32 = 200;
/// Bytes of what was prepared for a test.
const MAX_GIVEN: usize = 2 * 1024 * 1024;
/// Bytes of recorded bodies of one sitting.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Of all sittings together: as JSON they take two or three times as much.
const MAX_TOTAL_BYTES: u64 = 256 * 1024 * 1024;
/// A sitting that nobody touched for so long is over.
pub(crate) const IDLE: Duration = Duration::from_secs(2 * 60 * 60);

/// Why the suite does not do what it is asked. Each has its code and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is no such profile: see GET /dmp/v1/conformance/profiles")]
    UnknownProfile,
    #[error(
        "there is no such sitting of this credential: open one (a sitting ends after two hours, or when another is opened)"
    )]
    UnknownSitting,
    #[error("the profile has no such test")]
    UnknownTest,
    #[error("another test is running: end it first")]
    TestRunning,
    #[error("this test is not running: begin it first")]
    TestNotRunning,
    #[error("what was prepared for the test is larger than 2 MiB")]
    GivenTooLarge,
    #[error("the test exchanged more than the suite records (200 exchanges, 16 MiB of bodies in a sitting)")]
    TooMuch,
    #[error("no test of the sitting has been sat")]
    NothingSat,
    #[error("too many sittings are open, or too much is recorded: try again later")]
    Busy,
    #[error("this mode is of a submission: name its SHA-256 (64 hexadecimal digits), and no seed")]
    SubmissionNeeded,
    #[error("the sandbox knows no submission: leave it out")]
    SubmissionGiven,
    #[error("surveillance is not the vendor's to open")]
    ModeNotOffered,
    #[error("in this mode a test is sat once")]
    SatAlready,
    #[error("in this mode every test of the sitting is sat before it ends")]
    Incomplete,
}

impl Refusal {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::UnknownProfile => "no-such-profile",
            Self::UnknownSitting => "no-such-sitting",
            Self::UnknownTest => "no-such-test",
            Self::TestRunning => "test-running",
            Self::TestNotRunning => "test-not-running",
            Self::GivenTooLarge => "given-too-large",
            Self::TooMuch => "too-much-exchanged",
            Self::NothingSat => "nothing-sat",
            Self::Busy => "suite-busy",
            Self::SubmissionNeeded => "submission-needed",
            Self::SubmissionGiven => "submission-given",
            Self::ModeNotOffered => "mode-not-offered",
            Self::SatAlready => "test-sat",
            Self::Incomplete => "sitting-incomplete",
        }
    }
}

/// All sittings, by credential: each has one at most.
#[derive(Default)]
pub(crate) struct Sittings(HashMap<String, Sitting>);

struct Sitting {
    id: Uuid,
    candidate: Candidate,
    profile: String,
    terms: Terms,
    used: Instant,
    bytes: u64,
    current: Option<Current>,
    sat: BTreeMap<String, Sat>,
}

/// Why a sitting is held, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) mode: Mode,
    pub(crate) seed: u64,
    /// SHA-256 of the frozen submission, hex.
    pub(crate) submission: Option<String>,
    /// Ids of the tests that may be sat; beyond the sandbox each is, once.
    pub(crate) tests: Vec<String>,
}

impl Terms {
    /// `random` is the seed when the software may not choose it.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) fn new(open: &Open, profile: &Profile, random: u64) -> Result<Self, Refusal> {
        let is_hash = |text: &String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (seed, tests) = match (open.mode, &open.submission, open.seed) {
            (Mode::Sandbox, None, seed) => (seed.unwrap_or(random), profile.tests.iter().collect()),
            (Mode::Sandbox, Some(_), _) => return Err(Refusal::SubmissionGiven),
            (Mode::Surveillance, ..) => return Err(Refusal::ModeNotOffered),
            (mode, Some(submission), None) if is_hash(submission) => {
                let others = profile.tests.len().saturating_sub(1);
                let drawn = if mode == Mode::Supervised {
                    others.div_ceil(2)
                } else {
                    others
                };
                (random, draw(profile, random, drawn))
            }
            _ => return Err(Refusal::SubmissionNeeded),
        };
        Ok(Self {
            mode: open.mode,
            seed,
            submission: open.submission.as_ref().map(|hash| hash.to_lowercase()),
            tests: tests.into_iter().map(|test| test.id.clone()).collect(),
        })
    }
}

/// The test that runs.
struct Current {
    test: String,
    run: Uuid,
    given: Value,
    began: Instant,
    began_at: Timestamp,
    next: u32,
    /// Requests so far, by operation.
    counts: BTreeMap<String, u32>,
    exchanges: Vec<Exchange>,
    /// More was exchanged than is recorded.
    overflowed: bool,
}

impl Sittings {
    /// Opens a sitting; one that the credential had ends.
    ///
    /// # Errors
    /// [`Refusal::Busy`].
    pub(crate) fn open(
        &mut self,
        candidate: Candidate,
        profile: &Profile,
        terms: Terms,
    ) -> Result<Uuid, Refusal> {
        let credential = candidate.credential.clone();
        self.0.remove(&credential);
        if self.0.len() >= MAX_SITTINGS {
            return Err(Refusal::Busy);
        }
        let id = Uuid::new_v4();
        let sitting = Sitting {
            id,
            candidate,
            profile: profile.scope.clone(),
            terms,
            used: Instant::now(),
            bytes: 0,
            current: None,
            sat: BTreeMap::new(),
        };
        self.0.insert(credential, sitting);
        Ok(id)
    }

    /// Whose exchanges are to be seen.
    pub(crate) fn credentials(&self) -> BTreeSet<String> {
        self.0.keys().cloned().collect()
    }

    pub(crate) fn forget_idle(&mut self) {
        self.0.retain(|_, sitting| sitting.used.elapsed() < IDLE);
    }

    /// Begins a test; sat before, it is sat anew.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) fn begin(
        &mut self,
        suite: &Suite,
        credential: &str,
        id: Uuid,
        test: &str,
        mut given: Value,
    ) -> Result<(), Refusal> {
        let total: u64 = self.0.values().map(|sitting| sitting.bytes).sum();
        let sitting = self.of(credential, id)?;
        if sitting.current.is_some() {
            return Err(Refusal::TestRunning);
        }
        if total > MAX_TOTAL_BYTES {
            return Err(Refusal::Busy);
        }
        find(suite, &sitting.profile, test)?;
        if !sitting.terms.tests.iter().any(|drawn| drawn == test) {
            return Err(Refusal::UnknownTest);
        }
        if sitting.terms.mode != Mode::Sandbox && sitting.sat.contains_key(test) {
            return Err(Refusal::SatAlready);
        }
        if given.to_string().len() > MAX_GIVEN {
            return Err(Refusal::GivenTooLarge);
        }
        let began_at = Timestamp::now();
        if let Some(members) = given.as_object_mut() {
            // The clock that rules compare with is the platform's.
            members.insert("begun".to_owned(), began_at.to_string().into());
        }
        sitting.current = Some(Current {
            test: test.to_owned(),
            run: Uuid::new_v4(),
            given,
            began: Instant::now(),
            began_at,
            next: 1,
            counts: BTreeMap::new(),
            exchanges: Vec::new(),
            overflowed: false,
        });
        Ok(())
    }

    /// A credential asks for something: the test it belongs to, and the fault that is due.
    pub(crate) fn before(&mut self, suite: &Suite, credential: &str, operation: &str) -> Option<Running> {
        let sitting = self.0.get_mut(credential)?;
        let full = sitting.bytes > MAX_BYTES;
        let current = sitting.current.as_mut()?;
        let test = find(suite, &sitting.profile, &current.test).ok()?;
        if full || current.next > MAX_EXCHANGES {
            current.overflowed = true;
            return None;
        }
        let count = current.counts.entry(operation.to_owned()).or_default();
        *count += 1;
        let fault = dmp_conformance::faults::due(&test.faults, operation, *count);
        let number = current.next;
        current.next += 1;
        Some(Running {
            run: current.run,
            number,
            at_ms: u64::try_from(current.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            fault: fault.map(|fault| Injected {
                id: fault.id.clone(),
                play: fault.play.clone(),
            }),
        })
    }

    /// Keeps an exchange; one of a test that has ended is dropped.
    pub(crate) fn after(&mut self, credential: &str, run: Uuid, exchange: Exchange) {
        let Some(sitting) = self.0.get_mut(credential) else {
            return;
        };
        let Some(current) = sitting.current.as_mut().filter(|current| current.run == run) else {
            return;
        };
        sitting.bytes = sitting
            .bytes
            .saturating_add(exchange.request.body.size)
            .saturating_add(exchange.response.body.size);
        current.exchanges.push(exchange);
        current.exchanges.sort_by_key(|exchange| exchange.number);
    }

    /// Ends the test that runs and judges it.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) fn end(
        &mut self,
        suite: &Suite,
        credential: &str,
        id: Uuid,
        test: &str,
    ) -> Result<Judged, Refusal> {
        let sitting = self.of(credential, id)?;
        let current = sitting
            .current
            .take_if(|current| current.test == test)
            .ok_or(Refusal::TestNotRunning)?;
        if current.overflowed {
            return Err(Refusal::TooMuch);
        }
        let described = find(suite, &sitting.profile, test)?;
        let findings = judge(described, &current.given, &current.exchanges);
        let judged = Judged {
            test: current.test.clone(),
            findings: findings.clone(),
            exchanges: current.exchanges.clone(),
        };
        let sat = Sat {
            test: current.test.clone(),
            began: current.began_at,
            given: current.given,
            exchanges: current.exchanges,
            findings,
        };
        sitting.sat.insert(current.test, sat);
        Ok(judged)
    }

    /// Ends the sitting: everything of it.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) fn close(&mut self, suite: &Suite, credential: &str, id: Uuid) -> Result<Closing, Refusal> {
        let sitting = self.of(credential, id)?;
        if sitting.current.is_some() {
            return Err(Refusal::TestRunning);
        }
        if sitting.sat.is_empty() {
            return Err(Refusal::NothingSat);
        }
        let whole = sitting
            .terms
            .tests
            .iter()
            .all(|test| sitting.sat.contains_key(test));
        if sitting.terms.mode != Mode::Sandbox && !whole {
            return Err(Refusal::Incomplete);
        }
        let sitting = self.0.remove(credential).ok_or(Refusal::UnknownSitting)?;
        let profile = suite.profile(&sitting.profile).ok_or(Refusal::UnknownProfile)?;
        let candidate = sitting.candidate;
        let sat = sitting.sat.into_values().collect();
        let bundle = Bundle::new(
            profile,
            &candidate.solution,
            &candidate.version,
            sitting.terms.seed,
            sat,
        )
        .held(&candidate.credential, sitting.terms.mode);
        let submission = sitting.terms.submission;
        Ok(Closing {
            candidate,
            submission,
            bundle,
        })
    }

    fn of(&mut self, credential: &str, id: Uuid) -> Result<&mut Sitting, Refusal> {
        // Another's sitting is as if it were not there.
        let own = self.0.get_mut(credential).filter(|sitting| sitting.id == id);
        let sitting = own.ok_or(Refusal::UnknownSitting)?;
        sitting.used = Instant::now();
        Ok(sitting)
    }
}

/// A sitting that has ended.
pub(crate) struct Closing {
    pub(crate) candidate: Candidate,
    pub(crate) submission: Option<String>,
    pub(crate) bundle: Bundle,
}

fn find<'s>(suite: &'s Suite, profile: &str, test: &str) -> Result<&'s Test, Refusal> {
    suite
        .profile(profile)
        .ok_or(Refusal::UnknownProfile)?
        .test(test)
        .ok_or(Refusal::UnknownTest)
}

#[cfg(test)]
mod tests;
