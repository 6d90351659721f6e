//! Keys a service holds while it runs: made once, kept wrapped in the service's own database, opened at start.

use sqlx::{PgPool, Row};

use crate::openbao::Client;
use crate::secret::Key256;
use crate::{KeyError, LocalKek};

/// Creates the table of wrapped keys in a service's database. Safe to call at each start, by many replicas at once.
///
/// # Errors
/// [`KeyError::Migration`].
pub async fn migrate(pool: &PgPool) -> Result<(), KeyError> {
    let mut migrator = sqlx::migrate!("migrations/service");
    // The service's own migrations have the default table; two migrators in one table would refuse each other.
    migrator.dangerous_set_table_name("_dmp_service_key_migrations");
    migrator.run(pool).await?;
    Ok(())
}

/// The derivation context of a service key.
fn context(domain: &str, name: &str, epoch: i32) -> Vec<u8> {
    format!("v1|{domain}|{name}|{epoch}").into_bytes()
}

/// The key `name` of epoch 1: opened, or made when it does not exist. Of many who make it at once, one wins.
///
/// # Errors
/// See [`KeyError`].
pub async fn load_or_create(
    pool: &PgPool,
    client: &Client,
    transit_key: &str,
    domain: &str,
    name: &str,
) -> Result<Key256, KeyError> {
    if let Some(wrapped) = stored(pool, name).await? {
        return client
            .unwrap_key(transit_key, &context(domain, name, 1), &wrapped)
            .await;
    }
    let made = client.data_key(transit_key, &context(domain, name, 1)).await?;
    let written = sqlx::query(
        "INSERT INTO dmp_service_key (name, epoch, wrapped) VALUES ($1, 1, $2) ON CONFLICT DO NOTHING",
    )
    .bind(name)
    .bind(&made.wrapped)
    .execute(pool)
    .await?;
    if written.rows_affected() == 1 {
        return Ok(made.key);
    }
    let wrapped = stored(pool, name).await?.ok_or(KeyError::Malformed)?;
    client
        .unwrap_key(transit_key, &context(domain, name, 1), &wrapped)
        .await
}

async fn stored(pool: &PgPool, name: &str) -> Result<Option<String>, KeyError> {
    let row = sqlx::query("SELECT wrapped FROM dmp_service_key WHERE name = $1 AND epoch = 1")
        .bind(name)
        .fetch_optional(pool)
        .await?;
    Ok(row.map(|row| row.try_get("wrapped")).transpose()?)
}

/// All epochs of a local key-encryption key, opened; the first is made when there is none.
///
/// # Errors
/// See [`KeyError`].
pub(crate) async fn load_epochs(
    pool: &PgPool,
    client: &Client,
    transit_key: &str,
    domain: &str,
) -> Result<Vec<(i32, Key256)>, KeyError> {
    let first = load_or_create(pool, client, transit_key, domain, LocalKek::NAME).await?;
    let mut epochs = vec![(1, first)];
    let rows = sqlx::query(
        "SELECT epoch, wrapped FROM dmp_service_key WHERE name = $1 AND epoch > 1 ORDER BY epoch",
    )
    .bind(LocalKek::NAME)
    .fetch_all(pool)
    .await?;
    for row in rows {
        let epoch: i32 = row.try_get("epoch")?;
        let wrapped: String = row.try_get("wrapped")?;
        let key = client
            .unwrap_key(transit_key, &context(domain, LocalKek::NAME, epoch), &wrapped)
            .await?;
        epochs.push((epoch, key));
    }
    Ok(epochs)
}
