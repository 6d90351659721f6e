//! The objects of a vendor, and the facts in them about one submission. What a submission is (`submission`), whose words count
//! (`reviews`), what it takes over (`carried`), what comes after (`renewal`, `non_conformity`) have a module each.

use std::collections::BTreeSet;

use dmp_api::body::Organisation;
use dmp_api::conformance_run::RunMode;
use dmp_api::{
    ConformanceProfile, ConformanceRun, EvidenceItem, HomologationProgramme, HomologationReview, Mode,
    NonConformity, NonConformityAnswer, Solution, SolutionCredential, SolutionHomologation,
    SolutionRevocation, SolutionVersion,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;

use crate::bodies::{Bodies, Invalid};
use crate::carried::{Carried, IN_A_ROW, Seen};
pub use crate::programme::{approved, programme_sha256};
use crate::signed::{self, Signed};
use crate::standing::{Facts, Profile, Standing, standing};
use crate::statement::Run;
use crate::{canonical, installation, programme};

/// Everything that may matter to the submissions of a vendor's namespace. More than that does no harm.
#[derive(Clone, Debug)]
pub struct Dossier {
    /// The vendor's.
    pub namespace: String,
    pub bodies: Result<Bodies, Invalid>,
    pub solutions: Vec<Solution>,
    pub versions: Vec<SolutionVersion>,
    pub programmes: Vec<HomologationProgramme>,
    pub profiles: Vec<ConformanceProfile>,
    pub homologations: Vec<SolutionHomologation>,
    pub evidence: Vec<EvidenceItem>,
    pub runs: Vec<ConformanceRun>,
    pub reviews: Vec<HomologationReview>,
    pub non_conformities: Vec<NonConformity>,
    pub answers: Vec<NonConformityAnswer>,
    /// Those in force: what both bodies lifted is not among them ([`crate::lift`]).
    pub revocations: Vec<SolutionRevocation>,
    pub credentials: Vec<SolutionCredential>,
}

/// When the API server created an object.
pub fn arrived(object: &ObjectMeta) -> Timestamp {
    object
        .creation_timestamp
        .as_ref()
        .map_or(Timestamp::UNIX_EPOCH, |time| time.0)
}

pub(crate) fn by_name<'a, K: ResourceExt>(objects: &'a [K], name: &str) -> Option<&'a K> {
    objects.iter().find(|object| object.name_any() == name)
}

impl Dossier {
    /// Of a vendor of whom nothing is known yet.
    pub const fn empty(namespace: String, bodies: Result<Bodies, Invalid>) -> Self {
        Self {
            namespace,
            bodies,
            solutions: Vec::new(),
            versions: Vec::new(),
            programmes: Vec::new(),
            profiles: Vec::new(),
            homologations: Vec::new(),
            evidence: Vec::new(),
            runs: Vec::new(),
            reviews: Vec::new(),
            non_conformities: Vec::new(),
            answers: Vec::new(),
            revocations: Vec::new(),
            credentials: Vec::new(),
        }
    }

    /// The homologation that opens production to a version now, with what it opens.
    pub fn open(
        &self,
        solution: &str,
        version: &str,
        now: Timestamp,
    ) -> Option<(&SolutionHomologation, Standing)> {
        let of_version = self
            .homologations
            .iter()
            .filter(|one| one.spec.solution == solution && one.spec.version == version);
        of_version
            .map(|one| (one, self.standing(one, now)))
            .find(|(_, standing)| standing.state.is_open())
    }

    /// Where a submission stands.
    pub fn standing(&self, homologation: &SolutionHomologation, now: Timestamp) -> Standing {
        standing(&self.facts(homologation, now), now)
    }

    /// SHA-256 of a submission and of all that it names, hex: what reviewers sign. `None` while something is not there.
    pub fn submission_sha256(&self, homologation: &SolutionHomologation) -> Option<String> {
        self.frozen(homologation).ok()
    }

    /// The version of this number. A second object of the same number is none (`VersionTwice`), whatever it delivers: what was there first
    /// is the version.
    pub(crate) fn version(&self, solution: &str, number: &str) -> Option<&SolutionVersion> {
        let named = |one: &&SolutionVersion| one.spec.solution == solution && one.spec.version == number;
        let versions = self.versions.iter().filter(named);
        versions.min_by_key(|one| (arrived(&one.metadata), one.name_any()))
    }

    pub(crate) fn organisation(&self, homologation: &SolutionHomologation) -> Option<Organisation> {
        self.organisation_of(&homologation.spec.solution)
    }

    pub(crate) fn organisation_of(&self, solution: &str) -> Option<Organisation> {
        by_name(&self.solutions, solution)?.spec.organisation.clone()
    }

    /// What decides about a submission.
    pub fn facts(&self, homologation: &SolutionHomologation, now: Timestamp) -> Facts {
        let spec = &homologation.spec;
        let later = self.homologations.iter().filter(|other| {
            let other = &other.spec;
            other.solution == spec.solution && other.version == spec.version && other.cycle > spec.cycle
        });
        // One that is closed only by a still later one makes no difference: that one supersedes both.
        let open = |other| {
            standing(&self.seen(other, now, IN_A_ROW).facts, now)
                .state
                .is_open()
        };
        Facts {
            superseded: later.into_iter().any(open),
            ..self.seen(homologation, now, IN_A_ROW).facts
        }
    }

