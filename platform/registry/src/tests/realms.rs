//! People of one realm do not exist in another, nor for the nation, nor does the nation for them.

use dmp_client::registry::{DirectoryRequest, FeedAnswer, LocatorRequest, ResolveAnswer, SearchAnswer};
use dmp_core::ids::{Identifier, PatientId};
use dmp_core::token::Person;
use dmp_fhir::systems;
use dmp_testkit::Postgres;
use serde_json::json;
use sqlx::AssertSqlSafe;

use super::world::{DOCTOR, IPP, World, answer, identifier, number, patient};

const REALMS: [Option<&str>; 3] = [None, Some("a-1"), Some("b-1")];
const HOSPITAL: &str = "900000001";

/// The same identifier, fed in every realm.
async fn fed_everywhere(world: &World) -> (Identifier, [PatientId; 3]) {
    let cnie = identifier(systems::CNIE, &format!("XT{}", number()));
    let mut ids = Vec::new();
    for realm in REALMS {
        let token = world.doctor_in(realm);
        let fed: FeedAnswer = world.feed(&token, &cnie, &patient(&[&cnie], "Salé")).await.json();
        assert!(fed.created, "{realm:?}");
        ids.push(fed.id);
    }
    (
        cnie,
        ids.try_into().unwrap_or_else(|_| unreachable!("one per realm")),
    )
}

#[tokio::test]
async fn one_identifier_is_one_person_per_realm() {
    let world = World::new().await;
    let (cnie, ids) = fed_everywhere(&world).await;
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    for (realm, id) in REALMS.into_iter().zip(ids) {
        let found: SearchAnswer = world.search(&world.doctor_in(realm), &cnie).await.json();
        assert_eq!(found.patients.len(), 1);
        assert_eq!(found.patients[0]["id"], id.as_uuid().to_string(), "{realm:?}");
        assert!(
            world.by_identifier_in(realm, &cnie).await == Some(id),
            "{realm:?}"
        );
        // Herself, with a token of her realm; in any other realm she is nobody.
        for other in REALMS {
            let token = world.token_in(other, Person::Patient { id });
            let answer = world.search(&token, &cnie).await;
            if other == realm {
                assert_eq!(answer.status, 200);
            } else {
                assert_eq!(answer.problem(), (403, "access-refused".to_owned()));
            }
        }
    }
    let nobody = identifier(IPP, &number());
    let unknown = world
        .search(
            &world.token_in(
                None,
                Person::Patient {
                    id: PatientId::random(),
                },
            ),
            &nobody,
        )
        .await;
    let foreign = world
        .search(
            &world.token_in(Some("a-1"), Person::Patient { id: ids[0] }),
            &nobody,
        )
        .await;
    assert_eq!(
        unknown, foreign,
        "a patient of another realm is refused as an unknown one"
    );
    for realm in [Some("c-1"), Some("a-2"), Some("a"), Some("A-1")] {
        assert!(world.by_identifier_in(realm, &cnie).await.is_none(), "{realm:?}");
        let none: SearchAnswer = world.search(&world.doctor_in(realm), &cnie).await.json();
        assert!(none.patients.is_empty(), "{realm:?}");
    }
}

#[tokio::test]
async fn a_patient_of_another_realm_has_no_pseudonyms_and_no_groups() {
    let world = World::new().await;
    let (_, ids) = fed_everywhere(&world).await;
    let callers = [
        ("dmp-a", "records"),
        ("dmp-national", "consent"),
        ("dmp-national", "audit"),
    ];
    for (realm, id) in REALMS.into_iter().zip(ids) {
        for (namespace, account) in callers {
            let client = world.client(namespace, account);
            for other in REALMS {
                let resolved = world.resolve_in(&client, other, id).await;
                if other == realm {
                    resolved.json::<ResolveAnswer>();
                } else {
                    assert_eq!(resolved.problem(), (404, "unknown-patient".to_owned()));
                }
            }
        }
        let records = world.client("dmp-a", "records");
        for other in REALMS {
            let request = LocatorRequest {
                patient: id,
                realm: other.map(str::to_owned),
            };
            let url = world.service.url("/v1/locator/register");
            let registered = answer(records.post(url).json(&request)).await;
            assert_eq!(registered.status, if other == realm { 200 } else { 404 });
        }
        for other in REALMS {
            let expected: &[&str] = if other == realm { &["a"] } else { &[] };
            assert_eq!(world.groups_in(other, id).await, expected);
        }
    }
}

