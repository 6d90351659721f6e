//! What every route needs, opened once at start.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use dmp_access::Decider;
use dmp_core::db;
use dmp_core::ids::{GroupName, Pseudonym};
use dmp_core::problem::Problem;
use dmp_core::trust::TrustBundle;
use dmp_keys::{BlindIndex, Client, DataKey, Keystore, Signer, service_key};
use dmp_tlog::{Log, openbao};
use sqlx::PgPool;

use crate::RunError;
use crate::public_id::PublicIds;
use crate::record::{RecordError, key_problem};
use crate::store;
use crate::upstream::Upstream;

/// Transit key of the group's namespace that signs the log.
const LOG_KEY: &str = "log";

/// What the application is made of.
pub(crate) struct Parts {
    pub(crate) group: GroupName,
    /// Trust domain.
    pub(crate) domain: String,
    pub(crate) trust: TrustBundle,
    pub(crate) pool: PgPool,
    pub(crate) keystore: PgPool,
    /// OpenBao, root namespace: data keys of the log's bodies.
    pub(crate) root: Client,
    /// OpenBao, the group's namespace.
    pub(crate) keys: Client,
    pub(crate) upstream: Upstream,
}

/// Shared state of the routes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) group: GroupName,
    pub(crate) domain: String,
    pub(crate) ids: PublicIds,
    pub(crate) trust: TrustBundle,
    pub(crate) pool: PgPool,
    pub(crate) keystore: Keystore,
    pub(crate) index: BlindIndex,
    pub(crate) log: Log,
    pub(crate) decider: Decider,
    pub(crate) upstream: Upstream,
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
    /// Migrates both databases, opens the log, the index key and the policies.
    ///
    /// # Errors
    /// What could not be opened.
    pub(crate) async fn open(parts: Parts) -> Result<Self, RunError> {
        db::migrate(&parts.pool, &store::MIGRATOR).await?;
        service_key::migrate(&parts.pool).await?;
        let domain_of_keys = format!("group:{}", parts.group);
        let index =
            BlindIndex::open(&parts.pool, &parts.keys, dmp_keys::envelope::KEK, &domain_of_keys).await?;
        let keystore = Keystore::open(parts.keystore, parts.keys.clone(), parts.group.clone()).await?;
        let origin = format!("{}/log/group/{}", parts.domain, parts.group);
        let signer = openbao::TransitSigner::open(Signer::new(parts.keys, LOG_KEY)).await?;
        let bodies = openbao::TransitBodyKeys::new(parts.root);
        let log = Log::open(parts.pool.clone(), &origin, Arc::new(signer), &bodies).await?;
        Ok(Self(Arc::new(Inner {
            ids: PublicIds::new(&parts.group),
            group: parts.group,
            domain: parts.domain,
            trust: parts.trust,
            pool: parts.pool,
            keystore,
            index,
            log,
            decider: Decider::new()?,
            upstream: parts.upstream,
        })))
    }

    /// The key of a patient of whom something is stored.
    ///
    /// # Errors
    /// 503 while the key service or the keystore is away; 500 when there is no such key.
    pub(crate) async fn key(&self, own: Pseudonym) -> Result<Arc<DataKey>, Problem> {
        let key = self.keystore.key(own).await.map_err(|e| key_problem(&e))?;
        Ok(key.ok_or(RecordError::Shape)?)
    }
}