    /// A submission by itself: whatever later ones of the same version do to it.
    pub(crate) fn seen(&self, homologation: &SolutionHomologation, now: Timestamp, in_a_row: usize) -> Seen {
        let spec = &homologation.spec;
        let submitted_at = arrived(&homologation.metadata);
        let programme = by_name(&self.programmes, &spec.programme);
        let mut incomplete = self.frozen(homologation).err().unwrap_or_default();
        if let Err(invalid) = &self.bodies {
            incomplete.push(format!("Platform spec.bodies: {invalid}"));
        }
        if let Some(programme) = programme {
            incomplete.extend(self.out_of_force(programme, submitted_at));
        }
        if let Some(Err(what)) = spec.installation_key.as_deref().map(installation::key) {
            incomplete.push(format!("spec.installationKey: {what}; submit with another"));
        }
        incomplete.extend(self.same_cycle(homologation));
        incomplete.extend(self.to_come(homologation, submitted_at));
        let (carried, mut warnings) = match self.carried(homologation, now, in_a_row) {
            Some(Ok(carried)) => (Some(carried), Vec::new()),
            Some(Err(why)) => (None, vec![why]),
            None => (None, Vec::new()),
        };
        let grant = carried.as_ref().and_then(|carried| carried.grant.clone());
        let known = carried.as_ref().filter(|_| grant.is_some());
        let documents = self.documents(homologation, known.map(|carried| &carried.documents));
        warnings.extend(documents.pending.iter().cloned());
        let effect = self.non_conformities_of(&spec.solution, &versions(homologation, carried.as_ref()), now);
        warnings.extend(effect.announced);
        let surveillance = programme.and_then(|programme| programme.spec.surveillance.as_ref());
        let suspends = surveillance.is_some_and(|rules| rules.suspend_after_deadline);
        let suspended = if suspends {
            effect.overdue
        } else {
            warnings.extend(effect.overdue);
            Vec::new()
        };
        let facts = Facts {
            submitted_at,
            incomplete,
            withdrawn: spec.withdrawn,
            superseded: false,
            revoked: self.revoked(homologation),
            suspended,
            rules: programme
                .map(|programme| programme::rules(&programme.spec))
                .unwrap_or_default(),
            profiles: self.profiles(homologation, carried.as_ref()),
            evidence: documents.evidence(),
            subject: self.organisation(homologation).unwrap_or_else(|| Organisation {
                name: String::new(),
                ice: String::new(),
            }),
            reviews: self.words(homologation, carried.as_ref()),
            carried: grant,
            warnings,
            credentials: self.production_credentials(homologation),
        };
        Seen {
            facts,
            documents: documents.names(),
            carried,
        }
    }

    fn revoked(&self, homologation: &SolutionHomologation) -> Vec<String> {
        let spec = &homologation.spec;
        let closing = self.closing(&spec.solution, &spec.version);
        closing.map(ResourceExt::name_any).collect()
    }

    /// The revocations that close a version.
    pub(crate) fn closing(&self, solution: &str, version: &str) -> impl Iterator<Item = &SolutionRevocation> {
        let closes = move |revocation: &&SolutionRevocation| {
            revocation.spec.closes_version(&self.namespace, solution, version)
        };
        self.revocations.iter().filter(closes)
    }

    fn production_credentials(&self, homologation: &SolutionHomologation) -> usize {
        let spec = &homologation.spec;
        let of = |credential: &&SolutionCredential| {
            credential.spec.mode == Mode::Production
                && credential.spec.solution == spec.solution
                && credential.spec.version == spec.version
                && credential
                    .status
                    .as_ref()
                    .is_some_and(|status| status.certificate.is_some())
        };
        self.credentials.iter().filter(of).count()
    }

    fn profiles(&self, homologation: &SolutionHomologation, carried: Option<&Carried>) -> Vec<Profile> {
        let runs = self.runs_of(homologation);
        let last = |mode, name: &str| {
            let of = runs
                .iter()
                .filter(|run| run.statement.mode == mode && run.statement.profile == name);
            of.max_by_key(|run| run.statement.signed_at)
                .map(|run| run.statement.failed().next().is_none())
        };
        let asked = homologation
            .spec
            .profiles
            .iter()
            .filter_map(|name| by_name(&self.profiles, name));
        let asked = asked.map(|profile| Profile {
            rehearsal: last(RunMode::Rehearsal, &profile.name_any()),
            supervised: last(RunMode::Supervised, &profile.name_any()).or_else(|| {
                let supervised = carried.map(|carried| &carried.supervised)?;
                supervised.contains(&profile.name_any()).then_some(true)
            }),
            name: profile.name_any(),
            scope: profile.spec.scope.clone(),
        });
        asked.collect()
    }

    /// Runs of this very submission, against its profiles' very text.
    pub(crate) fn runs_of(&self, homologation: &SolutionHomologation) -> Vec<Signed<Run>> {
        let Ok(bodies) = &self.bodies else {
            return Vec::new();
        };
        let product = format!("{}/{}", self.namespace, homologation.spec.solution);
        let submission = self.submission_sha256(homologation);
        let own = |run: &Signed<Run>| {
            let statement = &run.statement;
            let profile = by_name(&self.profiles, &statement.profile);
            run.signer.role == statement.signatory()
                && statement.solution == product
                && statement.version == homologation.spec.version
                && submission.is_some()
                && statement.submission_sha256 == submission
                && profile.is_some_and(|profile| canonical::sha256(&profile.spec) == statement.profile_sha256)
        };
        let verified = self
            .runs
            .iter()
            .filter_map(|run| signed::verify(&run.spec.statement, bodies, arrived(&run.metadata)).ok());
        verified.filter(own).collect()
    }
}

/// The version of a submission, and those that it takes something over from.
pub(crate) fn versions(homologation: &SolutionHomologation, carried: Option<&Carried>) -> BTreeSet<String> {
    let before = carried
        .iter()
        .flat_map(|carried| carried.versions.iter().cloned());
    before.chain([homologation.spec.version.clone()]).collect()
}
