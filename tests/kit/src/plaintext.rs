//! Looking for a text in a database: what "the host is blind" tests share.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sqlx::PgPool;

/// Every row of every table as text (`bytea` is hex there) and every `bytea` as it is.
pub async fn dump(pool: &PgPool) -> Vec<u8> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public'",
    )
    .fetch_all(pool)
    .await
    .expect("the tables of the database");
    assert!(!tables.is_empty());
    let mut dump = Vec::new();
    for table in tables {
        let statement = sqlx::AssertSqlSafe(format!("SELECT t::text FROM {table} t"));
        let rows: Vec<String> = sqlx::query_scalar(statement)
            .fetch_all(pool)
            .await
            .expect("the rows of a table");
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
pub fn forms(secret: &str) -> Vec<Vec<u8>> {
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

/// Whether the text is in the dump in any of its [`forms`].
pub fn found(dump: &[u8], secret: &str) -> bool {
    forms(secret)
        .iter()
        .any(|form| dump.windows(form.len()).any(|window| window == form))
}
