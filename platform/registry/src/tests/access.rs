//! Who may ask, and that all refusals are the same bytes.

use dmp_client::audit::EventKind;
use dmp_client::registry::{ByIdentifierRequest, SearchAnswer, SearchRequest};
use dmp_core::ids::PatientId;
use dmp_core::token::Person;

use super::world::{DOCTOR, IPP, World, answer, identifier, number, patient};

#[tokio::test]
async fn patients_find_themselves_and_nobody_else() {
    let world = World::new().await;
    let (id, mine) = world.new_patient().await;
    let (_, theirs) = world.new_patient().await;
    let token = world.patient_token(id);
    assert_eq!(
        world
            .search(&token, &mine)
            .await
            .json::<SearchAnswer>()
            .patients
            .len(),
        1
    );
    let new = identifier(IPP, &number());
    let claims = world.platform.tokens.claims(
        world.solution(),
        Person::Professional {
            inpe: DOCTOR.to_owned(),
            profession: "physician".to_owned(),
        },
    );
    let mut answers = vec![
        ("another patient", world.search(&token, &theirs).await),
        ("nobody", world.search(&token, &new).await),
        (
            "a patient feeds",
            world.feed(&token, &mine, &patient(&[&mine], "Fès")).await,
        ),
        (
            "a directory searches",
            world.search(&world.directory_token(), &mine).await,
        ),
        (
            "a directory feeds",
            world
                .feed(&world.directory_token(), &mine, &patient(&[&mine], "Fès"))
                .await,
        ),
        (
            "a stranger",
            world
                .search(&world.patient_token(PatientId::random()), &mine)
                .await,
        ),
    ];
    let logged = answers.len();
    for (name, token) in world.platform.tokens.bad(&claims) {
        answers.push((name, world.search(&token, &mine).await));
    }
    let (_, first) = &answers[0];
    assert_eq!(first.problem(), (403, "access-refused".to_owned()));
    for (name, answer) in &answers {
        assert_eq!(answer, first, "{name}");
    }
    assert_eq!(world.found(&mine).await[0]["meta"]["versionId"], "1");
    let audit = world.resolved(id).await.audit;
    let events = world.events().await;
    let refusals: Vec<_> = events
        .iter()
        .filter(|event| event.kind == EventKind::Refusal)
        .collect();
    assert_eq!(refusals.len(), logged);
    assert_eq!(
        refusals
            .iter()
            .filter(|event| event.patient == audit && event.outcome == "not-own-record")
            .count(),
        2
    );
}

#[tokio::test]
async fn each_route_has_its_callers() {
    let world = World::new().await;
    let (_, ipp) = world.new_patient().await;
    for (namespace, account) in [
        ("dmp-a", "records"),
        ("dmp-national", "consent"),
        ("dmp-a", "gateway"),
    ] {
        let client = world.client(namespace, account);
        for path in [
            "/v1/patients/feed",
            "/v1/patients/search",
            "/v1/patients/by-identifier",
            "/v1/locator",
            "/v1/directory",
            "/v1/directory/confirm",
            "/v1/sandbox/population",
        ] {
            let body = SearchRequest {
                identifier: ipp.clone(),
            };
            let request = client
                .post(world.service.url(path))
                .bearer_auth(world.doctor())
                .json(&body);
            let refused = answer(request).await.problem();
            assert_eq!(
                (refused.0, refused.1.as_str()),
                (403, "peer-not-allowed"),
                "{namespace}/{account} {path}"
            );
        }
    }
    let solution = world
        .platform
        .pki
        .solution("vendor-test", "hospital-tanger")
        .http_client()
        .unwrap();
    let body = ByIdentifierRequest {
        identifier: ipp,
        realm: None,
    };
    let request = solution
        .post(world.service.url("/v1/patients/by-identifier"))
        .json(&body);
    assert!(
        request.send().await.is_err(),
        "a solution's certificate does not pass the handshake"
    );
    let audit = world.client("dmp-national", "audit");
    assert_eq!(
        answer(audit.get(world.service.url("/v1/log/entries?from=0")))
            .await
            .status,
        200
    );
    let records = world.client("dmp-a", "records");
    assert_eq!(
        answer(records.get(world.service.url("/v1/log/entries?from=0")))
            .await
            .status,
        403
    );
}
