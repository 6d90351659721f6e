//! A dump of the database names no patient and joins with no other database.

use dmp_fhir::systems;
use dmp_testkit::plaintext::{dump, found};

use super::world::{DOCTOR, IPP, World, identifier, number, patient};

#[tokio::test]
async fn a_dump_shows_no_name_no_identifier_and_no_pseudonym() {
    let world = World::new().await;
    let (ipp, cnie) = (
        identifier(IPP, &number()),
        identifier(systems::CNIE, &format!("XT{}", number())),
    );
    let fed = world
        .fed(&ipp, &patient(&[&ipp, &cnie], "Quartier Marchane"))
        .await;
    world.fed(&cnie, &patient(&[&cnie], "Quartier Iberia")).await;
    world.found(&cnie).await;
    let pseudonyms = world.resolved(fed.id).await;
    world.search(&world.directory_token(), &ipp).await;
    world.app.log.sequence_once().await.unwrap();

    let dump = dump(&world.pool).await;
    let mut secrets: Vec<String> = [
        "EL AMRANI",
        "Khadija",
        "خديجة العمراني",
        "Quartier Marchane",
        "Quartier Iberia",
        "resourceType",
        &ipp.value,
        &cnie.value,
        IPP,
        systems::CNIE,
        DOCTOR,
    ]
    .map(str::to_owned)
    .to_vec();
    for pseudonym in [Some(pseudonyms.own), pseudonyms.consent, pseudonyms.audit]
        .into_iter()
        .flatten()
    {
        secrets.push(pseudonym.as_uuid().to_string());
        secrets.push(pseudonym.as_uuid().simple().to_string());
        assert!(
            !dump
                .windows(16)
                .any(|window| window == pseudonym.as_uuid().as_bytes())
        );
    }
    for secret in secrets {
        assert!(!found(&dump, &secret), "a secret is in the dump");
    }
    assert!(
        found(&dump, &fed.id.as_uuid().to_string()),
        "the dump is one of this database"
    );
}
