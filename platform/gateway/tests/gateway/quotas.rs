//! Quotas: who asks for too much is told when to come back, and nobody else notices.
//!
//! The limits are small (one request a second), so that a slow machine asks faster too; nothing here depends on how fast.

use std::time::{Duration, Instant};

use dmp_client::quota::Quotas;
use dmp_core::ids::PatientId;
use dmp_core::token::{Claims, Person};
use futures::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::world::{CABINET, HOSPITAL, Software, World, credential};

/// Requests after which one must have been refused.
const PATIENCE: usize = 300;

fn quotas(named: Value) -> Quotas {
    serde_json::from_value(named).unwrap()
}

fn slow(burst: u32) -> Value {
    json!({ "per_second": 1, "burst": burst })
}

async fn ask(world: &World, software: &Software, path: &str, claims: Option<&Claims>) -> Response {
    let mut request = software.http.get(world.url(path));
    if let Some(claims) = claims {
        request = request.bearer_auth(world.tokens.mint(claims));
    }
    request.send().await.unwrap()
}

/// Asks until a request is refused: that answer.
async fn hammer(ask: impl AsyncFn() -> Response) -> Response {
    for _ in 0..PATIENCE {
        let answer = ask().await;
        if answer.status() == 429 {
            return answer;
        }
    }
    panic!("{PATIENCE} requests, and none was too many");
}

fn told(answer: &Response) -> u64 {
    let seconds = answer.headers()["retry-after"].to_str().unwrap();
    seconds.parse().unwrap()
}

