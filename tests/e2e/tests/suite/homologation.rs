//! A vendor's whole way, from nothing to the end: it signs up at the guichet, sits the suite, submits a version, which sits it again before
//! the server and before a laboratory, is reviewed and decided by two bodies, and revoked. Vendor, laboratory and reviewers speak to the
//! guichet alone. Production needs a platform for real patients, which this appliance is not: the door that a homologation opens is tested
//! with the operator (`two_bodies_open_production_and_one_closes_it`).

use std::time::{Duration, Instant};

use dmp_api::body::Role;
use dmp_api::homologation_review::ReviewVerdict;
use dmp_conformance::bundle::{Bundle, Mode};
use dmp_conformance::wire::{Closed, Open};
use dmp_homologation::dossier::programme_sha256;
use dmp_homologation::feed;
use dmp_homologation::guichet::{Entry, Me};
use dmp_homologation::sign::Signatory;
use dmp_homologation::statement::{ProgrammeApproval, Review, Statement};
use dmp_testkit::bodies::{Authority, Member};
use dmpctl::catalogue::export::edition;
use dmpctl::homologation::{CountersignOptions, SignatureOptions, countersign};
use dmpctl::install::openbao::suite_ca;
use dmpctl::kubernetes::apply::apply_all;
use jiff::{SignedDuration, Timestamp};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};

use crate::conformance::apply_profiles;
use crate::guichet::{Desk, person};
use crate::stage::{Stage, on_stage};

const PROFILE: &str = "identity-feed";
/// The version that is submitted, and its submission.
const VERSION: &str = "1.0.1";
const SUBMISSION: &str = "reference-1-0-1";

struct Bodies {
    interop: Authority,
    security: Authority,
    laboratory: Authority,
}

/// One version under homologation.
struct Case<'a> {
    stage: &'a Stage,
    desk: Desk,
    bodies: Bodies,
    /// Of this run.
    programme: String,
}

#[test]
fn a_vendor_signs_up_is_tested_homologated_and_revoked() {
    on_stage("homologation", async |stage| {
        let began = Instant::now();
        let desk = Desk::sign_up(stage, "1.0.0").await;
        eprintln!(
            "signed up, with certificates and people, after {:?}",
            began.elapsed()
        );
        let first = desk.sit(&Open::sandbox(PROFILE)).await;
        assert!(Bundle::read(&first.bundle).unwrap().passed());
        eprintln!(
            "first result of the conformance suite {:?} after the sign-up began",
            began.elapsed()
        );
        desk.sees_nobody_elses_people(stage).await;

        let mut case = Case::new(stage, desk);
        case.agency().await;
        case.submit().await;
        case.until_state("Submitted").await;
        let submission = case.submission_sha256().await;

        // The platform's own run is written down by the platform.
        case.sit(Mode::Rehearsal, &submission).await;
        case.until_state("SelfTested").await;
        case.review(&case.bodies.interop.person("i1"), false).await;
        case.review(&case.bodies.security.person("s1"), false).await;

        let supervised = case.sit(Mode::Supervised, &submission).await;
        // The suite's own word is no laboratory's.
        case.desk.hand_in_run(&supervised.statement).await;
        case.until_state("InReview").await;
        case.countersigned(&supervised).await;
        case.until_state("SupervisedTested").await;

        case.review(&case.bodies.interop.person("i2"), true).await;
        case.review(&case.bodies.security.person("s2"), true).await;
        case.until_state("Homologated").await;
        let scopes = case.status().await["scopes"].clone();
        assert_eq!(scopes, json!([PROFILE]));

        case.desk.renew().await;
        case.is_in_the_public_catalogue().await;

        let after = case.revoke().await;
        eprintln!("the revoked version's software was refused {after:?} after the API server's answer");
        case.until_state("Revoked").await;
    });
}

impl<'a> Case<'a> {
    fn new(stage: &'a Stage, desk: Desk) -> Self {
        Self {
            stage,
            programme: format!("p-{}", desk.vendor),
            desk,
            bodies: Bodies {
                interop: Authority::lasting("Entité d’interopérabilité d’essai", "000000000000011"),
                security: Authority::lasting("Entité de sécurité d’essai", "000000000000012"),
                laboratory: Authority::lasting("Laboratoire d’essai", "000000000000014"),
            },
        }
    }

