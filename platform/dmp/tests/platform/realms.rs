//! Two vendors in one sandbox group: each has its people, who log in, are found and have documents for its software alone.

use dmp_client::registry::PopulationAnswer;
use dmp_core::tls::Identity;
use dmp_keys::Client;
use dmp_portal::population::Population;
use dmp_portal::sandbox_people::{SandboxPeople, SandboxPerson};
use dmp_testkit::Bao;
use dmpctl::demo::submission::provide_bundle;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::world::{ESTABLISHMENT, World};

const REALMS: [&str; 2] = ["vendor-r0/1", "vendor-r1/1"];

/// What one vendor has.
struct Vendor {
    population: Population,
    people: Vec<String>,
    physician: String,
    patient: String,
}

async fn populate(world: &World, realm: &str) -> (Population, PopulationAnswer) {
    let population = Population::of(realm, ESTABLISHMENT);
    let portal = world.platform.pki.service("dmp-national", "portal");
    let request = portal
        .http_client()
        .unwrap()
        .post(format!("{}/v1/sandbox/population", world.registry))
        .json(&population.clone().into_request());
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    (population, answer.json().await.unwrap())
}

/// Exchanges a log-in; the token, or the error.
async fn exchange(world: &World, software: &Identity, log_in: &str, purpose: &str) -> Result<String, String> {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", log_in),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ("purpose", purpose),
    ];
    let body: Vec<String> = form
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace(':', "%3A")))
        .collect();
    let request = software
        .http_client()
        .unwrap()
        .post(format!("{}/oauth2/token", world.gateway))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.join("&"));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let text = |name: &str| answer[name].as_str().map(str::to_owned);
    text("access_token").ok_or_else(|| text("error").unwrap_or_default())
}

async fn send(
    world: &World,
    software: &Identity,
    token: &str,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let mut request = software
        .http_client()
        .unwrap()
        .request(method, format!("{}{path}", world.gateway))
        .bearer_auth(token);
    if let Some(body) = body {
        request = request
            .header("content-type", "application/fhir+json")
            .body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

fn relation(patient: &str, inpe: &str) -> Value {
    json!({
        "resourceType": "Consent",
        "status": "active",
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "patient": { "reference": format!("Patient/{patient}") },
        "provision": { "type": "permit", "actor": [{
            "role": { "text": "caregiver" },
            "reference": { "identifier": { "system": "https://dmp.ma/sid/inpe", "value": inpe } },
        }] },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn two_vendors_in_one_sandbox_do_not_see_each_other() {
    let world = World::start_in_realms(&REALMS).await;
    let issuer = &world.platform.tokens.issuer;
    let people = SandboxPeople::new(Client::root(&Bao::shared().config(None)).unwrap(), issuer);
    let mut vendors = Vec::new();
    for (n, realm) in REALMS.into_iter().enumerate() {
        let (population, answer) = populate(&world, realm).await;
        assert_eq!((answer.patients.len(), answer.created), (20, 20));
        assert_eq!(populate(&world, realm).await.1.created, 0, "again is nothing new");
        let physician = SandboxPerson::Professional(population.professionals[0].inpe.clone());
        let patient = SandboxPerson::Patient(population.patients[0].identifier.clone());
        let physician = people.token(realm, &physician).await.unwrap();
        let patient = people.token(realm, &patient).await.unwrap();
        let (own, other) = (&world.realms[n], &world.realms[1 - n]);
        for (log_in, own, other, purpose) in [
            (&physician, &own.hospital, &other.hospital, "TREAT"),
            (&patient, &own.app, &other.app, "PATRQT"),
        ] {
            assert!(exchange(&world, own, log_in, purpose).await.is_ok());
            let refused = exchange(&world, other, log_in, purpose).await;
            assert_eq!(refused, Err("invalid_grant".to_owned()));
        }
        vendors.push(Vendor {
            population,
            people: answer
                .patients
                .iter()
                .map(|id| id.as_uuid().to_string())
                .collect(),
            physician: exchange(&world, &own.hospital, &physician, "TREAT")
                .await
                .unwrap(),
            patient: exchange(&world, &own.app, &patient, "PATRQT").await.unwrap(),
        });
    }
    let [first, second] = &vendors[..] else {
        panic!("two vendors")
    };
    let (hospital, other) = (&world.realms[0].hospital, &world.realms[1].hospital);
    let id = &first.people[0];
    let get = Method::GET;

    // By identifier: hers here, nobody there.
    let identifier = &first.population.patients[0].identifier;
    let by = format!(
        "/fhir/Patient?identifier={}%7C{}",
        identifier.system, identifier.value
    );
    let (_, found) = send(&world, hospital, &first.physician, get.clone(), &by, None).await;
    assert_eq!(found["entry"][0]["resource"]["id"], *id);
    let (status, found) = send(&world, other, &second.physician, get.clone(), &by, None).await;
    assert_eq!((status, &found["total"]), (200, &json!(0)));
    let national = world
        .hospital(get.clone(), &by, HeaderMap::new(), &Value::Null)
        .await;
    assert_eq!((national.status, &national.body["total"]), (200, &json!(0)));

    // A document of hers, and the physician she trusts.
    let date = jiff::Timestamp::now().to_string();
    let documents = [&world.case.letter, &world.case.summary];
    let bundle = |patient: &str| {
        provide_bundle(
            patient,
            &world.case.submission,
            "urn:oid:2.999.212.5.1",
            &date,
            &documents,
        )
    };
    let post = Method::POST;
    let (status, stored) = send(
        &world,
        hospital,
        &first.physician,
        post.clone(),
        "/fhir",
        Some(&bundle(id)),
    )
    .await;
    assert_eq!(status, 200, "{stored}");
    let inpe = &first.population.professionals[0].inpe;
    let (status, answer) = send(
        &world,
        &world.realms[0].app,
        &first.patient,
        post.clone(),
        "/fhir/Consent",
        Some(&relation(id, inpe)),
    )
    .await;
    assert_eq!(status, 201, "{answer}");
    let search = format!("/fhir/DocumentReference?patient={id}");
    let (status, found) = send(&world, hospital, &first.physician, get.clone(), &search, None).await;
    assert_eq!((status, &found["total"]), (200, &json!(2)), "{found}");
    let url = found["entry"][0]["resource"]["content"][0]["attachment"]["url"]
        .as_str()
        .unwrap();
    let binary = format!("/fhir/Binary/{}", url.rsplit_once('/').unwrap().1);

    // By her id and by her document's: nothing, for the other vendor, for her neighbour there, for the nation.
    let unknown = send(
        &world,
        other,
        &second.physician,
        get.clone(),
        &format!("/fhir/DocumentReference?patient={}", uuid_of_nobody()),
        None,
    )
    .await;
    assert_eq!(unknown.0, 403);
    for path in [&search, &binary] {
        let refused = send(&world, other, &second.physician, get.clone(), path, None).await;
        assert_eq!(refused, unknown, "{path}");
        let refused = send(
            &world,
            &world.realms[1].app,
            &second.patient,
            get.clone(),
            path,
            None,
        )
        .await;
        assert_eq!(refused, unknown, "{path}");
        let national = world
            .hospital(get.clone(), path, HeaderMap::new(), &Value::Null)
            .await;
        assert_eq!((national.status, national.body), unknown, "{path}");
    }
    let refused = send(&world, other, &second.physician, post, "/fhir", Some(&bundle(id))).await;
    assert_eq!(refused, unknown, "nor can anything be filed under her");
}

const fn uuid_of_nobody() -> &'static str {
    "5b0e6a5e-8f4e-4c4e-9d7a-2b1f0c9d8e7f"
}
