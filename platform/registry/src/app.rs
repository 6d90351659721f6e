//! What every route needs, opened once at start.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use dmp_core::db;
use dmp_core::trust::TrustBundle;
use dmp_keys::{BlindIndex, Client, LocalKek, Signer, service_key};
use dmp_tlog::{Log, openbao};
use sqlx::PgPool;

use crate::{RunError, store};

/// Transit key of this service's own keys, and name of its key domain.
const KEY: &str = "registry";
/// Transit key that signs the log.
const LOG_KEY: &str = "log-registry";

/// What the application is made of.
pub(crate) struct Parts {
    /// Trust domain.
    pub(crate) domain: String,
    pub(crate) trust: TrustBundle,
    pub(crate) pool: PgPool,
    /// OpenBao, root namespace.
    pub(crate) root: Client,
}

/// Shared state of the routes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) domain: String,
    pub(crate) trust: TrustBundle,
    pub(crate) pool: PgPool,
    pub(crate) index: BlindIndex,
    pub(crate) kek: LocalKek,
    pub(crate) log: Log,
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl FromRef<App> for TrustBundle {
    fn from_ref(app: &App) -> Self {
        app.trust.clone()
    }
}

impl App {
    /// Migrates the database, opens keys and log.
    ///
    /// # Errors
    /// What could not be opened.
    pub(crate) async fn open(parts: Parts) -> Result<Self, RunError> {
        db::migrate(&parts.pool, &store::MIGRATOR).await?;
        service_key::migrate(&parts.pool).await?;
        let index = BlindIndex::open(&parts.pool, &parts.root, KEY, KEY).await?;
        let kek = LocalKek::open(&parts.pool, &parts.root, KEY, KEY).await?;
        let origin = format!("{}/log/registry", parts.domain);
        let signer = openbao::TransitSigner::open(Signer::new(parts.root.clone(), LOG_KEY)).await?;
        let bodies = openbao::TransitBodyKeys::new(parts.root);
        let log = Log::open(parts.pool.clone(), &origin, Arc::new(signer), &bodies).await?;
        Ok(Self(Arc::new(Inner {
            domain: parts.domain,
            trust: parts.trust,
            pool: parts.pool,
            index,
            kek,
            log,
        })))
    }
}
