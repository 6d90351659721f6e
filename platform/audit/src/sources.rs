//! The set of logs that are pulled: once a second each, and on request; it follows the configuration file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use dmp_core::problem::Chain;
use dmp_keys::BlindIndex;
use dmp_tlog::Log;
use sqlx::postgres::PgPool;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::bodies::Bodies;
use crate::config::{self, SourceConfig, SourceError};
use crate::pull::pull;
use crate::source::{HttpSource, OwnLog, Source};
use crate::{index, metrics, store};

/// Between two pulls of a log.
const PERIOD: Duration = Duration::from_secs(1);

/// How long a pull of a long tail may take before the next one starts anew.
const LIMIT: Duration = Duration::from_secs(600);

/// The longest indexing at once.
const INDEX: Duration = Duration::from_secs(30);

/// Between two counts of the findings, and two looks for what is not indexed.
const COUNT: Duration = Duration::from_secs(5);

/// Between two looks at the configuration file.
const FOLLOW: Duration = Duration::from_secs(2);

/// All logs. A clone is the same set.
#[derive(Clone)]
pub struct Sources(Arc<Inner>);

struct Inner {
    pool: PgPool,
    http: reqwest::Client,
    bodies: Arc<Bodies>,
    index: Arc<BlindIndex>,
    own: Log,
    logs: RwLock<BTreeMap<String, Arc<Pulled>>>,
}

/// One log that is pulled.
struct Pulled {
    origin: String,
    key: [u8; 32],
    config: Option<SourceConfig>,
    source: Box<dyn Source>,
    /// Held by the pull at work: a log is pulled by one at a time.
    at_work: Mutex<()>,
    /// Whether the last pull failed: only a change is worth a line in the log.
    failing: AtomicBool,
}

impl Pulled {
    fn new(
        origin: &str,
        key: [u8; 32],
        config: Option<SourceConfig>,
        source: impl Source + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            origin: origin.to_owned(),
            key,
            config,
            source: Box::new(source),
            at_work: Mutex::default(),
            failing: AtomicBool::default(),
        })
    }

    /// Says once that the log fails, and once that it is back.
    fn report(&self, error: Option<&dyn std::error::Error>) {
        let log = &self.origin;
        match (self.failing.swap(error.is_some(), Ordering::Relaxed), error) {
            (false, Some(error)) => tracing::warn!(log, error = %Chain(error), "a log is behind"),
            (true, None) => tracing::info!(log, "a log is up to date again"),
            _ => {}
        }
    }
}

impl Sources {
    /// Begins with this service's own log.
    pub fn new(
        pool: PgPool,
        http: reqwest::Client,
        bodies: Arc<Bodies>,
        index: Arc<BlindIndex>,
        own: Log,
    ) -> Self {
        let log = Pulled::new(own.origin(), own.public_key(), None, OwnLog(own.clone()));
        let logs = RwLock::new(BTreeMap::from([(own.origin().to_owned(), log)]));
        Self(Arc::new(Inner {
            pool,
            http,
            bodies,
            index,
            own,
            logs,
        }))
    }

    /// Pulls these logs and the own one from here on. The copies of others stay.
    ///
    /// # Errors
    /// [`SourceError`]; then nothing changes.
    pub fn set(&self, sources: &[SourceConfig]) -> Result<(), SourceError> {
        let mut new = BTreeMap::new();
        for config in sources {
            let origin = config.origin.clone();
            dmp_tlog::checkpoint::check_origin(&origin).map_err(|_| SourceError::Origin(origin.clone()))?;
            let key = config.key()?;
            let source = HttpSource::new(self.0.http.clone(), &config.url);
            let log = Pulled::new(&origin, key, Some(config.clone()), source);
            let twice = new.insert(origin.clone(), log).is_some();
            if twice || origin == self.0.own.origin() {
                return Err(SourceError::Twice(origin));
            }
        }
        let mut logs = self.0.logs.write().unwrap_or_else(PoisonError::into_inner);
        for (origin, log) in logs.iter() {
            // What did not change goes on undisturbed.
            let same = new.get(origin).is_some_and(|new| new.config == log.config);
            if same || log.config.is_none() {
                new.insert(origin.clone(), log.clone());
            }
        }
        for gone in logs.keys().filter(|origin| !new.contains_key(*origin)) {
            metrics::forget(gone);
        }
        *logs = new;
        Ok(())
    }

    /// The key that signs a log that is pulled.
    pub fn key(&self, origin: &str) -> Option<[u8; 32]> {
        let logs = self.0.logs.read().unwrap_or_else(PoisonError::into_inner);
        logs.get(origin).map(|log| log.key)
    }

