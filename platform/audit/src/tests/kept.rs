//! How far back a copy reaches: what is stored now, and what somebody took away or wrote anew.

use std::time::Duration;

use dmp_client::audit::Event;
use dmp_client::kept::{Answer, First, KeptError, Question, ROUTE, Reader};
use dmp_testkit::TestService;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::support::*;
use crate::kept::Kept;
use crate::store;

const LIMIT: Duration = Duration::from_secs(60);

fn question(log: &str, from: u64) -> Question {
    Question {
        log: log.to_owned(),
        from,
    }
}

fn reader(world: &World, namespace: &str, account: &str) -> Reader {
    let identity = world.platform.pki.service(namespace, account);
    Reader::new(identity.http_client().unwrap(), &world.service.base())
}

async fn asked(world: &World, log: &str) -> Option<Answer> {
    let operator = reader(world, "dmp-system", "dmp-operator");
    operator.ask(&question(log, 0)).await.unwrap()
}

/// Of whole milliseconds, as a leaf says it.
fn days_ago(days: i64) -> Timestamp {
    let at = Timestamp::now() - SignedDuration::from_hours(24 * days);
    Timestamp::from_millisecond(at.as_millisecond()).unwrap()
}

/// A copy of ten entries, one a day, the first of them 400 days old; and that first moment.
async fn ten() -> (World, TestService, Timestamp) {
    let world = World::new().await;
    let (log, _) = log(ORIGIN, "log-registry").await;
    let service = serve(&world.platform, &log).await;
    let began = days_ago(400);
    let events = (0..10).map(|day| Event {
        at: began + SignedDuration::from_hours(24 * day),
        ..event(None, "x")
    });
    write(&log, events).await;
    world.sources.set(&[source(&log, &service.base())]).unwrap();
    assert_eq!(world.sources.refresh_all(LIMIT).await, Vec::<String>::new());
    (world, service, began)
}

async fn change(world: &World, statement: &'static str) {
    sqlx::raw_sql(statement).execute(&world.pool).await.unwrap();
}

fn whole(began: Timestamp) -> Answer {
    Answer {
        size: Some(10),
        first: Some(First {
            index: 0,
            at: Some(began),
        }),
        holes: 0,
        next: None,
    }
}

#[tokio::test]
async fn a_copy_reaches_back_to_its_first_entry() {
    let (world, _service, began) = ten().await;
    assert_eq!(asked(&world, ORIGIN).await, Some(whole(began)));
    // Nothing was ever written into this one.
    let own = world.own.origin().to_owned();
    let empty = Answer {
        size: Some(0),
        first: None,
        holes: 0,
        next: None,
    };
    assert_eq!(asked(&world, &own).await, Some(empty));
    assert_eq!(asked(&world, "dmp.test/log/group/nowhere").await, None);
    assert_eq!(asked(&world, "").await, None);
}

#[tokio::test]
async fn a_log_that_was_never_copied_has_no_copy() {
    let world = World::new().await;
    let (log, _) = log(ORIGIN, "log-registry").await;
    world.sources.set(&[source(&log, "https://localhost:1")]).unwrap();
    assert_eq!(asked(&world, ORIGIN).await, None);
    assert_eq!(world.sources.refresh_all(LIMIT).await, [ORIGIN]);
    assert_eq!(asked(&world, ORIGIN).await, None);
}

#[tokio::test]
async fn entries_that_were_taken_away_are_found() {
    let (world, _service, began) = ten().await;
    for (statement, holes) in [
        ("delete from source_entry where idx = 3", 1),
        ("delete from source_entry where idx = 4", 1),
        ("delete from source_entry where idx = 7", 2),
        ("delete from source_entry where idx = 9", 3),
    ] {
        change(&world, statement).await;
        let expected = Answer {
            holes,
            ..whole(began)
        };
        assert_eq!(asked(&world, ORIGIN).await, Some(expected), "{statement}");
    }
    // Its first ones: it reaches back to the third day alone.
    change(&world, "delete from source_entry where idx < 2").await;
    let found = asked(&world, ORIGIN).await.unwrap();
    let third = First {
        index: 2,
        at: Some(began + SignedDuration::from_hours(48)),
    };
    assert_eq!(found.first, Some(third));
    change(&world, "delete from source_entry").await;
    let found = asked(&world, ORIGIN).await.unwrap();
    assert_eq!((found.size, found.first), (Some(10), None));
}

