//! The directory: who is a professional where.

use dmp_client::audit::EventKind;
use dmp_client::registry::{DirectoryAnswer, DirectoryRequest};
use dmp_fhir::systems;
use serde_json::{Value, json};

use super::world::World;

const HOSPITAL: &str = "900000001";
const DOCTOR: &str = "100000001";

fn entry(kind: &str, resource: Value) -> Value {
    json!({ "fullUrl": format!("urn:uuid:{}", uuid::Uuid::new_v4()), "resource": resource,
        "request": { "method": "POST", "url": kind } })
}

fn inpe(value: &str) -> Value {
    json!([{ "system": systems::INPE, "value": value }])
}

fn organization(active: bool) -> Value {
    entry(
        "Organization",
        json!({ "resourceType": "Organization", "identifier": inpe(HOSPITAL), "active": active, "name": "CHU de Tanger" }),
    )
}

fn practitioner(active: bool) -> Value {
    entry(
        "Practitioner",
        json!({ "resourceType": "Practitioner", "identifier": inpe(DOCTOR), "active": active,
            "name": [{ "prefix": ["Dr"], "given": ["Samir"], "family": "BENNANI" }] }),
    )
}

fn role(active: bool, profession: &str) -> Value {
    let logical = |value: &str| json!({ "identifier": { "system": systems::INPE, "value": value } });
    entry(
        "PractitionerRole",
        json!({ "resourceType": "PractitionerRole", "active": active, "practitioner": logical(DOCTOR), "organization": logical(HOSPITAL),
            "code": [{ "coding": [{ "system": systems::PROFESSION, "code": profession }] }] }),
    )
}

fn bundle(entries: &[Value]) -> Value {
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
}

#[tokio::test]
async fn a_published_professional_is_confirmed_while_all_three_are_active() {
    let world = World::new().await;
    let (mut role_entry, practitioner_entry) = (role(true, "physician"), practitioner(true));
    role_entry["resource"]["practitioner"] = json!({ "reference": practitioner_entry["fullUrl"] });
    let answer: DirectoryAnswer = world
        .publish(&bundle(&[organization(true), practitioner_entry, role_entry]))
        .await
        .json();
    assert_eq!(
        (answer.organizations, answer.practitioners, answer.roles),
        (1, 1, 1)
    );
    let confirmed = world.confirm(DOCTOR, HOSPITAL).await;
    assert!(confirmed.active);
    assert_eq!(
        (confirmed.profession.as_deref(), confirmed.display.as_deref()),
        (Some("physician"), Some("Dr Samir BENNANI"))
    );
    assert!(!world.confirm(DOCTOR, "900000002").await.active);
    assert!(!world.confirm("100000002", HOSPITAL).await.active);

    let off_and_on = [
        (organization(false), organization(true)),
        (practitioner(false), practitioner(true)),
        (role(false, "physician"), role(true, "physician")),
    ];
    for (off, on) in off_and_on {
        assert_eq!(world.publish(&bundle(&[off])).await.status, 200);
        let gone = world.confirm(DOCTOR, HOSPITAL).await;
        assert!(!gone.active && gone.profession.is_none() && gone.display.is_none());
        assert_eq!(world.publish(&bundle(&[on])).await.status, 200);
        assert!(world.confirm(DOCTOR, HOSPITAL).await.active);
    }
    world
        .publish(&bundle(&[role(true, "biologist")]))
        .await
        .json::<DirectoryAnswer>();
    assert_eq!(
        world.confirm(DOCTOR, HOSPITAL).await.profession.as_deref(),
        Some("biologist")
    );
    assert_eq!(world.count("practitioner_role").await, 1);
    let events = world.events().await;
    assert_eq!(events.len(), 8);
    assert!(
        events.iter().all(|event| event.kind == EventKind::Write
            && event.patient.is_none()
            && event.who == "directory")
    );
}

#[tokio::test]
async fn a_wrong_bundle_changes_nothing() {
    let world = World::new().await;
    let mut batch = bundle(&[organization(true)]);
    batch["type"] = "batch".into();
    let mut delete = organization(true);
    delete["request"]["method"] = "DELETE".into();
    let mut nameless = organization(true);
    nameless["resource"]["identifier"] = json!([{ "system": "other", "value": HOSPITAL }]);
    let mut dangling = role(true, "physician");
    dangling["resource"]["practitioner"] =
        json!({ "reference": format!("urn:uuid:{}", uuid::Uuid::new_v4()) });
    let patient = entry("Patient", json!({ "resourceType": "Patient" }));
    let cases = [
        (batch, "not-a-transaction"),
        (json!({ "resourceType": "Patient" }), "not-a-bundle"),
        (
            bundle(&[organization(true), delete]),
            "directory-entry-not-supported",
        ),
        (
            bundle(&[organization(true), patient]),
            "directory-entry-not-supported",
        ),
        (bundle(&[practitioner(true), nameless]), "inpe-missing"),
        (
            bundle(&[organization(true), organization(false)]),
            "directory-entry-repeated",
        ),
        (
            bundle(&[
                organization(true),
                role(true, "physician"),
                role(false, "physician"),
            ]),
            "directory-entry-repeated",
        ),
        (bundle(&[organization(true), dangling]), "reference-dangling"),
        (
            bundle(&[organization(true), role(true, "physician")]),
            "directory-role-dangling",
        ),
    ];
    for (bundle, code) in cases {
        assert_eq!(world.publish(&bundle).await.problem(), (422, code.to_owned()));
    }
    for table in ["organization", "practitioner", "practitioner_role"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn only_a_directory_publishes() {
    let world = World::new().await;
    let request = DirectoryRequest {
        bundle: bundle(&[organization(true)]),
    };
    let (id, _) = world.new_patient().await;
    for token in [world.doctor(), world.patient_token(id)] {
        let refused = world.post("/v1/directory", &token, &request).await;
        assert_eq!(refused.problem(), (403, "access-refused".to_owned()));
    }
    assert_eq!(world.count("organization").await, 0);
}

#[tokio::test]
async fn a_bundle_of_thousands_is_one_transaction() {
    let world = World::new().await;
    let mut entries = vec![organization(true)];
    for n in 0..2000 {
        let mut one = practitioner(true);
        one["resource"]["identifier"] = inpe(&format!("2{n:08}"));
        let mut in_role = role(true, "nurse");
        in_role["resource"]["practitioner"] = json!({ "reference": one["fullUrl"] });
        entries.extend([one, in_role]);
    }
    let answer: DirectoryAnswer = world.publish(&bundle(&entries)).await.json();
    assert_eq!((answer.practitioners, answer.roles), (2000, 2000));
    assert_eq!(
        world.confirm("200001999", HOSPITAL).await.profession.as_deref(),
        Some("nurse")
    );
}
