//! PostgreSQL: the pool of a service and its migrations.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{Connection as _, PgConnection, PgPool, Row as _};

use crate::config::{DatabaseConfig, DatabaseTls};
use crate::problem::Chain;

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take to answer when it comes back to the pool.
const RETURN_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection is renewed at this age, so that a changed password or a moved primary is met soon.
const CONNECTION_LIFE: Duration = Duration::from_secs(30 * 60);
const DEFAULT_CONNECTIONS: u32 = 10;
/// How long a start waits for a database that does not answer yet.
const START_WAIT: Duration = Duration::from_secs(120);

#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("the database needs `url`, or `host` and `credentials`")]
    Incomplete,
    #[error("`url` of the database is not a PostgreSQL URL")]
    Url,
    #[error("cannot read `{path}`")]
    Credentials {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the database does not answer")]
    Connect(#[source] sqlx::Error),
    #[error("the database's schema cannot be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

/// A pool to the database; waits up to two minutes for its first answer.
///
/// # Errors
/// When the configuration is incomplete, a credential is not readable, or no answer came.
pub async fn connect(config: &DatabaseConfig) -> Result<PgPool, DatabaseError> {
    connect_within(config, START_WAIT).await
}

/// [`connect`] that waits for `patience`; with zero it tries once.
///
/// # Errors
/// As [`connect`].
pub async fn connect_within(config: &DatabaseConfig, patience: Duration) -> Result<PgPool, DatabaseError> {
    let options = options(config)?;
    let pool = PgPoolOptions::new()
        .max_connections(config.max_connections.unwrap_or(DEFAULT_CONNECTIONS))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .max_lifetime(CONNECTION_LIFE)
        // A node that is lost ends no connection: the kernel repeats for a quarter of an hour, and so long the pool would keep
        // the place of each connection that was in use.
        .after_release({
            let options = options.clone();
            move |connection, _| Box::pin(answering(connection, options.clone()))
        })
        .connect_lazy_with(options);
    let start = std::time::Instant::now();
    let mut attempts = 0_u32;
    loop {
        match ping(&pool).await {
            Ok(()) => return Ok(pool),
            Err(error) if start.elapsed() < patience => {
                if attempts.is_multiple_of(10) {
                    tracing::warn!(error = %Chain(&error), "the database does not answer yet");
                }
                attempts += 1;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(DatabaseError::Connect(error)),
        }
    }
}

/// Puts another connection in the place of one that does not answer (the pool would wait for its end), and ends a
/// transaction that nobody holds: sqlx counts a `BEGIN` when it has answered, so a caller that leaves before (a limit of
/// time, a client that hangs up) leaves it open, and the next one would write into it.
async fn answering(connection: &mut PgConnection, options: PgConnectOptions) -> Result<bool, sqlx::Error> {
    let at_rest = tokio::time::timeout(RETURN_TIMEOUT, async {
        if in_transaction(connection).await? {
            sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await?;
        }
        Ok(true)
    });
    if let Ok(answer) = at_rest.await {
        return answer;
    }
    tracing::warn!("a connection to the database does not answer: it is replaced");
    loop {
        let fresh = tokio::time::timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options)).await;
        if let Ok(Ok(fresh)) = fresh {
            *connection = fresh;
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Whether a transaction is open, as PostgreSQL sees it. One round trip.
///
/// # Errors
/// When the connection does not work, or the transaction has failed.
pub async fn in_transaction(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // A statement outside of a transaction makes one that begins with it; so only in the simple protocol, where it is one
    // message.
    sqlx::raw_sql("SELECT now() <> statement_timestamp()")
        .fetch_one(connection)
        .await?
        .try_get(0)
}

/// One round trip, for a readiness check.
///
/// # Errors
/// When the database does not answer.
pub async fn ping(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT 1").execute(pool).await.map(|_| ())
}

/// Whether the database is away, starting or overloaded (or chose this transaction to break a deadlock), so that another
/// attempt may succeed; otherwise the statement or what it found is wrong.
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        // Classes of PostgreSQL: connection, transaction rollback, resources, operator intervention.
        sqlx::Error::Database(answer) => answer.code().is_some_and(|code| {
            ["08", "40", "53", "57"]
                .iter()
                .any(|class| code.starts_with(class))
        }),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) => false,
        _ => true,
    }
}

/// Brings the schema up to date, under the migrator's lock (several replicas may start at once).
///
/// # Errors
/// When a migration fails or an applied one was changed.
pub async fn migrate(pool: &PgPool, migrator: &Migrator) -> Result<(), DatabaseError> {
    let start = std::time::Instant::now();
    let mut connection = pool.acquire().await.map_err(DatabaseError::Connect)?.detach();
    // neither the wait for the lock nor a long migration is a statement gone wrong
    sqlx::query("SET statement_timeout = 0")
        .execute(&mut connection)
        .await
        .map_err(DatabaseError::Connect)?;
    migrator.run(&mut connection).await?;
    let newest = migrator
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or_default();
    tracing::info!(
        newest,
        milliseconds = start.elapsed().as_millis() as u64,
        "database schema is up to date"
    );
    Ok(())
}

fn options(config: &DatabaseConfig) -> Result<PgConnectOptions, DatabaseError> {
    let options = match &config.url {
        Some(url) => url_options(url.expose())?,
        None => cluster_options(config)?,
    };
    let timeout = config.statement_timeout.as_millis().to_string();
    Ok(options.application_name("dmp").options([
        ("statement_timeout", timeout.as_str()),
        ("idle_in_transaction_session_timeout", "30000"),
    ]))
}

fn url_options(url: &str) -> Result<PgConnectOptions, DatabaseError> {
    // the parser looks at no scheme, and its error may repeat the password
    let is_postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
    if is_postgres {
        url.parse().map_err(|_| DatabaseError::Url)
    } else {
        Err(DatabaseError::Url)
    }
}

fn cluster_options(config: &DatabaseConfig) -> Result<PgConnectOptions, DatabaseError> {
    let credentials = config.credentials.as_deref().ok_or(DatabaseError::Incomplete)?;
    if config.host.is_empty() {
        return Err(DatabaseError::Incomplete);
    }
    let options = PgConnectOptions::new_without_pgpass()
        .host(&config.host)
        .port(config.port.unwrap_or(5432))
        .database(config.database.as_deref().unwrap_or("app"))
        .username(&credential(credentials, "username")?)
        .password(&credential(credentials, "password")?);
    Ok(match (config.tls, &config.ca) {
        (DatabaseTls::Disable, _) => options.ssl_mode(PgSslMode::Disable),
        (DatabaseTls::VerifyFull, Some(ca)) => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(ca),
        (DatabaseTls::VerifyFull, None) => return Err(DatabaseError::Incomplete),
    })
}

fn credential(directory: &Path, name: &str) -> Result<String, DatabaseError> {
    let path = directory.join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim_end_matches('\n').to_owned()),
        Err(source) => Err(DatabaseError::Credentials { path, source }),
    }
}