#[tokio::test]
async fn a_first_entry_that_the_log_did_not_sign_has_no_age() {
    for statement in [
        "update source_entry set leaf = replace(leaf, '\"time\":\"20', '\"time\":\"19') where idx = 0",
        "update source_entry set leaf = '' where idx = 0",
        "delete from source_entry where idx = 0; update source_entry set idx = 0 where idx = 9",
        "update source_entry set body = '' where idx = 0",
        "update source_tile set hashes = set_byte(hashes, 32, get_byte(hashes, 32) # 1) where level = 0",
        "delete from source_tile",
    ] {
        let (world, _service, _) = ten().await;
        change(&world, statement).await;
        let first = asked(&world, ORIGIN).await.unwrap().first;
        assert_eq!(first, Some(First { index: 0, at: None }), "{statement}");
    }
}

#[tokio::test]
async fn a_size_that_the_log_did_not_sign_is_none() {
    for statement in [
        "update source set size = 3, indexed = 3, accessed = 3",
        "update source set root = set_byte(root, 0, get_byte(root, 0) # 1)",
        "update source set note = replace(note, E'\\n10\\n', E'\\n3\\n')",
        "update source set note = ''",
    ] {
        let (world, _service, _) = ten().await;
        change(&world, statement).await;
        let found = asked(&world, ORIGIN).await.unwrap();
        let first = First { index: 0, at: None };
        assert_eq!((found.size, found.first), (None, Some(first)), "{statement}");
    }
}

#[tokio::test]
async fn a_long_copy_is_looked_through_part_by_part() {
    let (world, _service, _) = ten().await;
    change(&world, "delete from source_entry where idx in (0, 5, 8)").await;
    let mut kept = Kept::new(world.pool.clone(), world.bodies.clone(), world.sources.clone());
    kept.stride = 4;
    let mut seen = Vec::new();
    for from in [0, 5, 9, 10, u64::MAX] {
        let found = kept.of(&question(ORIGIN, from)).await.unwrap().unwrap();
        assert_eq!(found.first.unwrap().index, 1);
        seen.push((found.holes, found.next));
    }
    // 1..5, 5..9, 9..10, nothing.
    assert_eq!(
        seen,
        [(0, Some(5)), (2, Some(9)), (0, None), (0, None), (0, None)]
    );
}

#[tokio::test]
async fn the_holes_of_a_log_are_looked_for_in_its_index() {
    let (world, _service, _) = ten().await;
    change(
        &world,
        "insert into source_entry (origin, idx, leaf, body, key)
         select 'log ' || log, idx, 'leaf', 'body', 1 from generate_series(1, 20) log, generate_series(0, 2000) idx;
         analyze source_entry",
    )
    .await;
    let explain = sqlx::AssertSqlSafe(format!("explain {}", store::entry::HOLES));
    let plan: Vec<String> = sqlx::query_scalar(explain)
        .bind("log 7")
        .bind(100_i64)
        .bind(400_i64)
        .fetch_all(&world.pool)
        .await
        .unwrap();
    let plan = plan.join("\n");
    assert!(
        plan.contains("source_entry_pkey") && !plan.contains("Seq Scan"),
        "{plan}"
    );
}

#[tokio::test]
async fn nobody_but_the_operator_asks_and_what_is_no_question_is_refused() {
    let (world, _service, _) = ten().await;
    for (namespace, account) in [
        ("dmp-national", "portal"),
        ("dmp-national", "gateway"),
        ("dmp-tanger", "records"),
    ] {
        let answer = reader(&world, namespace, account).ask(&question(ORIGIN, 0)).await;
        assert!(
            matches!(answer, Err(KeptError::Status(http::StatusCode::FORBIDDEN))),
            "{account}: {answer:?}"
        );
    }
    let identity = world.platform.pki.service("dmp-system", "dmp-operator");
    let client = identity.http_client().unwrap();
    for body in [
        json!({}),
        json!({ "log": ORIGIN, "from": -1 }),
        json!({ "log": ORIGIN, "from": 0, "patient": "x" }),
        Value::Null,
    ] {
        let request = client.post(world.service.url(ROUTE)).json(&body);
        let status = request.send().await.unwrap().status();
        assert!(status.is_client_error(), "{body}: {status}");
    }
}