    /// Bodies, profiles and a programme that both bodies signed.
    async fn agency(&self) {
        let suite = dmpctl::homologation::suite_body(&suite_ca(&self.stage.client).await.unwrap());
        let me: Me = person(self.stage, "organisme-laboratoire")
            .get("me")
            .await
            .unwrap();
        let readers = json!([{ "issuer": me.issuer, "subject": me.subject }]);
        let body = |role: Role, authority: &Authority| {
            json!({
                "role": role.as_str(), "organisation": { "name": authority.name, "ice": authority.ice },
                "anchors": [{ "certificate": authority.certificate_pem() }],
                "readers": if role == Role::Laboratory { readers.clone() } else { json!([]) },
            })
        };
        let bodies = json!({ "spec": { "bodies": [
            suite,
            body(Role::Interop, &self.bodies.interop),
            body(Role::Security, &self.bodies.security),
            body(Role::Laboratory, &self.bodies.laboratory),
        ] } });
        let platforms = self.api("Platform", None);
        let (merge, change) = (PatchParams::default(), Patch::Merge(bodies));
        platforms.patch("national", &merge, &change).await.unwrap();
        apply_profiles(self.stage).await;

        let mut spec = json!({
            "validFrom": day(-1), "validUntil": day(100), "maxDays": 365, "domains": [], "signatures": [],
            "evidence": [{ "kind": "pen-test", "maxAgeDays": 365 }],
        });
        let approval = ProgrammeApproval {
            programme: self.programme.clone(),
            programme_sha256: programme_sha256(&serde_json::from_value(spec.clone()).unwrap()),
            signed_at: Timestamp::now(),
        };
        spec["signatures"] = json!([
            signed(&self.bodies.interop.person("i0"), &approval),
            signed(&self.bodies.security.person("s0"), &approval),
        ]);
        self.apply("HomologationProgramme", &self.programme, None, &spec)
            .await;
    }

    /// The version that was tested becomes a package with a bill of materials, a submission with evidence.
    async fn submit(&mut self) {
        self.desk.next_version(VERSION).await;
        let vendor = &self.desk.vendor;
        let evidence = json!({ "name": "pen-test", "evidence": {
            "kind": "pen-test", "issuer": "Labo", "sha256": "c".repeat(64), "issued": day(-5),
        } });
        self.desk
            .post::<Entry>(&format!("vendors/{vendor}/evidence"), &evidence)
            .await;
        let submission = json!({
            "name": SUBMISSION, "solution": "reference", "version": VERSION, "programme": self.programme, "cycle": 1,
            "profiles": [format!("{PROFILE}-1-0")], "evidence": ["pen-test"],
        });
        self.desk
            .post::<Entry>(&format!("vendors/{vendor}/homologations"), &submission)
            .await;
    }

    async fn sit(&self, mode: Mode, submission: &str) -> Closed {
        let open = Open {
            mode,
            submission: Some(submission.to_owned()),
            ..Open::sandbox(PROFILE)
        };
        let closed = self.desk.sit(&open).await;
        let bundle = Bundle::read(&closed.bundle).unwrap();
        assert!(
            bundle.passed() && bundle.mode == mode,
            "{:?}",
            bundle.requirements
        );
        if mode == Mode::Supervised {
            assert_eq!(
                bundle.tests.len(),
                5,
                "the nominal test and half of the seven others"
            );
        }
        closed
    }

