//! A dump of the database names no patient and joins with no other database.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use dmp_fhir::systems;
use sqlx::PgPool;

use super::world::{DOCTOR, IPP, World, identifier, number, patient};

/// Every row of every table as text (`bytea` is hex there) and every `bytea` as it is.
async fn dump(pool: &PgPool) -> Vec<u8> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(!tables.is_empty());
    let mut dump = Vec::new();
    for table in tables {
        let statement = sqlx::AssertSqlSafe(format!("SELECT t::text FROM {table} t"));
        let rows: Vec<String> = sqlx::query_scalar(statement).fetch_all(pool).await.unwrap();
        for row in rows {
            for word in row.split(|c: char| !c.is_ascii_alphanumeric()) {
                if let Ok(bytes) = hex::decode(word.trim_start_matches('x')) {
                    dump.extend(bytes);
                    dump.push(b'\n');
                }
            }
            dump.extend(row.into_bytes());
            dump.push(b'\n');
        }
    }
    dump
}

/// UTF-8, UTF-16, hex, and base64 at its three offsets.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut forms = vec![
        secret.as_bytes().to_vec(),
        utf16,
        hex::encode(secret).into_bytes(),
    ];
    for offset in 0..3 {
        let padded = [vec![0; offset], secret.as_bytes().to_vec()].concat();
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            // Only the characters that do not depend on what stands before and after.
            let start = (offset * 8).div_ceil(6);
            let end = padded.len() * 8 / 6;
            forms.push(encoded.as_bytes()[start..end].to_vec());
        }
    }
    forms
}

fn found(dump: &[u8], secret: &str) -> bool {
    forms(secret)
        .iter()
        .any(|form| dump.windows(form.len()).any(|window| window == form))
}

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
