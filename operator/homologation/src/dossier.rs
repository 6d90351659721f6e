//! The objects of one product version, and the facts in them: what is frozen, what is verified, what is missing.

use std::collections::BTreeSet;

use dmp_api::body::{Organisation, Role};
use dmp_api::conformance_run::RunMode;
use dmp_api::{
    ConformanceProfile, ConformanceRun, EvidenceItem, HomologationProgramme, HomologationProgrammeSpec,
    HomologationReview, Mode, Solution, SolutionCredential, SolutionHomologation, SolutionRevocation,
    SolutionVersion,
};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use serde_json::json;

use crate::bodies::{Bodies, Invalid};
use crate::quorum::DECIDING;
use crate::signed::{self, Read, Refused, Signed};
use crate::standing::{Evidence, EvidenceRule, Facts, Profile, Rules, Standing, standing};
use crate::statement::{ProgrammeApproval, Review, Run};
use crate::{canonical, quorum};

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

    /// Each review of a submission in the order of arrival, with its signer's word if it counts.
    pub fn reviews_of<'a>(
        &'a self,
        homologation: &SolutionHomologation,
    ) -> Vec<(&'a HomologationReview, Read<Review>)> {
        let own = homologation.name_any();
        let mut reviews: Vec<_> = self
            .reviews
            .iter()
            .filter(|review| review.spec.homologation == own)
            .collect();
        reviews.sort_by_key(|review| (arrived(&review.metadata), review.name_any()));
        let submission = self.submission_sha256(homologation);
        let mut read: Vec<_> = reviews
            .iter()
            .map(|review| (*review, self.review(&own, submission.as_ref(), review)))
            .collect();
        let Some(subject) = self.organisation(homologation) else {
            return read;
        };
        let good: Vec<_> = read
            .iter()
            .filter_map(|(_, review)| review.clone().ok())
            .collect();
        let mut verdicts = quorum::sift(&good, &subject).into_iter();
        for (_, review) in &mut read {
            if review.is_ok()
                && let Some(Err(reason)) = verdicts.next()
            {
                *review = Err(reason.into());
            }
        }
        read
    }

    fn organisation(&self, homologation: &SolutionHomologation) -> Option<Organisation> {
        by_name(&self.solutions, &homologation.spec.solution)?
            .spec
            .organisation
            .clone()
    }

    /// A review that is about this submission, in this state.
    fn review(
        &self,
        homologation: &str,
        submission: Option<&String>,
        review: &HomologationReview,
    ) -> Read<Review> {
        let bodies = self.bodies.as_ref()?;
        let signed = signed::verify::<Review>(&review.spec.statement, bodies, arrived(&review.metadata))?;
        let own = format!("{}/{homologation}", self.namespace);
        if signed.statement.homologation != own {
            let text = format!("it is about {}", signed.statement.homologation);
            return Err(Refused::new("OtherHomologation", text));
        }
        if submission != Some(&signed.statement.submission_sha256) {
            let text =
                "it is about another state of the submission: read status.submissionSha256, review that";
            return Err(Refused::new("OtherSubmission", text));
        }
        Ok(signed)
    }

    /// What the submission is, in one hash; or what of it is not there.
    fn frozen(&self, homologation: &SolutionHomologation) -> Result<String, Vec<String>> {
        let spec = &homologation.spec;
        let mut absent = Vec::new();
        let solution = by_name(&self.solutions, &spec.solution);
        let named =
            |one: &&SolutionVersion| one.spec.solution == spec.solution && one.spec.version == spec.version;
        let version = self.versions.iter().find(named);
        let programme = by_name(&self.programmes, &spec.programme);
        if solution.is_none() {
            absent.push(format!("there is no Solution `{}`", spec.solution));
        } else if solution.is_some_and(|solution| solution.spec.organisation.is_none()) {
            absent.push(format!(
                "Solution `{}` names no organisation: set spec.organisation",
                spec.solution
            ));
        }
        match version {
            None => absent.push(format!(
                "no SolutionVersion of `{}` has version `{}`",
                spec.solution, spec.version
            )),
            Some(version) if version.spec.package.is_none() => {
                absent.push(format!(
                    "SolutionVersion `{}` names no package: submit one that does",
                    version.name_any()
                ));
            }
            Some(_) => {}
        }
        if programme.is_none() {
            absent.push(format!("there is no HomologationProgramme `{}`", spec.programme));
        }
        let mut profiles = Vec::new();
        for name in &spec.profiles {
            match by_name(&self.profiles, name) {
                Some(profile) => {
                    profiles.push(json!({ "name": name, "sha256": canonical::sha256(&profile.spec) }))
                }
                None => absent.push(format!("there is no ConformanceProfile `{name}`")),
            }
        }
        let mut evidence = Vec::new();
        for name in &spec.evidence {
            match by_name(&self.evidence, name) {
                Some(item) => evidence.push(json!({ "name": name, "spec": item.spec })),
                None => absent.push(format!("there is no EvidenceItem `{name}`")),
            }
        }
        if !absent.is_empty() {
            return Err(absent);
        }
        Ok(canonical::sha256(&json!({
            "homologation": format!("{}/{}", self.namespace, homologation.name_any()),
            "cycle": spec.cycle,
            "solution": { "name": spec.solution, "spec": solution.map(|solution| &solution.spec) },
            "version": version.map(|version| &version.spec),
            "programme": { "name": spec.programme, "sha256": programme.map(|programme| canonical::sha256(&programme.spec)) },
            "profiles": profiles,
            "evidence": evidence,
        })))
    }

    /// What decides about a submission.
    pub fn facts(&self, homologation: &SolutionHomologation, now: Timestamp) -> Facts {
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
        incomplete.extend(self.same_cycle(homologation));
        incomplete.extend(self.to_come(homologation, submitted_at));
        let later = self.homologations.iter().filter(|other| {
            let other = &other.spec;
            other.solution == spec.solution && other.version == spec.version && other.cycle > spec.cycle
        });
        let superseded = later
            .clone()
            .any(|other| self.standing(other, now).state.is_open());
        Facts {
            submitted_at,
            incomplete,
            withdrawn: spec.withdrawn,
            superseded,
            revoked: self.revoked(homologation),
            suspended: Vec::new(),
            rules: programme
                .map(|programme| rules(&programme.spec))
                .unwrap_or_default(),
            profiles: self.profiles(homologation),
            evidence: self.evidence_of(homologation),
            subject: self.organisation(homologation).unwrap_or_else(|| Organisation {
                name: String::new(),
                ice: String::new(),
            }),
            reviews: self
                .reviews_of(homologation)
                .into_iter()
                .filter_map(|(_, review)| review.ok())
                .collect(),
            credentials: self.production_credentials(homologation),
        }
    }

    /// Why a programme's rules do not hold for a submission.
    fn out_of_force(&self, programme: &HomologationProgramme, submitted_at: Timestamp) -> Option<String> {
        let name = programme.name_any();
        let approved = self
            .bodies
            .as_ref()
            .map_or_else(|_| Err(DECIDING.to_vec()), |bodies| approved(programme, bodies));
        if let Err(lacking) = approved {
            let roles = lacking
                .iter()
                .map(|role| role.as_str())
                .collect::<Vec<_>>()
                .join(" and ");
            return Some(format!(
                "HomologationProgramme `{name}` is not signed by the {roles} entity"
            ));
        }
        let day = submitted_at.to_zoned(TimeZone::UTC).date();
        let within =
            [&programme.spec.valid_from, &programme.spec.valid_until].map(|text| text.parse::<Date>());
        match within {
            [Ok(from), Ok(until)] if from <= day && day <= until => None,
            _ => Some(format!(
                "HomologationProgramme `{name}` takes submissions from {} to {}",
                programme.spec.valid_from, programme.spec.valid_until
            )),
        }
    }

    fn same_cycle(&self, homologation: &SolutionHomologation) -> Option<String> {
        let spec = &homologation.spec;
        let rank = |one: &SolutionHomologation| (arrived(&one.metadata), one.name_any());
        let earlier = self.homologations.iter().find(|other| {
            other.spec.solution == spec.solution
                && other.spec.version == spec.version
                && other.spec.cycle == spec.cycle
                && rank(other) < rank(homologation)
        })?;
        Some(format!(
            "cycle {} is SolutionHomologation `{}`: submit with another",
            spec.cycle,
            earlier.name_any()
        ))
    }

    /// Evidence that is dated after its submission, or not at all.
    fn to_come(&self, homologation: &SolutionHomologation, submitted_at: Timestamp) -> Vec<String> {
        let day = submitted_at.to_zoned(TimeZone::UTC).date();
        let items = homologation
            .spec
            .evidence
            .iter()
            .filter_map(|name| by_name(&self.evidence, name));
        let wrong = items.filter(|item| {
            item.spec
                .issued
                .parse::<Date>()
                .ok()
                .is_none_or(|issued| issued > day)
        });
        wrong
            .map(|item| {
                format!(
                    "EvidenceItem `{}` is dated {}: not before its submission",
                    item.name_any(),
                    item.spec.issued
                )
            })
            .collect()
    }

    fn evidence_of(&self, homologation: &SolutionHomologation) -> Vec<Evidence> {
        let items = homologation
            .spec
            .evidence
            .iter()
            .filter_map(|name| by_name(&self.evidence, name));
        let read = items.filter_map(|item| {
            let valid_until = match &item.spec.valid_until {
                Some(text) => Some(text.parse().ok()?),
                None => None,
            };
            Some(Evidence {
                kind: item.spec.kind,
                issued: item.spec.issued.parse().ok()?,
                valid_until,
            })
        });
        read.collect()
    }

    fn revoked(&self, homologation: &SolutionHomologation) -> Vec<String> {
        let spec = &homologation.spec;
        let closing = self.closing(&spec.solution, &spec.version);
        closing.map(ResourceExt::name_any).collect()
    }

    /// The revocations that close a version.
    pub(crate) fn closing(&self, solution: &str, version: &str) -> impl Iterator<Item = &SolutionRevocation> {
        let product = format!("{}/{solution}", self.namespace);
        self.revocations.iter().filter(move |revocation| {
            let spec = &revocation.spec;
            spec.solution == product
                && spec.credential.is_none()
                && spec.version.as_deref().is_none_or(|only| only == version)
        })
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

    fn profiles(&self, homologation: &SolutionHomologation) -> Vec<Profile> {
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
            supervised: last(RunMode::Supervised, &profile.name_any()),
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

/// SHA-256 of a programme without its signatures, hex: what the bodies sign.
pub fn programme_sha256(spec: &HomologationProgrammeSpec) -> String {
    canonical::sha256(&HomologationProgrammeSpec {
        signatures: Vec::new(),
        ..spec.clone()
    })
}

fn rules(spec: &HomologationProgrammeSpec) -> Rules {
    let evidence = spec.evidence.iter().map(|rule| EvidenceRule {
        kind: rule.kind,
        max_age_days: rule.max_age_days.into(),
        scopes: rule.scopes.iter().cloned().collect(),
    });
    Rules {
        max_days: spec.max_days.into(),
        domains: spec
            .domains
            .iter()
            .map(|rule| (rule.domain, rule.days.into()))
            .collect(),
        evidence: evidence.collect(),
    }
}

/// Whether both deciding bodies signed a programme, by two people.
///
/// # Errors
/// Who has not.
pub fn approved(programme: &HomologationProgramme, bodies: &Bodies) -> Result<(), Vec<Role>> {
    let sha256 = programme_sha256(&programme.spec);
    let about = |approval: &ProgrammeApproval| {
        approval.programme == programme.name_any() && approval.programme_sha256 == sha256
    };
    let verified = programme.spec.signatures.iter().filter_map(|text| {
        signed::verify::<ProgrammeApproval>(text, bodies, arrived(&programme.metadata)).ok()
    });
    let (mut roles, mut people) = (BTreeSet::new(), BTreeSet::new());
    for approval in verified.filter(|approval| about(&approval.statement)) {
        if people.insert(approval.signer.person) && people.insert(approval.signer.key_sha256) {
            roles.insert(approval.signer.role);
        }
    }
    let lacking: Vec<Role> = DECIDING
        .into_iter()
        .filter(|role| !roles.contains(role))
        .collect();
    if lacking.is_empty() { Ok(()) } else { Err(lacking) }
}