    /// The laboratory judges the bundle again and signs.
    async fn countersigned(&self, supervised: &Closed) {
        let folder = self.desk.folder.path();
        let laboratory = self.bodies.laboratory.person("l1");
        let run = json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "ConformanceRun",
            "metadata": { "name": "supervised", "namespace": self.desk.namespace() },
            "spec": { "statement": supervised.statement },
        });
        for (name, text) in [
            ("bundle.json", supervised.bundle.clone()),
            ("run.json", run.to_string()),
            ("suite.pem", suite_ca(&self.stage.client).await.unwrap()),
            ("lab.pem", laboratory.chain_pem),
            ("lab.key", laboratory.key_pem),
        ] {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let options = CountersignOptions {
            signature: SignatureOptions {
                certificate: folder.join("lab.pem"),
                key: folder.join("lab.key"),
            },
            bundle: folder.join("bundle.json"),
            run: folder.join("run.json"),
            suite: folder.join("suite.pem"),
        };
        let object = countersign(&options).unwrap_or_else(|error| panic!("{}", error.for_people()));
        let object: Value = serde_json::from_str(&object).unwrap();
        let statement = json!({ "statement": object["spec"]["statement"] });
        let runs = format!("vendors/{}/runs", self.desk.vendor);
        // Somebody who is nobody to this vendor hands nothing in; the laboratory does.
        let stranger = person(self.stage, "editeur-autre");
        let refused = stranger.post::<Entry>(&runs, &statement).await.unwrap_err();
        assert!(
            refused.message.contains("404 no-such-vendor"),
            "{}",
            refused.message
        );
        let laboratory = person(self.stage, "organisme-laboratoire");
        laboratory.post::<Entry>(&runs, &statement).await.unwrap();

        // Another bundle, or another authority's suite, is not signed.
        let mut touched = Bundle::read(&supervised.bundle).unwrap();
        touched.seed += 1;
        std::fs::write(folder.join("bundle.json"), touched.text()).unwrap();
        assert_eq!(countersign(&options).unwrap_err().code, "bundle-differs");
        let stranger = Authority::new("Suite", "000000000000000").certificate_pem();
        std::fs::write(folder.join("suite.pem"), stranger).unwrap();
        assert_eq!(countersign(&options).unwrap_err().code, "not-the-suites");
    }

    async fn review(&self, member: &Member, decision: bool) {
        let review = Review {
            homologation: format!("{}/{SUBMISSION}", self.desk.namespace()),
            submission_sha256: self.submission_sha256().await,
            verdict: ReviewVerdict::Favourable,
            decision,
            scopes: None,
            until: None,
            comment: "essai".to_owned(),
            signed_at: Timestamp::now(),
        };
        let path = format!("vendors/{}/homologations/{SUBMISSION}/reviews", self.desk.vendor);
        let statement = json!({ "statement": signed(member, &review) });
        let reviewer = person(self.stage, "organisme-revue");
        reviewer
            .post::<Entry>(&path, &statement)
            .await
            .unwrap_or_else(|error| panic!("{}", error.for_people()));
    }

    /// Everybody reads the signed catalogue, without a log-in; it names the version once the operator has signed the edition.
    async fn is_in_the_public_catalogue(&self) {
        let keys = edition(&self.stage.client)
            .await
            .unwrap_or_else(|error| panic!("{}", error.for_people()))
            .keys;
        let since = Instant::now();
        loop {
            let (status, body) = crate::guichet::public(self.stage, "catalogue").await;
            let text = body["catalogue"].as_str().unwrap_or_default();
            let signature = body["signature"].as_str().unwrap_or_default();
            if status == 200 && text.contains(&format!("{}/reference", self.desk.namespace())) {
                feed::verify(text.as_bytes(), signature, &keys, Timestamp::now()).unwrap();
                return;
            }
            let waited = since.elapsed() < Duration::from_secs(30);
            assert!(waited, "{status}: not in {text}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Revokes the version; how long its software was still answered.
    async fn revoke(&self) -> Duration {
        let software = &self.desk.software;
        let before = software.get("/fhir/metadata", None).await.unwrap();
        assert_eq!(before.status, 200);
        let spec = json!({
            "solution": format!("{}/reference", self.desk.namespace()), "version": VERSION, "reason": "essai",
        });
        self.apply("SolutionRevocation", &self.desk.namespace(), None, &spec)
            .await;
        let since = Instant::now();
        loop {
            let answer = software.get("/fhir/metadata", None).await;
            if !answer.is_ok_and(|reply| reply.status == 200) {
                return since.elapsed();
            }
            assert!(
                since.elapsed() < Duration::from_secs(10),
                "the revoked version is let in"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn status(&self) -> Value {
        let api = self.api("SolutionHomologation", Some(&self.desk.namespace()));
        let live = api.get(SUBMISSION).await.unwrap();
        live.data.get("status").cloned().unwrap_or_default()
    }

    async fn until_state(&self, state: &str) {
        let since = Instant::now();
        loop {
            let status = self.status().await;
            if status["state"] == state {
                return;
            }
            let waited = since.elapsed() < Duration::from_secs(30);
            assert!(waited, "not {state}: {status:#}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn submission_sha256(&self) -> String {
        let status = self.status().await;
        status["submissionSha256"].as_str().unwrap().to_owned()
    }

    async fn apply(&self, kind: &str, name: &str, namespace: Option<&str>, spec: &Value) {
        let object = json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": kind,
            "metadata": { "name": name, "namespace": namespace }, "spec": spec,
        });
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        apply_all(&self.stage.client, &[object])
            .await
            .unwrap_or_else(|error| panic!("{kind} {name}: {}", error.for_people()));
    }

    fn api(&self, kind: &str, namespace: Option<&str>) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("dmp.ma", "v1alpha1", kind));
        let client = self.stage.client.clone();
        match namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &resource),
            None => Api::all_with(client, &resource),
        }
    }
}

fn signed<T: Statement>(member: &Member, statement: &T) -> String {
    let signatory = Signatory::new(&member.chain_pem, &member.key_pem).unwrap();
    signatory.sign(statement).unwrap()
}

fn day(days: i64) -> String {
    let time = Timestamp::now() + SignedDuration::from_hours(24 * days);
    time.strftime("%Y-%m-%d").to_string()
}
