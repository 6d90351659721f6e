//! Professionals and establishments, by INPE. One statement per table and bundle.

use dmp_client::registry::ConfirmAnswer;
use sqlx::{PgConnection, PgPool, Row};

use super::StoreError;

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
pub(crate) async fn put_organizations(conn: &mut PgConnection, rows: &Rows) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO organization (inpe, active, name, resource)
         SELECT inpe, active, name, resource::json
           FROM unnest($1::text[], $2::boolean[], $3::text[], $4::text[]) AS r (inpe, active, name, resource)
         ON CONFLICT (inpe) DO UPDATE SET active = excluded.active, name = excluded.name,
                                          resource = excluded.resource, updated = now()",
    )
    .bind(&rows.inpe)
    .bind(&rows.active)
    .bind(&rows.name)
    .bind(&rows.resource)
    .execute(conn)
    .await?;
    Ok(())
}

/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn put_practitioners(conn: &mut PgConnection, rows: &Rows) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO practitioner (inpe, active, display, resource)
         SELECT inpe, active, display, resource::json
           FROM unnest($1::text[], $2::boolean[], $3::text[], $4::text[]) AS r (inpe, active, display, resource)
         ON CONFLICT (inpe) DO UPDATE SET active = excluded.active, display = excluded.display,
                                          resource = excluded.resource, updated = now()",
    )
    .bind(&rows.inpe)
    .bind(&rows.active)
    .bind(&rows.name)
    .bind(&rows.resource)
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether every role leads to a professional and an establishment of the directory.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn roles_lead_somewhere(conn: &mut PgConnection, roles: &Roles) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT NOT EXISTS (
           SELECT FROM unnest($1::text[], $2::text[]) AS r (practitioner, organization)
            WHERE NOT EXISTS (SELECT FROM practitioner p WHERE p.inpe = r.practitioner)
               OR NOT EXISTS (SELECT FROM organization o WHERE o.inpe = r.organization))",
    )
    .bind(&roles.practitioner)
    .bind(&roles.organization)
    .fetch_one(conn)
    .await?)
}

/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn put_roles(conn: &mut PgConnection, roles: &Roles) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO practitioner_role (practitioner, organization, profession, active, resource)
         SELECT practitioner, organization, profession, active, resource::json
           FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::text[])
                AS r (practitioner, organization, profession, active, resource)
         ON CONFLICT (practitioner, organization) DO UPDATE
            SET profession = excluded.profession, active = excluded.active, resource = excluded.resource,
                updated = now()",
    )
    .bind(&roles.practitioner)
    .bind(&roles.organization)
    .bind(&roles.profession)
    .bind(&roles.active)
    .bind(&roles.resource)
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
    inpe: &str,
    establishment: &str,
) -> Result<ConfirmAnswer, StoreError> {
    let row = sqlx::query(
        "SELECT r.profession, p.display
           FROM practitioner_role r
           JOIN practitioner p ON p.inpe = r.practitioner
           JOIN organization o ON o.inpe = r.organization
          WHERE r.practitioner = $1 AND r.organization = $2 AND r.active AND p.active AND o.active",
    )
    .bind(inpe)
    .bind(establishment)
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
