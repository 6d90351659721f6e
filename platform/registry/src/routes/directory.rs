//! `POST /v1/directory`: professionals and establishments from a directory source of the State (IHE mCSD).
//!
//! The whole bundle or nothing. Who is in the directory decides who may get a token: each bundle is logged.

use axum::extract::State;
use dmp_client::audit::EventKind;
use dmp_client::registry::{DirectoryAnswer, DirectoryRequest};
use dmp_core::auth::Caller;
use dmp_core::correlation::Correlation;
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_core::token::Person;
use dmp_fhir::FhirError;
use dmp_fhir::bundle::Transaction;
use dmp_fhir::directory::{Organization, Practitioner, PractitionerRole};
use http::StatusCode;
use serde_json::Value;
use sqlx::PgConnection;

use crate::act::Act;
use crate::app::App;
use crate::realm::Realm;
use crate::store::StoreError;
use crate::store::directory::{self, Roles, Rows};

pub(crate) async fn directory(
    State(app): State<App>,
    Caller(claims): Caller,
    correlation: Correlation,
    Json(request): Json<DirectoryRequest>,
) -> Result<Json<DirectoryAnswer>, Problem> {
    let act = Act {
        app: &app,
        claims: &claims,
        correlation,
        resource: "PractitionerRole",
    };
    if claims.person != Person::Directory {
        return Err(act.refuse(None, "not-a-directory").await);
    }
    let realm = Realm::of_token(&claims)?;
    let published = Published::read(&request.bundle)?;
    let mut tx = app.pool.begin().await.map_err(StoreError::from)?;
    let answer = published.write(&mut tx, realm).await?;
    let event = act.event(EventKind::Write, None, "permitted");
    app.log.append(&mut tx, &event).await.map_err(StoreError::from)?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(answer))
}

/// A bundle, sorted by table.
#[derive(Default)]
pub(super) struct Published {
    organizations: Rows,
    practitioners: Rows,
    roles: Roles,
}

impl Published {
    /// # Errors
    /// 422, what is wrong with the bundle.
    pub(super) fn read(bundle: &Value) -> Result<Self, Problem> {
        let transaction = Transaction::parse(bundle).map_err(|error| invalid(&error))?;
        let mut published = Self::default();
        for entry in &transaction.entries {
            let (Some(resource), "POST" | "PUT") = (entry.resource, entry.method) else {
                return Err(unprocessable(
                    "directory-entry-not-supported",
                    "entries are resources by POST or PUT",
                ));
            };
            published.add(entry.kind(), resource, &transaction)?;
        }
        published.refuse_repetitions()?;
        Ok(published)
    }

    /// # Errors
    /// 422 `directory-role-dangling`, or [`StoreError`].
    pub(super) async fn write(
        &self,
        tx: &mut PgConnection,
        realm: Realm<'_>,
    ) -> Result<DirectoryAnswer, Problem> {
        directory::put_organizations(tx, realm, &self.organizations).await?;
        directory::put_practitioners(tx, realm, &self.practitioners).await?;
        if !directory::roles_lead_somewhere(tx, realm, &self.roles).await? {
            return Err(unprocessable(
                "directory-role-dangling",
                "a role names a professional or an establishment that is not in the directory",
            ));
        }
        directory::put_roles(tx, realm, &self.roles).await?;
        let count = |rows: &Vec<bool>| rows.len() as u64;
        Ok(DirectoryAnswer {
            organizations: count(&self.organizations.active),
            practitioners: count(&self.practitioners.active),
            roles: count(&self.roles.active),
        })
    }

    fn add(&mut self, kind: Option<&str>, resource: &Value, bundle: &Transaction<'_>) -> Result<(), Problem> {
        match kind {
            Some("Organization") => {
                let read = Organization::parse(resource).map_err(|error| invalid(&error))?;
                let name = read.name.map(str::to_owned);
                self.organizations.push(read.inpe, read.active, name, resource);
            }
            Some("Practitioner") => {
                let read = Practitioner::parse(resource).map_err(|error| invalid(&error))?;
                self.practitioners
                    .push(read.inpe, read.active, read.display, resource);
            }
            Some("PractitionerRole") => {
                let read = PractitionerRole::parse(resource, bundle).map_err(|error| invalid(&error))?;
                self.roles.practitioner.push(read.practitioner.to_owned());
                self.roles.organization.push(read.organization.to_owned());
                self.roles.profession.push(read.profession.to_owned());
                self.roles.active.push(read.active);
                self.roles.resource.push(resource.to_string());
            }
            _ => {
                return Err(unprocessable(
                    "directory-entry-not-supported",
                    "entries are Organization, Practitioner or PractitionerRole",
                ));
            }
        }
        Ok(())
    }

    /// One bundle says one thing of each.
    fn refuse_repetitions(&self) -> Result<(), Problem> {
        let roles: Vec<_> = self
            .roles
            .practitioner
            .iter()
            .zip(&self.roles.organization)
            .collect();
        if repeats(&self.organizations.inpe) || repeats(&self.practitioners.inpe) || repeats(&roles) {
            return Err(unprocessable(
                "directory-entry-repeated",
                "two entries speak of the same",
            ));
        }
        Ok(())
    }
}

fn repeats<T: Eq + std::hash::Hash>(items: &[T]) -> bool {
    let mut seen = std::collections::HashSet::new();
    !items.iter().all(|item| seen.insert(item))
}

fn unprocessable(code: &'static str, title: &'static str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, title)
}

fn invalid(error: &FhirError) -> Problem {
    unprocessable(error.code(), "the directory bundle is not acceptable").with_detail(error.to_string())
}
