//! The pool and the migrations on a real PostgreSQL.

use std::task::Poll;
use std::time::Duration;

use dmp_core::config::{DatabaseConfig, Secret};
use dmp_core::db::{DatabaseError, connect, connect_within, in_transaction, migrate, ping};
use dmp_testkit::Postgres;
use sqlx::Connection as _;
use sqlx::migrate::Migrator;

#[tokio::test]
async fn a_cluster_is_reached_with_verify_full_and_credentials_in_files() {
    let config = Postgres::shared().cluster_database().await;
    let pool = connect(&config).await.unwrap();
    ping(&pool).await.unwrap();
    let tls: bool = sqlx::query_scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!(tls);
}

#[tokio::test]
async fn another_ca_or_another_name_is_not_connected_to() {
    let config = Postgres::shared().cluster_database().await;
    let folder = tempfile::tempdir().unwrap();
    let other_ca = folder.path().join("ca.crt");
    std::fs::write(&other_ca, dmp_testkit::Pki::new("dmp.test").root_pem()).unwrap();
    for wrong in [
        DatabaseConfig {
            ca: Some(other_ca),
            ..config.clone()
        },
        // the server listens there too, and its certificate does not say so
        DatabaseConfig {
            host: "127.0.0.2".to_owned(),
            ..config.clone()
        },
    ] {
        let error = connect_within(&wrong, Duration::ZERO).await.unwrap_err();
        let text = dmp_core::problem::Chain(&error).to_string();
        assert!(text.contains("certificate"), "{text}");
    }
}

/// A way to a server whose live connections can be cut as a lost node cuts them: nothing passes, and nothing ends.
struct Cable {
    port: u16,
    cuts: tokio::sync::watch::Sender<u32>,
}

impl Cable {
    async fn to(server: u16) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cuts, seen) = tokio::sync::watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut cut = seen.clone();
                cut.mark_unchanged();
                tokio::spawn(async move {
                    let mut far = tokio::net::TcpStream::connect(("127.0.0.1", server))
                        .await
                        .unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        // Both ends stay open.
                        _ = cut.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self { port, cuts }
    }

    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

#[tokio::test]
async fn a_connection_to_a_lost_node_gives_its_place_back() {
    let direct = Postgres::shared().cluster_database().await;
    let cable = Cable::to(direct.port.unwrap()).await;
    let config = DatabaseConfig {
        port: Some(cable.port),
        max_connections: Some(1),
        ..direct
    };
    let pool = connect(&config).await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    cable.cut();
    let asked = sqlx::query("SELECT 1").execute(&mut *connection);
    assert!(
        tokio::time::timeout(Duration::from_millis(300), asked)
            .await
            .is_err(),
        "the cable is cut"
    );
    drop(connection);
    // The one place there is: free once the connection has not answered in time.
    let again = async { while ping(&pool).await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(20), again)
        .await
        .expect("a new connection");
}

#[tokio::test]
async fn a_transaction_left_while_it_begins_does_not_take_the_next_write() {
    let config = DatabaseConfig {
        max_connections: Some(1),
        ..Postgres::shared().cluster_database().await
    };
    let (pool, other) = (connect(&config).await.unwrap(), connect(&config).await.unwrap());
    sqlx::raw_sql("CREATE TABLE written (id int)")
        .execute(&pool)
        .await
        .unwrap();
    let mut connection = pool.acquire().await.unwrap();
    // Its `BEGIN` is on the way when the caller leaves; an answer may be quicker than that.
    let mut left_on_the_way = false;
    for _ in 0..1000 {
        let mut begun = std::pin::pin!(connection.begin());
        left_on_the_way = std::future::poll_fn(|cx| Poll::Ready(begun.as_mut().poll(cx).is_pending())).await;
        if left_on_the_way {
            break;
        }
    }
    assert!(left_on_the_way);
    assert!(in_transaction(&mut connection).await.unwrap(), "it has begun");
    drop(connection);
    let mut connection = pool.acquire().await.unwrap();
    assert!(
        !in_transaction(&mut connection).await.unwrap(),
        "the pool has ended it"
    );
    drop(connection);
    sqlx::raw_sql("INSERT INTO written VALUES (1)")
        .execute(&pool)
        .await
        .unwrap();
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM written")
        .fetch_one(&other)
        .await
        .unwrap();
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn an_incomplete_configuration_is_an_error_at_once() {
    let complete = Postgres::shared().cluster_database().await;
    for wrong in [
        DatabaseConfig::default(),
        DatabaseConfig {
            ca: None,
            ..complete.clone()
        },
        DatabaseConfig {
            host: String::new(),
            ..complete.clone()
        },
        DatabaseConfig {
            credentials: None,
            ..complete.clone()
        },
    ] {
        assert!(matches!(connect(&wrong).await, Err(DatabaseError::Incomplete)));
    }
    let url = Some(Secret::new("http://u:swordfish@h/d".to_owned()));
    let error = connect(&DatabaseConfig {
        url,
        ..DatabaseConfig::default()
    })
    .await
    .unwrap_err();
    assert!(matches!(error, DatabaseError::Url));
    let credentials = Some("/nonexistent".into());
    let missing = connect(&DatabaseConfig {
        credentials,
        ..complete
    })
    .await;
    assert!(matches!(missing, Err(DatabaseError::Credentials { .. })));
}

#[tokio::test]
async fn a_long_statement_is_ended_by_the_server() {
    let config = DatabaseConfig {
        statement_timeout: Duration::from_millis(200),
        ..Postgres::shared().database().await
    };
    let pool = connect(&config).await.unwrap();
    let error = sqlx::query("SELECT pg_sleep(5)")
        .execute(&pool)
        .await
        .unwrap_err();
    assert_eq!(
        error.as_database_error().unwrap().code().as_deref(),
        Some("57014")
    );
}

#[tokio::test]
async fn replicas_that_start_at_once_migrate_once() {
    let folder = tempfile::tempdir().unwrap();
    // longer than the statement timeout of the pool
    let script = "CREATE TABLE thing (id int); SELECT pg_sleep(1);";
    std::fs::write(folder.path().join("1_thing.sql"), script).unwrap();
    let migrator = Migrator::new(folder.path()).await.unwrap();
    let config = DatabaseConfig {
        statement_timeout: Duration::from_millis(500),
        ..Postgres::shared().database().await
    };
    let (one, two) = (connect(&config).await.unwrap(), connect(&config).await.unwrap());
    let (first, second) = tokio::join!(migrate(&one, &migrator), migrate(&two, &migrator));
    first.unwrap();
    second.unwrap();
    migrate(&one, &migrator).await.unwrap();
    let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations")
        .fetch_one(&one)
        .await
        .unwrap();
    assert_eq!(applied, 1);
}
