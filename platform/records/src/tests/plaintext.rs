//! The host is blind: nothing of what was sent is found in any column of any table.

use super::fixtures::{Letter, bundle, unique_id};
use super::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use dmp_testkit::plaintext::{dump, found};

const SECRETS: [&str; 4] = [
    "Fatima Zahra Bennani",
    "AB123456",
    "insuffisance cardiaque",
    "Lettre de sortie confidentielle",
];

#[tokio::test]
async fn nothing_that_was_sent_is_readable_in_the_databases() {
    let world = World::new().await;
    let patient = world.patient_in_care();
    let doctor = world.doctor();
    let text = SECRETS.join("\n");
    let letter = Letter {
        title: SECRETS[3],
        identifier: SECRETS[1].to_owned(),
        ..Letter::new(text.as_bytes())
    };
    let mut sent = bundle(&unique_id(), &letter);
    sent["entry"][1]["resource"]["description"] = SECRETS[0].into();
    world.stored(&doctor, patient, &sent).await;
    world.found(&doctor, patient, &[("identifier", SECRETS[1])]).await;
    world.events().await;
    let mut dumps = dump(&world.pool).await;
    dumps.extend(dump(&world.keystore).await);
    assert!(dumps.len() > 1000);
    let unique = sent["entry"][0]["resource"]["identifier"][0]["value"]
        .as_str()
        .unwrap();
    let known = world.known(patient);
    let ids = [
        patient.as_uuid().to_string(),
        known.consent.unwrap().as_uuid().to_string(),
        known.audit.unwrap().as_uuid().to_string(),
    ];
    for secret in SECRETS
        .into_iter()
        .chain([unique])
        .chain(ids.iter().map(String::as_str))
    {
        assert!(!found(&dumps, secret), "`{secret}` is readable");
    }
    for id in &ids {
        let bytes = id.parse::<uuid::Uuid>().unwrap();
        assert!(
            !dumps.windows(16).any(|window| window == bytes.as_bytes()),
            "a foreign pseudonym is readable"
        );
    }
}

/// The search would find it: the same text stored in clear, as text, as bytes, and as base64.
#[tokio::test]
async fn the_search_finds_plaintext_that_is_there() {
    let world = World::new().await;
    sqlx::query("CREATE TABLE leak (content bytea, note text)")
        .execute(&world.pool)
        .await
        .unwrap();
    for (bytes, text) in [
        (SECRETS[0].as_bytes().to_vec(), String::new()),
        (Vec::new(), format!("x{}", SECRETS[0])),
        (Vec::new(), STANDARD_NO_PAD.encode(format!("ab{}", SECRETS[0]))),
        (
            STANDARD_NO_PAD.encode(format!("a{}", SECRETS[0])).into_bytes(),
            String::new(),
        ),
        (
            SECRETS[0].encode_utf16().flat_map(u16::to_le_bytes).collect(),
            String::new(),
        ),
    ] {
        sqlx::query("TRUNCATE leak").execute(&world.pool).await.unwrap();
        sqlx::query("INSERT INTO leak VALUES ($1, $2)")
            .bind(bytes)
            .bind(text)
            .execute(&world.pool)
            .await
            .unwrap();
        assert!(found(&dump(&world.pool).await, SECRETS[0]));
    }
}
