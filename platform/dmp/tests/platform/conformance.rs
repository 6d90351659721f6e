//! The conformance suite against real services: the reference solution passes, and each broken variant fails exactly the
//! requirement that it is made to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clap::ValueEnum as _;
use dmp_conformance::bundle::Bundle;
use dmp_conformance::suite::{Suite as Profiles, Verified};
use dmp_conformance::wire::Open;
use dmp_solution::defect::Defect;
use dmp_testkit::Pki;
use dmpctl::demo::fixtures;
use dmpctl::demo::gateway::{Gateway, Software};
use dmpctl::error::Result;
use dmpctl::solution::given::Bench;
use dmpctl::solution::log_in::LogIns;
use dmpctl::solution::suite::{Runner, Suite, sit};
use serde_json::json;

use crate::world::World;

/// The synthetic professional of the fixtures, and the hospital.
const PHYSICIAN: &str = "101145277";
const HOSPITAL: &str = "110062131";
/// Pieces of software that sit at the same time.
const AT_ONCE: usize = 8;

struct People(Arc<World>);

impl LogIns for People {
    async fn professional(&self) -> Result<String> {
        let issuer = &self.0.issuer;
        Ok(issuer.sign(&issuer.claims(json!({ "inpe": PHYSICIAN }))))
    }

    async fn patient(&self, system: &str, value: &str) -> Result<String> {
        let issuer = &self.0.issuer;
        let patient = json!({ "patient_identifier": { "system": system, "value": value } });
        Ok(issuer.sign(&issuer.claims(patient)))
    }

    fn inpe(&self) -> &str {
        PHYSICIAN
    }
}

/// One piece of software with its certificate in a file.
struct Candidate {
    software: Software,
    app: Software,
    people: People,
    gateway: String,
    folder: tempfile::TempDir,
}

impl Candidate {
    fn new(world: &Arc<World>, number: usize) -> Self {
        let gateway = Gateway {
            base: world.gateway.clone(),
            ca: world.platform.pki.root_pem(),
        };
        let software = |pem: String| Software::new(&gateway, Some(pem)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let own = Pki::pem(&world.others[number]);
        std::fs::write(folder.path().join("identity.pem"), &own).unwrap();
        std::fs::write(folder.path().join("ca.pem"), &gateway.ca).unwrap();
        Self {
            software: software(own),
            app: software(Pki::pem(&world.app_certificate)),
            people: People(Arc::clone(world)),
            gateway: gateway.base.clone(),
            folder,
        }
    }

    async fn sit(&self, profile: &str, only: &[String], defect: Option<Defect>) -> Bundle {
        let name = defect.and_then(|defect| defect.to_possible_value());
        let defect = name.map_or(String::new(), |name| format!(" --defect {}", name.get_name()));
        let runner = Runner::Command {
            command: format!("{}{defect}", solution().display()),
            gateway: self.gateway.clone(),
            ca: self.folder.path().join("ca.pem"),
            identity: self.folder.path().join("identity.pem"),
        };
        let bench = Bench {
            software: &self.software,
            patient_app: Some(&self.app),
            log_ins: &self.people,
        };
        let suite = Suite::new(self.software.clone());
        let closed = sit(&suite, &bench, &runner, &Open::sandbox(profile), only, |_| {})
            .await
            .unwrap_or_else(|error| panic!("{profile}{defect}: {}", error.for_people()));
        Bundle::read(&closed.bundle).unwrap()
    }
}

/// The program of the reference solution, beside this test's own.
fn solution() -> std::path::PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().with_file_name("dmp-solution");
    assert!(program.exists(), "build it first: cargo build -p dmp-solution");
    program
}

/// Requirements that were not met, each with what the judge says.
fn failures(bundle: &Bundle) -> BTreeMap<String, String> {
    let findings = bundle.tests.iter().flat_map(|sat| {
        let failed = sat.findings.iter().filter(|finding| !finding.met);
        failed.map(move |finding| {
            let why = format!("{}: {:?} {:?}", sat.test, finding.says.en, finding.error);
            (finding.requirement.clone(), why)
        })
    });
    findings.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_passes_and_each_defect_fails_its_requirement_alone() {
    let world = Arc::new(World::start_with(PHYSICIAN, HOSPITAL, AT_ONCE).await);
    world.publish_directory(&fixtures::directory().unwrap()).await;
    let mut work: Vec<(String, Vec<String>, Option<Defect>)> = Vec::new();
    for profile in Profiles::embedded().unwrap().profiles() {
        work.push((profile.scope.clone(), Vec::new(), None));
    }
    for defect in Defect::value_variants() {
        for test in defect.tests() {
            let (profile, name) = test.split_once('/').unwrap();
            work.push((profile.to_owned(), vec![name.to_owned()], Some(*defect)));
        }
    }
    let work = Arc::new(std::sync::Mutex::new(work));
    let sitting = (0..AT_ONCE).map(|number| {
        let (work, candidate) = (Arc::clone(&work), Candidate::new(&world, number));
        async move {
            let mut wrong = Vec::new();
            while let Some((profile, only, defect)) = { work.lock().unwrap().pop() } {
                let bundle = candidate.sit(&profile, &only, defect).await;
                bundle.replay().unwrap();
                let failed = failures(&bundle);
                let expected: Vec<&str> = defect.iter().map(|defect| defect.requirement()).collect();
                if !failed.keys().eq(&expected) {
                    wrong.push(format!(
                        "{profile} {only:?} {defect:?}: {failed:#?}, expected {expected:?}"
                    ));
                }
                if defect.is_none() {
                    assert!(bundle.passed(), "{profile}: {:?}", bundle.requirements);
                }
            }
            wrong
        }
    });
    let wrong: Vec<String> = futures::future::join_all(sitting).await.concat();
    assert!(
        wrong.is_empty(),
        "{} of the sittings:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_automatic_requirement_has_a_solution_that_fails_it() {
    let suite = Profiles::embedded().unwrap();
    let automatic: BTreeSet<&str> = suite
        .profiles()
        .iter()
        .flat_map(|profile| &profile.requirements)
        .filter(|requirement| requirement.verified == Verified::Automatic)
        .map(|requirement| requirement.id.as_str())
        .collect();
    let broken: BTreeSet<&str> = Defect::value_variants()
        .iter()
        .map(|defect| defect.requirement())
        .collect();
    assert_eq!(automatic, broken);
    for defect in Defect::value_variants() {
        for test in defect.tests() {
            assert!(suite.test(test).is_some(), "{defect:?} names `{test}`");
        }
    }
}
