//! What a submission is: frozen with everything that it names.

use dmp_api::SolutionHomologation;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use kube::ResourceExt;
use serde_json::json;

use crate::canonical;
use crate::dossier::{Dossier, arrived, by_name};
use crate::renewal::is_dated_after;

impl Dossier {
    /// What the submission is, in one hash; or what of it is not there.
    pub(crate) fn frozen(&self, homologation: &SolutionHomologation) -> Result<String, Vec<String>> {
        let spec = &homologation.spec;
        let mut absent = Vec::new();
        let solution = by_name(&self.solutions, &spec.solution);
        let version = self.version(&spec.solution, &spec.version);
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
        if let Some(before) = &spec.follows
            && by_name(&self.homologations, before).is_none()
        {
            absent.push(format!("there is no SolutionHomologation `{before}`"));
        }
        if !absent.is_empty() {
            return Err(absent);
        }
        let mut submission = json!({
            "homologation": format!("{}/{}", self.namespace, homologation.name_any()),
            "cycle": spec.cycle,
            "solution": { "name": spec.solution, "spec": solution.map(|solution| &solution.spec) },
            "version": version.map(|version| &version.spec),
            "programme": { "name": spec.programme, "sha256": programme.map(|programme| canonical::sha256(&programme.spec)) },
            "profiles": profiles,
            "evidence": evidence,
        });
        // Not there when absent: what was signed before there were such keys stays signed.
        if let (Some(key), Some(members)) = (&spec.installation_key, submission.as_object_mut()) {
            members.insert("installationKey".to_owned(), json!(key));
        }
        if let (Some(before), Some(members)) = (&spec.follows, submission.as_object_mut()) {
            members.insert("follows".to_owned(), json!(before));
        }
        Ok(canonical::sha256(&submission))
    }

    pub(crate) fn same_cycle(&self, homologation: &SolutionHomologation) -> Option<String> {
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
    pub(crate) fn to_come(
        &self,
        homologation: &SolutionHomologation,
        submitted_at: Timestamp,
    ) -> Vec<String> {
        let day = submitted_at.to_zoned(TimeZone::UTC).date();
        let items = homologation
            .spec
            .evidence
            .iter()
            .filter_map(|name| by_name(&self.evidence, name));
        let wrong = items.filter(|item| is_dated_after(item, day));
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
}
