//! Health of the process for Kubernetes and Prometheus, on a plain HTTP port of its own.
//!
//! `/livez`: the process runs. `/readyz`: every named check passes now; otherwise 503 with the names of those that
//! do not (never their details, which go to the log). `/metrics`: Prometheus text; each check as it was when last made.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::future::{BoxFuture, FutureExt, join_all};
use http::{StatusCode, header};
use prometheus::{IntGaugeVec, Opts};
use serde_json::json;
use sqlx::PgPool;

use crate::db;
use crate::metrics;
use crate::problem::Chain;

#[cfg(test)]
mod tests;

const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

static PASSING: LazyLock<Option<IntGaugeVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_check_passing",
        "Whether a readiness check passed (1) or not (0) when `/readyz` was last asked.",
    );
    metrics::registered(IntGaugeVec::new(options, &["check"]))
});

/// What a failing check says; it goes to the log.
pub type CheckError = Box<dyn std::error::Error + Send + Sync>;

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), CheckError>> + Send + Sync>;

/// The checks of a process. A clone is the same registry.
#[derive(Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<&'static str, Check>>>);

impl Health {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a check: `health.add("database", move || { let pool = pool.clone(); async move { … } })`.
    pub fn add<F, E>(&self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<CheckError>,
    {
        let check: Check = Arc::new(move || check().map(|result| result.map_err(Into::into)).boxed());
        self.checks().insert(name, check);
    }

    /// Adds the check that a database answers.
    pub fn add_database(&self, name: &'static str, pool: &PgPool) {
        let pool = pool.clone();
        self.add(name, move || {
            let pool = pool.clone();
            async move { db::ping(&pool).await }
        });
    }

    pub fn remove(&self, name: &'static str) {
        self.checks().remove(name);
        if let Some(passing) = &*PASSING {
            // an error says that it was never made
            let _never_made = passing.remove_label_values(&[name]);
        }
    }

    /// The names of the checks that do not pass, each given 2 s.
    pub async fn failing(&self) -> Vec<&'static str> {
        let checks: Vec<_> = self
            .checks()
            .iter()
            .map(|(name, check)| (*name, Arc::clone(check)))
            .collect();
        let results = join_all(checks.into_iter().map(|(name, check)| async move {
            let passes = match tokio::time::timeout(CHECK_TIMEOUT, check()).await {
                Ok(Ok(())) => true,
                Ok(Err(error)) => {
                    tracing::warn!(check = name, error = %Chain(&*error), "not ready");
                    false
                }
                Err(_) => {
                    tracing::warn!(check = name, "not ready: no answer within 2 s");
                    false
                }
            };
            (name, passes)
        }));
        let results = results.await;
        if let Some(passing) = &*PASSING {
            for (name, passes) in &results {
                passing.with_label_values(&[*name]).set((*passes).into());
            }
        }
        let failing = results.into_iter().filter(|(_, passes)| !passes);
        failing.map(|(name, _)| name).collect()
    }

    /// `/livez`, `/readyz`, `/metrics`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/livez", get(|| async { "ok" }))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .with_state(self.clone())
    }

    fn checks(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, Check>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ready(State(health): State<Health>) -> Response {
    let failing = health.failing().await;
    let status = if failing.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        axum::Json(json!({ "ready": failing.is_empty(), "failing": failing })),
    )
        .into_response()
}

async fn metrics() -> Response {
    ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], metrics::text()).into_response()
}