    fn logs(&self) -> Vec<Arc<Pulled>> {
        self.0
            .logs
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    /// Pulls every log once a second until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            for log in self.logs() {
                let (sources, stop) = (self.clone(), stop.clone());
                tokio::spawn(async move {
                    let Ok(_guard) = log.at_work.try_lock() else {
                        return;
                    };
                    let work = tokio::time::timeout(LIMIT, sources.refresh(&log));
                    tokio::select! {
                        () = stop.cancelled() => {}
                        _ = work => {}
                    }
                });
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(PERIOD) => {}
            }
        }
    }

    /// Pulls every log anew, waiting at most `limit`. The origins of those whose newest entries could not be had.
    pub async fn refresh_all(&self, limit: Duration) -> Vec<String> {
        let pulls = self.logs().into_iter().map(|log| async move {
            let fresh = tokio::time::timeout(limit, async {
                let _guard = log.at_work.lock().await;
                self.refresh(&log).await
            });
            (!fresh.await.unwrap_or(false)).then(|| log.origin.clone())
        });
        futures::future::join_all(pulls)
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    /// One pull and its indexing; whether both succeeded.
    async fn refresh(&self, log: &Pulled) -> bool {
        let Inner {
            pool, bodies, index, ..
        } = &*self.0;
        let origin = &log.origin;
        let pulled = pull(pool, origin, &log.key, &*log.source).await;
        match &pulled {
            Ok(size) => metrics::pulled(origin, *size),
            Err(_) => metrics::not_pulled(origin),
        }
        // What is left after that is done next time; it is kept page by page.
        let indexed = tokio::time::timeout(INDEX, index::catch_up(pool, origin, bodies, index)).await;
        let indexed = indexed.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into()));
        match (&pulled, &indexed) {
            (Err(error), _) => log.report(Some(error)),
            (_, Err(error)) => log.report(Some(error)),
            (Ok(_), Ok(())) => log.report(None),
        }
        pulled.is_ok() && indexed.is_ok()
    }

    /// Makes up the index of accesses of entries that a release without it has copied, until `stop`. Pulls do not wait for it.
    pub async fn fill(self, stop: CancellationToken) {
        let Inner {
            pool, bodies, index, ..
        } = &*self.0;
        loop {
            for log in self.logs() {
                let origin = &log.origin;
                let Some(filled) = stop
                    .run_until_cancelled(index::fill(pool, origin, bodies, index))
                    .await
                else {
                    return;
                };
                match filled {
                    Ok(0) => {}
                    Ok(entries) => {
                        tracing::info!(
                            log = origin,
                            entries,
                            "entries of before are indexed by who did it"
                        );
                    }
                    Err(error) => {
                        tracing::warn!(log = origin, error = %Chain(&error), "entries of before could not be indexed by who did it");
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(COUNT) => {}
            }
        }
    }

    /// Keeps the metric of the findings until `stop`. What the database does not answer stays as it was.
    pub async fn measure(self, stop: CancellationToken) {
        loop {
            let counted = tokio::time::timeout(COUNT, self.count_findings()).await;
            if let Err(error) = counted.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
                tracing::warn!(error = %Chain(&error), "the findings could not be counted");
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(COUNT) => {}
            }
        }
    }

    async fn count_findings(&self) -> Result<(), sqlx::Error> {
        let mut conn = self.0.pool.acquire().await?;
        let kept = store::finding::count(&mut conn).await?;
        for log in self.logs() {
            for kind in store::finding::KINDS {
                let number = kept
                    .iter()
                    .find(|(origin, of, _)| *origin == log.origin && of == kind);
                metrics::findings(&log.origin, kind, number.map_or(0, |(_, _, number)| *number));
            }
        }
        Ok(())
    }

    /// Re-reads `[[sources]]` of the file when they change, until `stop`. A file that cannot be used changes nothing.
    pub async fn follow(self, path: PathBuf, mut current: Vec<SourceConfig>, stop: CancellationToken) {
        let mut unreadable = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(FOLLOW) => {}
            }
            match config::load(&path) {
                Ok(config) if config.sources == current => unreadable = false,
                Ok(config) => {
                    unreadable = false;
                    current = config.sources;
                    match self.set(&current) {
                        Ok(()) => tracing::info!(sources = current.len(), "the sources have changed"),
                        Err(error) => {
                            tracing::error!(error = %Chain(&error), "the new sources cannot be used")
                        }
                    }
                }
                Err(error) if !unreadable => {
                    unreadable = true;
                    tracing::error!(error = %Chain(&error), "the configuration cannot be read again");
                }
                Err(_) => {}
            }
        }
    }
}
