//! Professionals and establishments of a realm, by INPE. One statement per table and bundle.

use dmp_client::registry::ConfirmAnswer;
use serde_json::Value;
use sqlx::{PgConnection, PgPool, Row};

use super::StoreError;
use crate::realm::Realm;

/// Rows of one table, column by column, as `unnest` takes them.
#[derive(Default)]
pub(crate) struct Rows {
    pub(crate) inpe: Vec<String>,
    pub(crate) active: Vec<bool>,
    /// Name of the establishment, display name of the professional.
    pub(crate) name: Vec<Option<String>>,
    /// FHIR JSON as published.
    pub(crate) resource: Vec<String>,
}

impl Rows {
    pub(crate) fn push(&mut self, inpe: &str, active: bool, name: Option<String>, resource: &Value) {
        self.inpe.push(inpe.to_owned());
        self.active.push(active);
        self.name.push(name);
        self.resource.push(resource.to_string());
    }
}

/// Roles, column by column.
#[derive(Default)]
pub(crate) struct Roles {
    pub(crate) practitioner: Vec<String>,
    pub(crate) organization: Vec<String>,
    pub(crate) profession: Vec<String>,
    pub(crate) active: Vec<bool>,
    pub(crate) resource: Vec<String>,
}

/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn put_organizations(
    conn: &mut PgConnection,
    realm: Realm<'_>,
    rows: &Rows,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO organization (realm, inpe, active, name, resource)
         SELECT $5, inpe, active, name, resource::json
           FROM unnest($1::text[], $2::boolean[], $3::text[], $4::text[]) AS r (inpe, active, name, resource)
         ON CONFLICT (realm, inpe) DO UPDATE SET active = excluded.active, name = excluded.name,
                                                 resource = excluded.resource, updated = now()",
    )
    .bind(&rows.inpe)
    .bind(&rows.active)
    .bind(&rows.name)
    .bind(&rows.resource)
    .bind(realm.key())
    .execute(conn)
    .await?;
    Ok(())
}

/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn put_practitioners(
    conn: &mut PgConnection,
    realm: Realm<'_>,
    rows: &Rows,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO practitioner (realm, inpe, active, display, resource)
         SELECT $5, inpe, active, display, resource::json
           FROM unnest($1::text[], $2::boolean[], $3::text[], $4::text[]) AS r (inpe, active, display, resource)
         ON CONFLICT (realm, inpe) DO UPDATE SET active = excluded.active, display = excluded.display,
                                                 resource = excluded.resource, updated = now()",
    )
    .bind(&rows.inpe)
    .bind(&rows.active)
    .bind(&rows.name)
    .bind(&rows.resource)
    .bind(realm.key())
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether every role leads to a professional and an establishment of the directory.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn roles_lead_somewhere(
    conn: &mut PgConnection,
    realm: Realm<'_>,
    roles: &Roles,
) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT NOT EXISTS (
           SELECT FROM unnest($1::text[], $2::text[]) AS r (practitioner, organization)
            WHERE NOT EXISTS (SELECT FROM practitioner p WHERE p.realm = $3 AND p.inpe = r.practitioner)
               OR NOT EXISTS (SELECT FROM organization o WHERE o.realm = $3 AND o.inpe = r.organization))",
    )
    .bind(&roles.practitioner)
    .bind(&roles.organization)
    .bind(realm.key())
    .fetch_one(conn)
    .await?)
}

/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn put_roles(
    conn: &mut PgConnection,
    realm: Realm<'_>,
    roles: &Roles,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO practitioner_role (realm, practitioner, organization, profession, active, resource)
         SELECT $6, practitioner, organization, profession, active, resource::json
           FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[])
                AS r (practitioner, organization, profession, active, resource)
         ON CONFLICT (realm, practitioner, organization) DO UPDATE
            SET profession = excluded.profession, active = excluded.active, resource = excluded.resource,
                updated = now()",
    )
    .bind(&roles.practitioner)
    .bind(&roles.organization)
    .bind(&roles.profession)
    .bind(&roles.active)
    .bind(&roles.resource)
    .bind(realm.key())
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether the professional is active, at this active establishment, in an active role.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn confirm(
    pool: &PgPool,
    realm: Realm<'_>,
    inpe: &str,
    establishment: &str,
) -> Result<ConfirmAnswer, StoreError> {
    let row = sqlx::query(
        "SELECT r.profession, p.display
           FROM practitioner_role r
           JOIN practitioner p ON p.realm = r.realm AND p.inpe = r.practitioner
           JOIN organization o ON o.realm = r.realm AND o.inpe = r.organization
          WHERE r.realm = $3 AND r.practitioner = $1 AND r.organization = $2
            AND r.active AND p.active AND o.active",
    )
    .bind(inpe)
    .bind(establishment)
    .bind(realm.key())
    .fetch_optional(pool)
    .await?;
    Ok(match row {
        Some(row) => ConfirmAnswer {
            active: true,
            profession: row.try_get("profession")?,
            display: row.try_get("display")?,
        },
        None => ConfirmAnswer {
            active: false,
            profession: None,
            display: None,
        },
    })
}
