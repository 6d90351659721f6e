//! Copying logs that behave.

use std::time::Duration;

use dmp_core::ids::Pseudonym;

use super::support::*;
use crate::config::{SourceConfig, SourceError};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_log_is_copied_page_by_page_and_followed() {
    let world = World::new().await;
    let (log, pool) = log(ORIGIN, "log-registry").await;
    let service = serve(&world.platform, &log).await;
    world.sources.set(&[source(&log, &service.base())]).unwrap();
    let none: Vec<String> = Vec::new();

    log.sequence_once().await.unwrap();
    assert_eq!(
        world.sources.refresh_all(LIMIT).await,
        none,
        "an empty log is a log"
    );
    assert_eq!(world.size(ORIGIN).await, 0);

    write(&log, [event(None, "first")]).await;
    assert_eq!(world.sources.refresh_all(LIMIT).await, none);
    assert_eq!(world.size(ORIGIN).await, 1);

    // More than the pages that are kept in memory.
    sqlx::query("insert into tlog_pending (leaf, body, key) select leaf, body, key from tlog_entry, generate_series(1, 21500)")
        .execute(&pool)
        .await
        .unwrap();
    while log.sequence_once().await.unwrap().integrated > 0 {}
    assert_eq!(world.sources.refresh_all(LIMIT).await, none);
    assert_eq!(world.size(ORIGIN).await, 21_501);
    let indexed: i64 = sqlx::query_scalar("select indexed from source where origin = $1")
        .bind(ORIGIN)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(indexed, 21_501);
    assert_eq!(world.findings().await, vec![]);
}

#[tokio::test]
async fn two_replicas_may_pull_one_log_at_once() {
    let world = World::new().await;
    let (log, _) = log(ORIGIN, "log-registry").await;
    let service = serve(&world.platform, &log).await;
    let config = source(&log, &service.base());
    let http = world
        .platform
        .pki
        .service("dmp-national", "audit")
        .http_client()
        .unwrap();
    let source = crate::source::HttpSource::new(http, &config.url);
    let key = config.key().unwrap();
    for round in 1..=10 {
        write(&log, [event(None, "x"), event(None, "y")]).await;
        let pull = || crate::pull::pull(&world.pool, ORIGIN, &key, &source);
        let (one, two, three) = tokio::join!(pull(), pull(), pull());
        assert_eq!(
            (one.unwrap(), two.unwrap(), three.unwrap()),
            (2 * round, 2 * round, 2 * round)
        );
    }
    assert_eq!(world.findings().await, vec![]);
}

#[tokio::test]
async fn a_log_that_does_not_answer_is_behind_and_holds_up_nobody() {
    let world = World::new().await;
    let (log, _) = log(ORIGIN, "log-registry").await;
    let (other, _) = self::log("dmp.test/log/consent", "log-consent").await;
    let service = serve(&world.platform, &log).await;
    write(&log, [event(None, "x")]).await;
    // Accepts connections and says nothing.
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://localhost:{}", silent.local_addr().unwrap().port());
    world
        .sources
        .set(&[source(&log, &service.base()), source(&other, &url)])
        .unwrap();
    let start = std::time::Instant::now();
    let behind = world.sources.refresh_all(Duration::from_secs(2)).await;
    assert!(start.elapsed() < Duration::from_secs(4));
    assert_eq!(behind, ["dmp.test/log/consent"]);
    assert_eq!(world.size(ORIGIN).await, 1);
    assert_eq!(world.findings().await, vec![]);
}

#[tokio::test]
async fn sources_that_make_no_sense_change_nothing() {
    let world = World::new().await;
    let (log, _) = log(ORIGIN, "log-registry").await;
    let good = source(&log, "https://localhost:1");
    let own = SourceConfig {
        origin: world.own.origin().into(),
        ..good.clone()
    };
    let keyless = SourceConfig {
        public_key: "x".into(),
        ..good.clone()
    };
    let nameless = SourceConfig {
        origin: "a b".into(),
        ..good.clone()
    };
    assert!(matches!(world.sources.set(&[own]), Err(SourceError::Twice(_))));
    assert!(matches!(
        world.sources.set(&[good.clone(), good]),
        Err(SourceError::Twice(_))
    ));
    assert!(matches!(world.sources.set(&[keyless]), Err(SourceError::Key(_))));
    assert!(matches!(
        world.sources.set(&[nameless]),
        Err(SourceError::Origin(_))
    ));
    assert_eq!(
        world.sources.refresh_all(LIMIT).await,
        Vec::<String>::new(),
        "the own log is still pulled"
    );
}

#[tokio::test]
async fn the_copy_does_not_say_whose_it_is() {
    let world = World::new().await;
    let (log, _) = log(ORIGIN, "log-registry").await;
    let service = serve(&world.platform, &log).await;
    let patient = Pseudonym::random();
    write(&log, [event(Some(patient), "ba7816bf-secret")]).await;
    world.sources.set(&[source(&log, &service.base())]).unwrap();
    assert_eq!(world.sources.refresh_all(LIMIT).await, Vec::<String>::new());
    let rows: String = sqlx::query_scalar(
        "select string_agg(t, '') from (
             select e::text || encode(e.body, 'escape') as t from source_entry e
             union all select t::text || encode(t.token, 'escape') from trail_index t) rows",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert!(!rows.is_empty());
    let hex = patient.as_uuid().simple().to_string();
    let hyphenated = patient.as_uuid().to_string();
    for secret in [hex.as_str(), &hyphenated, "123456789", "secret", "Dr Test"] {
        assert!(!rows.contains(secret), "{secret}");
    }
}
