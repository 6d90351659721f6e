//! A renewal against a gateway that loses an answer, refuses, or answers.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use dmp_testkit::{Pki, TestService, Validity};

use super::*;

/// What the gateway does, and what it was asked.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<Vec<(u16, String)>>>,
    asked: Arc<Mutex<Vec<String>>>,
    authority: String,
}

async fn authority(State(script): State<Script>) -> String {
    script.authority
}

async fn judge(State(script): State<Script>, body: String) -> Response {
    script.asked.lock().unwrap().push(body);
    let (status, text) = script.answers.lock().unwrap().remove(0);
    (StatusCode::from_u16(status).unwrap(), text).into_response()
}

struct World {
    options: RenewOptions,
    script: Script,
    old: String,
    key: KeyPair,
    _gateway: TestService,
    _folder: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let pki = Pki::new("dmp.test");
        let issued = pki.solution_certificate("vendor-a", "chu", Validity::For(Duration::from_secs(600)));
        let script = Script {
            authority: est::certs_only(issued.chain.get(1..).unwrap()).unwrap(),
            ..Script::default()
        };
        let router = Router::new()
            .route(CA_CERTIFICATES, get(authority))
            .route(REENROLL, post(judge))
            .with_state(script.clone());
        let identity = pki.service("dmp-national", "gateway");
        let gateway =
            TestService::start_with(&identity, pki.solutions_ca(), router, Default::default()).await;
        let folder = tempfile::tempdir().unwrap();
        let (identity, ca) = (folder.path().join("chu.pem"), folder.path().join("ca.crt"));
        let old = Pki::pem(&issued);
        std::fs::write(&identity, &old).unwrap();
        std::fs::write(&ca, pki.root_pem()).unwrap();
        Self {
            options: RenewOptions {
                gateway: GatewayOptions {
                    gateway: gateway.base(),
                    ca,
                },
                identity,
                new_key: false,
            },
            script,
            old,
            key: KeyPair::from_pem(&issued.key_pem).unwrap(),
            _gateway: gateway,
            _folder: folder,
        }
    }

    fn answers(&self, status: u16, text: impl Into<String>) {
        self.script.answers.lock().unwrap().push((status, text.into()));
    }

    /// A certificate of the software's own key.
    fn issues(&self) -> Vec<u8> {
        let leaf = CertificateParams::default().self_signed(&self.key).unwrap();
        self.answers(200, est::certs_only([leaf.der()]).unwrap());
        leaf.der().to_vec()
    }

    fn file(&self, what: &str) -> Option<String> {
        std::fs::read_to_string(beside(&self.options.identity, what)).ok()
    }

    fn identity(&self) -> String {
        std::fs::read_to_string(&self.options.identity).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_is_asked_for_again_with_the_same_request() {
    let world = World::start().await;
    world.answers(503, "{}");
    let error = renew(&world.options).await.unwrap_err();
    assert_eq!(error.code, "renewal-failed");
    assert_eq!(world.identity(), world.old);
    assert!(world.file("renewing").unwrap().contains("CERTIFICATE REQUEST"));

    let leaf = world.issues();
    renew(&world.options).await.unwrap();
    let asked = world.script.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0], asked[1]);
    let new = world.identity();
    assert!(new.starts_with(&pem(&leaf).unwrap()));
    assert_eq!(new.matches("BEGIN CERTIFICATE").count(), 2, "and its authority");
    assert_eq!(private_key(&new), private_key(&world.old), "the key stays");
    assert_eq!(world.file("previous").unwrap(), world.old);
    assert_eq!(world.file("renewing"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_why_and_changes_nothing() {
    let world = World::start().await;
    let refusal = serde_json::json!({ "code": "renewal-refused", "detail": "NotHomologated: look at it" });
    world.answers(403, refusal.to_string());
    let error = renew(&world.options).await.unwrap_err();
    assert_eq!(error.code, "renewal-refused");
    assert!(error.message.contains("NotHomologated"), "{}", error.message);
    assert_eq!(
        (world.identity(), world.file("renewing")),
        (world.old.clone(), None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_key_is_not_taken() {
    let mut world = World::start().await;
    world.key = KeyPair::generate().unwrap();
    world.issues();
    let error = renew(&world.options).await.unwrap_err();
    assert_eq!(error.code, "renewal-not-understood");
    assert_eq!(world.identity(), world.old);
    // A new key is made once, and kept until it is certified.
    let mut options = world.options.clone();
    options.new_key = true;
    forget(&beside(&options.identity, "renewing")).unwrap();
    world.answers(503, "{}");
    renew(&options).await.unwrap_err();
    let kept = private_key(&world.file("renewing").unwrap()).unwrap();
    world.key = KeyPair::from_pem(&kept).unwrap();
    world.issues();
    renew(&options).await.unwrap();
    assert_eq!(private_key(&world.identity()), Some(kept));
}