#[tokio::test]
async fn each_realm_has_its_own_directory() {
    let world = World::new().await;
    let inpe = |value: &str| json!({ "system": systems::INPE, "value": value });
    let bundle = |profession: &str| {
        let entry = |resource: serde_json::Value| {
            json!({ "fullUrl": uuid::Uuid::new_v4().urn().to_string(), "request": { "method": "POST", "url": resource["resourceType"] },
                "resource": resource })
        };
        json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
            entry(json!({ "resourceType": "Organization", "identifier": [inpe(HOSPITAL)] })),
            entry(json!({ "resourceType": "Practitioner", "identifier": [inpe(DOCTOR)] })),
            entry(json!({ "resourceType": "PractitionerRole", "practitioner": { "identifier": inpe(DOCTOR) },
                "organization": { "identifier": inpe(HOSPITAL) },
                "code": [{ "coding": [{ "system": systems::PROFESSION, "code": profession }] }] })),
        ] })
    };
    let publish = async |realm: Option<&str>, bundle| {
        let token = world.token_in(realm, Person::Directory);
        world
            .post("/v1/directory", &token, &DirectoryRequest { bundle })
            .await
    };
    let profession = async |realm| world.confirm_in(realm, DOCTOR, HOSPITAL).await.profession;
    assert_eq!(publish(Some("a-1"), bundle("physician")).await.status, 200);
    assert_eq!(profession(Some("a-1")).await.as_deref(), Some("physician"));
    assert_eq!(
        (profession(None).await, profession(Some("b-1")).await),
        (None, None)
    );
    let mut role = bundle("nurse");
    role["entry"].as_array_mut().unwrap().drain(..2);
    assert_eq!(
        publish(None, role).await.problem(),
        (422, "directory-role-dangling".to_owned()),
        "a role of the nation does not lead to a professional of a sandbox"
    );
    assert_eq!(publish(None, bundle("nurse")).await.status, 200);
    assert_eq!(profession(None).await.as_deref(), Some("nurse"));
    assert_eq!(profession(Some("a-1")).await.as_deref(), Some("physician"));
    assert_eq!(world.count("practitioner_role").await, 2);
}

#[tokio::test]
async fn no_name_of_a_realm_is_the_nations() {
    let world = World::new().await;
    let (id, ipp) = world.new_patient().await;
    for realm in ["", " ", "a\u{e9}", &"a".repeat(200)] {
        let invalid = (400, "realm-invalid".to_owned());
        let token = world.doctor_in(Some(realm));
        assert_eq!(world.search(&token, &ipp).await.problem(), invalid);
        assert_eq!(
            world.feed(&token, &ipp, &patient(&[&ipp], "Fès")).await.problem(),
            invalid
        );
        let records = world.client("dmp-a", "records");
        assert_eq!(
            world.resolve_in(&records, Some(realm), id).await.problem(),
            invalid
        );
    }
}

#[tokio::test]
async fn what_was_there_before_realms_is_the_nations() {
    let pool = Postgres::shared().pool().await;
    let run = async |sql: &str| {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&pool)
            .await
            .unwrap();
    };
    run(include_str!("../../migrations/0001_registry.sql")).await;
    run(
        "INSERT INTO patient VALUES ('5b0e6a5e-0000-4000-8000-000000000001', 'k', 2, '2026-01-01Z', 's');
         INSERT INTO patient_history VALUES ('5b0e6a5e-0000-4000-8000-000000000001', 1, '2026-01-01Z', 's');
         INSERT INTO patient_identifier VALUES (decode(repeat('ab', 32), 'hex'), '5b0e6a5e-0000-4000-8000-000000000001');
         INSERT INTO organization VALUES ('900000001', true, 'O', '{}');
         INSERT INTO practitioner VALUES ('100000001', true, 'P', '{}');
         INSERT INTO practitioner_role VALUES ('100000001', '900000001', 'nurse', true, '{}');",
    )
    .await;
    let rows = async |columns: &str| -> Vec<String> {
        let sql = format!(
            "SELECT row_to_json(t)::text FROM (SELECT {columns} FROM patient p JOIN patient_identifier i ON i.patient = p.id
               JOIN patient_history h ON h.patient = p.id, organization o, practitioner c, practitioner_role r) t"
        );
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(&pool)
            .await
            .unwrap()
    };
    let before = "p.id, p.wrapped_key, p.version, p.updated, p.sealed, i.token, h.sealed AS old, o.inpe, o.name, o.active,
                  c.inpe AS who, c.display, r.practitioner, r.organization, r.profession, r.updated AS at";
    let old = rows(before).await;
    assert_eq!(old.len(), 1);
    run(include_str!("../../migrations/0002_realms.sql")).await;
    assert_eq!(rows(before).await, old);
    let realms = rows("p.realm, o.realm AS o, c.realm AS c, r.realm AS r").await;
    assert_eq!(realms, [r#"{"realm":null,"o":"","c":"","r":""}"#]);
}
