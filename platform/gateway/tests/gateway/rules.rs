//! Every rule of the door, live, each alone: what it refuses is told so, and passes again once the reason is gone. A rule that is taken
//! out fails here, whatever its unit tests say.

use std::time::{Duration, Instant};

use dmp_client::facts::{Facts, Gate, Mode, Revocation};
use dmp_core::ids::PatientId;
use dmp_core::peer::SpiffeId;
use dmp_testkit::{DOMAIN, Validity};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use crate::stub::Answer;
use crate::world::{DIRECTORY, HOSPITAL, Software, World, document_id};

/// Status, code and detail of what a new connection of this software is answered.
async fn told(world: &World, software: &Software, method: Method, path: &str) -> (u16, String, String) {
    let fresh = Software::new(software.identity.clone());
    let answer = fresh.http.request(method, world.url(path)).send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap_or_default();
    let text = |pointers: [&str; 2]| {
        let found = pointers
            .iter()
            .find_map(|pointer| body.pointer(pointer)?.as_str());
        found.unwrap_or_default().to_owned()
    };
    let code = text(["/code", "/issue/0/details/coding/0/code"]);
    (status, code, text(["/detail", "/issue/0/diagnostics"]))
}

/// Replaces everything but the number and what was ever revoked, which is lifted.
async fn become_facts(world: &World, facts: &Facts, change: impl FnOnce(&mut Facts)) {
    let before = world.store.fresh(Instant::now()).unwrap().facts().seq;
    world.operator.change(|now| {
        let (seq, mut lifted) = (now.seq, std::mem::take(&mut now.lifted));
        lifted.append(&mut now.revocations);
        *now = facts.clone();
        (now.seq, now.lifted) = (seq, lifted);
        change(now);
    });
    world.until_seq(before + 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reason_not_to_let_software_in_refuses_alone_and_is_told() {
    type Change = fn(&mut Facts);
    let rules: [(&str, Change, &str); 13] = [
        (
            "unknown",
            |facts| facts.credentials[0].name = "vendor-h/other".to_owned(),
            "is not known",
        ),
        (
            "another certificate of the same name",
            |facts| facts.credentials[0].certificate_sha256 = "0".repeat(64),
            "with another certificate",
        ),
        (
            "ended before its certificate",
            |facts| facts.credentials[0].not_after = Timestamp::now() - SignedDuration::from_secs(1),
            "has expired",
        ),
        (
            "a group that sandbox software does not open",
            |facts| facts.groups[0].mode = Mode::Production,
            "does not open the health group",
        ),
        (
            "a group that is gone",
            |facts| drop(facts.groups.remove(0)),
            "does not open the health group",
        ),
        (
            "its vendor",
            |facts| facts.revocations.push(Revocation::of_vendor(HOSPITAL.0)),
            "revoked",
        ),
        (
            "its product",
            |facts| {
                facts
                    .revocations
                    .push(Revocation::of_solution("vendor-h/solution"))
            },
            "revoked",
        ),
        (
            "its version",
            |facts| {
                facts.revocations.push(Revocation {
                    version: Some("1.0".to_owned()),
                    ..Revocation::of_solution("vendor-h/solution")
                })
            },
            "revoked",
        ),
        (
            "its establishment",
            |facts| {
                facts.revocations.push(Revocation {
                    establishment: Some("000000001".to_owned()),
                    ..Revocation::of_solution("vendor-h/solution")
                })
            },
            "revoked",
        ),
        (
            "its credential",
            |facts| {
                facts.revocations.push(Revocation {
                    credential: Some("vendor-h/hospital-a".to_owned()),
                    ..Revocation::of_solution("vendor-h/solution")
                })
            },
            "revoked",
        ),
        (
            "a revocation that names nobody",
            |facts| {
                facts.revocations.push(Revocation {
                    solution: None,
                    ..Revocation::of_solution("")
                })
            },
            "revoked",
        ),
        (
            "its group is not homologated",
            |facts| {
                homologated(facts, &[]);
                facts.groups[0].gate = Gate::Closed;
            },
            "is not homologated",
        ),
        (
            "the platform is not homologated, and the software is of no group",
            |facts| {
                homologated(facts, &[]);
                facts.credentials[0].group = None;
                facts.gate = Gate::Closed;
            },
            "is not homologated",
        ),
    ];
    let world = World::start().await;
    let good = world.operator.facts();
    for (name, change, says) in rules {
        become_facts(&world, &good, change).await;
        let (status, code, detail) = told(&world, &world.hospital, Method::GET, "/fhir/metadata").await;
        assert_eq!((status, code.as_str()), (403, "solution-refused"), "{name}");
        assert!(detail.contains(says), "{name}: {detail}");
        become_facts(&world, &good, |_| {}).await;
        let (status, ..) = told(&world, &world.hospital, Method::GET, "/fhir/metadata").await;
        assert_eq!(status, 200, "{name} is gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_the_right_authority_that_names_no_credential_here_is_refused() {
    let world = World::start().await;
    for id in [
        SpiffeId::service(DOMAIN, "dmp-national", "registry"),
        SpiffeId::service(DOMAIN, HOSPITAL.0, HOSPITAL.1),
        SpiffeId::credential("other.test", HOSPITAL.0, HOSPITAL.1),
        SpiffeId::credential(DOMAIN, HOSPITAL.0, "hospital-a/more"),
    ] {
        let validity = Validity::For(Duration::from_secs(600));
        let certificate = world.pki.solution_certificate_of(&id, validity);
        let odd = Software::new(world.pki.identity(&certificate));
        let hash = hex::encode(odd.identity.as_peer().certificate_sha256);
        // Even when the facts have its certificate.
        let before = world.store.fresh(Instant::now()).unwrap().facts().seq;
        world
            .operator
            .change(|facts| facts.credentials[0].certificate_sha256 = hash);
        world.until_seq(before + 1).await;
        let (status, code, detail) = told(&world, &odd, Method::GET, "/fhir/metadata").await;
        assert_eq!((status, code.as_str()), (403, "solution-refused"), "{id}");
        assert!(detail.contains("names no credential"), "{id}: {detail}");
    }
}

/// Every operation that a homologation opens, and its scope.
const OPERATIONS: [(&str, &str, &str); 13] = [
    ("POST", "/fhir", "document-feeder"),
    ("PUT", "/fhir/Patient", "identity-feed"),
    ("GET", "/fhir/Patient", "registry-consumer"),
    ("POST", "/fhir/Patient/_search", "registry-consumer"),
    ("GET", "/fhir/DocumentReference", "document-reader"),
    ("POST", "/fhir/DocumentReference/_search", "document-reader"),
    ("GET", "/fhir/Binary/aaaaaaaa-1", "document-reader"),
    ("POST", "/fhir/Consent", "consent"),
    ("GET", "/fhir/Consent", "consent"),
    ("PUT", "/fhir/Consent/c1", "consent"),
    ("GET", "/fhir/AuditEvent", "trail"),
    ("POST", "/fhir/AuditEvent/_search", "trail"),
    ("GET", "/dmp/v1/trail", "trail"),
];

/// In production, with these scopes.
fn homologated(facts: &mut Facts, scopes: &[&str]) {
    for group in &mut facts.groups {
        group.mode = Mode::Production;
    }
    for credential in &mut facts.credentials {
        credential.mode = Mode::Production;
        credential.scopes = Some(scopes.iter().map(|&scope| scope.to_owned()).collect());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_is_closed_to_a_homologation_with_every_scope_but_its_own() {
    let world = World::start().await;
    let good = world.operator.facts();
    let mut scopes: Vec<&str> = OPERATIONS.iter().map(|(.., scope)| *scope).collect();
    scopes.push("directory-source");
    scopes.sort_unstable();
    scopes.dedup();
    for own in &scopes {
        let others: Vec<&str> = scopes.iter().copied().filter(|scope| scope != own).collect();
        become_facts(&world, &good, |facts| homologated(facts, &others)).await;
        for (method, path, needed) in OPERATIONS {
            let method: Method = method.parse().unwrap();
            let (status, code, detail) = told(&world, &world.hospital, method.clone(), path).await;
            if needed == *own {
                assert_eq!((status, code.as_str()), (403, "scope-missing"), "{method} {path}");
                assert!(detail.contains(&format!("`{own}`")), "{method} {path}: {detail}");
            } else {
                // The next thing that is missing is the person.
                assert_eq!(
                    (status, code.as_str()),
                    (401, "token-missing"),
                    "{method} {path} without {own}"
                );
            }
        }
        let (.., code, _) = told(&world, &world.directory, Method::POST, "/fhir").await;
        let closed = *own == "directory-source";
        assert_eq!(code == "scope-missing", closed, "{}: {code}", DIRECTORY.1);
        // The suite is no operation of a homologation, whatever its scopes.
        let suite = "/dmp/v1/conformance/profiles";
        let (status, code, _) = told(&world, &world.hospital, Method::GET, suite).await;
        assert_eq!((status, code.as_str()), (403, "sandbox-only"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_end_of_a_homologation_nothing_new_is_taken_and_the_rest_is() {
    let world = World::start().await;
    let good = world.operator.facts();
    let scopes: Vec<&str> = OPERATIONS.iter().map(|(.., scope)| *scope).collect();
    for gate in [Gate::Closed, Gate::ReadOnly, Gate::Open] {
        become_facts(&world, &good, |facts| {
            homologated(facts, &scopes);
            facts.groups[0].gate = gate;
        })
        .await;
        for (method, path, _) in OPERATIONS {
            let method: Method = method.parse().unwrap();
            let new = matches!(
                (method.as_str(), path),
                ("POST", "/fhir") | ("PUT", "/fhir/Patient")
            );
            let (status, code, _) = told(&world, &world.hospital, method.clone(), path).await;
            if gate == Gate::Closed {
                assert_eq!(
                    (status, code.as_str()),
                    (403, "solution-refused"),
                    "{method} {path}"
                );
            } else if new && gate == Gate::ReadOnly {
                assert_eq!(
                    (status, code.as_str()),
                    (403, "homologation-ended"),
                    "{method} {path}"
                );
            } else {
                // The next thing that is missing is the person.
                assert_eq!(
                    (status, code.as_str()),
                    (401, "token-missing"),
                    "{method} {path} {gate:?}"
                );
            }
        }
        // Closed or not, a certificate is renewed: nobody could do that for everybody at once on the day it opens again.
        let renewal = "/.well-known/est/simplereenroll";
        let (_, code, _) = told(&world, &world.hospital, Method::POST, renewal).await;
        assert_ne!(code, "solution-refused", "{gate:?}");
        let (_, code, _) = told(&world, &world.hospital, Method::POST, "/oauth2/token").await;
        assert_eq!(
            code == "solution-refused",
            gate == Gate::Closed,
            "{gate:?}: {code}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sandbox_software_reaches_no_group_of_production() {
    let world = World::start().await;
    world
        .operator
        .change(|facts| facts.groups[1].mode = Mode::Production);
    world.until_seq(2).await;
    let [own, real] = &world.records;
    for stub in [own, real] {
        stub.answers("/v1/documents/search", Answer::Json(json!({ "documents": [] })));
        stub.answers("/v1/documents/retrieve", Answer::Bytes("text/plain", "x".into()));
    }
    world.locates(&["a", "b"]);
    let found = world
        .get(&format!(
            "/fhir/DocumentReference?patient={}",
            uuid::Uuid::new_v4()
        ))
        .await;
    assert_eq!(found.status(), 200);
    for (group, status) in [("a", 200), ("b", 403)] {
        let binary = format!("/fhir/Binary/{}", document_id(group));
        assert_eq!(world.get(&binary).await.status(), status, "{group}");
    }
    assert_eq!(own.heard().len(), 2);
    assert!(real.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_body_has_its_limit_and_its_type() {
    let world = World::start().await;
    let (form, fhir) = ("application/x-www-form-urlencoded", "application/fhir+json");
    let physician = (&world.hospital, world.physician());
    let patient = (&world.app, world.patient(PatientId::random()));
    let routes = [
        (&physician, Method::POST, "/oauth2/token", form, 64 * 1024),
        (&physician, Method::POST, "/fhir/Patient/_search", form, 64 * 1024),
        (
            &physician,
            Method::PUT,
            "/fhir/Patient?identifier=a%7C1",
            fhir,
            2 * 1024 * 1024,
        ),
        (&patient, Method::POST, "/fhir/Consent", fhir, 2 * 1024 * 1024),
        (&patient, Method::PUT, "/fhir/Consent/c1", fhir, 2 * 1024 * 1024),
    ];
    for ((software, claims), method, path, kind, limit) in routes {
        let send = async |kind: &str, bytes: usize| {
            let request = software.http.request(method.clone(), world.url(path));
            let request = request.bearer_auth(world.tokens.mint(claims));
            let request = request.header("content-type", kind).body(vec![b' '; bytes]);
            match request.send().await {
                Ok(answer) => answer.status().as_u16(),
                // The gateway may end the stream before the body has come.
                Err(error) => {
                    assert!(error.is_request() || error.is_body(), "{error:?}");
                    413
                }
            }
        };
        assert_eq!(send(kind, limit + 1).await, 413, "{method} {path}");
        assert_eq!(send("text/plain", 10).await, 415, "{method} {path}");
        // What is announced is refused before anything of it comes.
        let request = software.http.request(method.clone(), world.url(path));
        let request = request
            .bearer_auth(world.tokens.mint(claims))
            .header("content-type", kind);
        let request = request.header("content-length", limit + 1);
        let nothing = futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
        let request = request.body(reqwest::Body::wrap_stream(nothing)).send();
        let answer = tokio::time::timeout(Duration::from_secs(20), request).await;
        let answer = answer.unwrap_or_else(|_| panic!("{method} {path} waits for it"));
        assert_eq!(answer.unwrap().status(), 413, "{method} {path}");
        let within = send(kind, limit).await;
        assert!(within != 413 && within != 415, "{method} {path}: {within}");
    }
    for stub in [&world.registry, &world.consent] {
        assert!(stub.heard().is_empty());
    }
}