async fn code(answer: Response) -> String {
    let body: Value = answer.json().await.unwrap();
    let code = ["/issue/0/details/coding/0/code", "/code", "/error"]
        .iter()
        .find_map(|pointer| body.pointer(pointer)?.as_str());
    code.unwrap_or_else(|| panic!("{body}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cabinet_that_hammers_is_stopped_alone_and_passes_again_when_told() {
    let world = World::start_with(quotas(json!({ "cabinet": { "credential": slow(5) } }))).await;
    let cabinet = async |path: &str| ask(&world, &world.cabinet, path, None).await;
    let refused = hammer(async || cabinet("/fhir/metadata").await).await;
    let wait = told(&refused);
    assert!(wait >= 1, "{wait}");
    assert_eq!(refused.headers()["content-type"], "application/fhir+json");
    let outcome: Value = refused.json().await.unwrap();
    let issue = &outcome["issue"][0];
    assert_eq!(issue["code"], "throttled");
    assert_eq!(issue["details"]["coding"][0]["code"], "too-many-requests");
    let said = issue["diagnostics"].as_str().unwrap();
    assert!(
        said.starts_with("this credential may send 1 requests a second, 5 at once"),
        "{said}"
    );

    for (software, name) in [(&world.hospital, "hospital"), (&world.app, "app")] {
        let answer = ask(&world, software, "/fhir/metadata", None).await;
        assert_eq!(answer.status(), 200, "{name} is not the cabinet");
    }
    tokio::time::sleep(Duration::from_secs(wait)).await;
    assert_eq!(cabinet("/fhir/metadata").await.status(), 200, "as it was told");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_or_leads_nowhere_counts_too_in_the_shape_of_its_route() {
    let world = World::start_with(quotas(json!({ "cabinet": { "credential": slow(5) } }))).await;
    for (path, kind) in [
        ("/nowhere", "application/problem+json"),
        ("/fhir/Patient", "application/fhir+json"),
        ("/dmp/v1/trail", "application/problem+json"),
        ("/dmp/v1/conformance/profiles", "application/problem+json"),
    ] {
        let refused = hammer(async || ask(&world, &world.cabinet, path, None).await).await;
        assert_eq!(refused.headers()["content-type"], kind, "{path}");
        assert!(told(&refused) >= 1);
        assert_eq!(code(refused).await, "too-many-requests", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_service_says_it_as_oauth_does() {
    let world = World::start_with(quotas(json!({ "cabinet": { "credential": slow(5) } }))).await;
    let refused = hammer(async || {
        let request = world.cabinet.http.post(world.url("/oauth2/token"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.body("grant_type=password").send().await.unwrap()
    })
    .await;
    assert_eq!(refused.headers()["content-type"], "application/json");
    assert_eq!(refused.headers()["cache-control"], "no-store");
    assert!(told(&refused) >= 1);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"], "too-many-requests");
    assert!(
        body["error_description"]
            .as_str()
            .unwrap()
            .contains("try again in"),
        "{body}"
    );
}

/// Many requests of two askers at once: together they get through what one limit allows. Asked slowly, they may have more.
async fn share(burst: u32, ask: impl AsyncFn(usize) -> Response) -> Vec<Response> {
    let began = Instant::now();
    let asked = (0..burst as usize + 10).flat_map(|_| [0, 1]).map(|one| ask(one));
    let answers = join_all(asked).await;
    let most = u64::from(burst) + began.elapsed().as_secs() + 1;
    let passed = answers.iter().filter(|answer| answer.status() != 429).count();
    assert!(
        passed as u64 <= most,
        "{passed} of {most}: each alone has {burst}"
    );
    assert!(passed >= burst as usize, "{passed}");
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn the_credentials_of_an_establishment_share_its_limit() {
    let world = World::start_with(quotas(json!({ "cabinet": { "establishment": slow(15) } }))).await;
    let name = ("vendor-x", "cabinet-b");
    let second = Software::new(world.pki.solution(name.0, name.1));
    let fact = credential(name, &second, "cabinet", Some(("000000002", "b")));
    world.operator.change(|facts| facts.credentials.push(fact));
    world.until_seq(2).await;
    let both = [&world.cabinet, &second];
    let answers = share(15, async |one| ask(&world, both[one], "/nowhere", None).await).await;
    let refused = answers.into_iter().find(|answer| answer.status() == 429).unwrap();
    let body: Value = refused.json().await.unwrap();
    let said = body["detail"].as_str().unwrap();
    assert!(
        said.starts_with("the credentials of this kind at the establishment"),
        "{said}"
    );
    assert_eq!(ask(&world, &world.hospital, "/nowhere", None).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_professional_has_one_limit_through_all_software() {
    let person = json!({ "person": slow(15) });
    let world = World::start_with(quotas(json!({ "cabinet": person, "hospital": person }))).await;
    let here = (&world.hospital, world.physician());
    let elsewhere = (
        &world.cabinet,
        world.caregiver(&world.cabinet, CABINET, "000000002", "b"),
    );
    let both = [&here, &elsewhere];
    let path = "/dmp/v1/trail";
    share(15, async |one| {
        let (software, claims) = both[one];
        ask(&world, software, path, Some(claims)).await
    })
    .await;

    // The limit is the person's: the same software, without her or with a colleague of hers, goes on.
    assert_eq!(
        ask(&world, &world.hospital, "/fhir/metadata", None)
            .await
            .status(),
        200
    );
    let mut colleague = world.caregiver(&world.hospital, HOSPITAL, "000000001", "a");
    colleague.person = Person::Professional {
        inpe: "222222222".to_owned(),
        profession: "nurse".to_owned(),
    };
    assert_ne!(
        ask(&world, &world.hospital, path, Some(&colleague))
            .await
            .status(),
        429
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_in_the_app_does_not_take_the_place_of_others() {
    let world = World::start_with(quotas(json!({ "patient-app": { "person": slow(5) } }))).await;
    let [hers, his] = [(); 2].map(|()| world.patient(PatientId::random()));
    let path = "/fhir/AuditEvent";
    let refused = hammer(async || ask(&world, &world.app, path, Some(&hers)).await).await;
    assert_eq!(code(refused).await, "too-many-requests");
    assert_ne!(ask(&world, &world.app, path, Some(&his)).await.status(), 429);
    // A token that is not hers costs her nothing.
    let mut forged = his.clone();
    forged.credential = "vendor-x/other".to_owned();
    let request = world.app.http.request(Method::GET, world.url(path));
    let answer = request
        .bearer_auth(world.tokens.mint(&forged))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
}
