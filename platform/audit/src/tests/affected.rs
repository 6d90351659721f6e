//! Whose records software or a person touched: who is found, who asks, and that it is in the log first.

use std::collections::BTreeSet;
use std::time::Duration;

use dmp_client::acts::ActEntry;
use dmp_client::affected::{Answer, Question, ROUTE};
use dmp_client::audit::{Event, EventKind};
use dmp_core::ids::{PatientId, Pseudonym};
use dmp_tlog::Log;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sqlx::PgPool;

use super::support::*;
use crate::bodies::Bodies;
use crate::{index, store};

const TANGER: &str = "dmp.test/log/group/tanger";
const LIMIT: Duration = Duration::from_secs(60);

fn hours_ago(hours: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(hours)
}

/// Dr Test opens, through the hospital's software.
fn opening(patient: Pseudonym, at: Timestamp) -> Event {
    Event {
        kind: EventKind::Read,
        at,
        ..event(Some(patient), "tag-document")
    }
}

/// Everything that the hospital's software did in the two days before the last hour.
fn question(group: &str) -> Question {
    Question {
        incident: "incident-x7k2p".to_owned(),
        who: "person:0123456789abcdef".to_owned(),
        group: group.parse().unwrap(),
        software: Some("vendor-test/hospital".to_owned()),
        version: None,
        person: None,
        establishment: None,
        from: hours_ago(48),
        to: hours_ago(1),
        after: None,
        limit: None,
    }
}

async fn asked_by(world: &World, (namespace, account): (&str, &str), question: &Question) -> (u16, Value) {
    let client = world
        .platform
        .pki
        .service(namespace, account)
        .http_client()
        .unwrap();
    let request = client.post(world.service.url(ROUTE)).json(question);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

const PORTAL: (&str, &str) = ("dmp-national", "portal");

async fn answered(world: &World, question: &Question) -> Answer {
    let (status, body) = asked_by(world, PORTAL, question).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_value(body).unwrap()
}

async fn refused(world: &World, question: &Question) -> (u16, String) {
    let (status, body) = asked_by(world, PORTAL, question).await;
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

fn ids(answer: &Answer) -> BTreeSet<PatientId> {
    answer.patients.iter().filter_map(|one| one.patient).collect()
}

/// A group's log, served and pulled by the world from here on.
struct Group {
    log: Log,
    pool: PgPool,
    service: dmp_testkit::TestService,
}

async fn group(world: &World, origin: &str) -> Group {
    let (log, pool) = log(origin, "log-consent").await;
    let service = serve(&world.platform, &log).await;
    world.sources.set(&[source(&log, &service.base())]).unwrap();
    Group { log, pool, service }
}

/// The acts of the service's own log.
async fn acts(world: &World) -> Vec<ActEntry> {
    world.own.sequence_once().await.unwrap();
    world.sources.refresh_all(LIMIT).await;
    let size = world.own.head().await.unwrap().unwrap().size;
    let mut conn = world.pool.acquire().await.unwrap();
    let page = store::entry::page(&mut conn, world.own.origin(), 0, size, 1000).await;
    drop(conn);
    let bodies = Bodies::new(world.pool.clone(), client());
    let mut acts = Vec::new();
    for entry in page.unwrap() {
        acts.push(serde_json::from_str(&bodies.open(&entry).await.unwrap().event).unwrap());
    }
    acts
}

async fn rows(world: &World) -> i64 {
    sqlx::query_scalar("select count(*) from access_index")
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn openings_in_the_window_are_found_and_the_asking_is_in_the_log() {
    let world = World::new().await;
    let [opened, searched, before, after, refused, elsewhere] = [(); 6].map(|()| world.patient());
    let tanger = group(&world, TANGER).await;
    let (other, _) = log("dmp.test/log/group/oriental", "log-registry").await;
    let others = serve(&world.platform, &other).await;
    let sources = [
        source(&tanger.log, &tanger.service.base()),
        source(&other, &others.base()),
    ];
    world.sources.set(&sources).unwrap();
    let search = Event {
        kind: EventKind::Search,
        ..opening(searched.1, hours_ago(4))
    };
    let refusal = Event {
        kind: EventKind::Refusal,
        outcome: "no-care-relation".into(),
        ..opening(refused.1, hours_ago(4))
    };
    let opposed = Event {
        outcome: "opposition".into(),
        ..opening(refused.1, hours_ago(4))
    };
    let (first, last) = (hours_ago(5), hours_ago(3));
    write(
        &tanger.log,
        [
            opening(before.1, hours_ago(49)),
            opening(opened.1, first),
            opening(opened.1, last),
            search,
            refusal,
            opposed,
            event(None, "nobody"),
            opening(after.1, Timestamp::now()),
        ],
    )
    .await;
    write(&other, [opening(elsewhere.1, hours_ago(4))]).await;

    let answer = answered(&world, &question("tanger")).await;
    assert!(ids(&answer) == BTreeSet::from([opened.0, searched.0]));
    assert_eq!((answer.count, answer.patients.len()), (2, 2));
    assert_eq!((answer.behind, answer.unreadable), (false, 0));
    assert!(answer.next.is_none());
    let hers = answer.patients.iter().find(|one| one.patient == Some(opened.0));
    let hers = hers.unwrap();
    assert_eq!((hers.reads, hers.searches, hers.writes), (2, 0, 0));
    assert_eq!(
        (hers.first.as_millisecond(), hers.last.as_millisecond()),
        (first.as_millisecond(), last.as_millisecond())
    );
    assert!(ids(&answered(&world, &question("oriental")).await) == BTreeSet::from([elsewhere.0]));

    let acts = acts(&world).await;
    assert_eq!(acts.len(), 2, "each asking");
    let asked = &acts[0];
    assert_eq!(asked.by, "dmp-national/portal");
    assert_eq!(
        (
            asked.act.who.as_str(),
            asked.act.operation.as_str(),
            asked.act.object.as_str()
        ),
        ("person:0123456789abcdef", "incident/affected", "incident-x7k2p")
    );
    let fact = |name: &str| asked.act.facts[name][0].clone();
    assert_eq!(
        (fact("group"), fact("count")),
        ("tanger".to_owned(), "2".to_owned())
    );
    assert_eq!(fact("software"), "vendor-test/hospital");
    assert!(fact("from") < fact("to"));
}

#[tokio::test]
async fn a_person_a_version_a_place_narrow_it() {
    let world = World::new().await;
    let [one, two, three] = [(); 3].map(|()| world.patient());
    let tanger = group(&world, TANGER).await;
    let at = hours_ago(4);
    let newer = Event {
        software: "vendor-test/hospital 2.0".into(),
        ..opening(two.1, at)
    };
    let colleague = Event {
        who: "987654321".into(),
        establishment: Some("000000002".into()),
        ..opening(three.1, at)
    };
    write(&tanger.log, [opening(one.1, at), newer, colleague]).await;
    let found = async |change: fn(&mut Question)| {
        let mut asked = question("tanger");
        change(&mut asked);
        ids(&answered(&world, &asked).await)
    };
    let all = |patients: &[(PatientId, Pseudonym)]| patients.iter().map(|one| one.0).collect::<BTreeSet<_>>();
    assert!(found(|_| {}).await == all(&[one, two, three]));
    assert!(found(|q| q.version = Some("2.0".into())).await == all(&[two]));
    assert!(found(|q| q.person = Some("987654321".into())).await == all(&[three]));
    assert!(found(|q| q.establishment = Some("000000001".into())).await == all(&[one, two]));
    let person = |q: &mut Question| {
        q.software = None;
        q.person = Some("123456789".into());
    };
    assert!(found(person).await == all(&[one, two]));
    assert!(
        found(|q| q.software = Some("vendor-test/hospit".into()))
            .await
            .is_empty()
    );
    // Who it is about is not in the log in clear.
    let acts = acts(&world).await;
    let text = serde_json::to_string(&acts).unwrap();
    assert!(
        text.contains("\"person\":[\"") && !text.contains("987654321"),
        "{text}"
    );
}

#[tokio::test]
async fn nobody_else_may_ask() {
    let world = World::new().await;
    group(&world, TANGER).await;
    for caller in [
        ("dmp-national", "gateway"),
        ("dmp-national", "registry"),
        ("dmp-system", "dmp-operator"),
        ("dmp-system", "portal"),
        ("dmp-tanger", "records"),
        ("dmp-tanger", "portal"),
    ] {
        let (status, body) = asked_by(&world, caller, &question("tanger")).await;
        assert_eq!(
            (status, &body["code"]),
            (403, &"peer-not-allowed".into()),
            "{caller:?}"
        );
    }
    assert_eq!(acts(&world).await.len(), 0);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_and_is_no_act() {
    let world = World::new().await;
    let mut long = question("tanger");
    long.from = hours_ago(32 * 24);
    let mut ahead = question("tanger");
    ahead.to = Timestamp::now() + SignedDuration::from_hours(1);
    let mut turned = question("tanger");
    (turned.from, turned.to) = (turned.to, turned.from);
    for window in [long, ahead, turned] {
        assert_eq!(
            refused(&world, &window).await,
            (400, "window-not-valid".to_owned())
        );
    }
    let mut nobody = question("tanger");
    nobody.software = None;
    let mut page = question("tanger");
    page.limit = Some(501);
    let mut after = question("tanger");
    after.after = Some("'; drop table access_index".to_owned());
    for bad in [nobody, page, after] {
        assert_eq!(
            refused(&world, &bad).await,
            (400, "question-not-valid".to_owned())
        );
    }
    let unknown = refused(&world, &question("tanger")).await;
    assert_eq!(unknown, (404, "unknown-group".to_owned()));
    assert_eq!(acts(&world).await.len(), 0);
}

#[tokio::test]
async fn without_log_or_registry_there_is_no_answer() {
    let world = World::new().await;
    let (_, patient) = world.patient();
    let tanger = group(&world, TANGER).await;
    write(&tanger.log, [opening(patient, hours_ago(4))]).await;
    let rename = async |from: &str, to: &str| {
        let statement = sqlx::AssertSqlSafe(format!("alter table {from} rename to {to}"));
        sqlx::raw_sql(statement).execute(&world.pool).await.unwrap();
    };
    rename("tlog_pending", "away").await;
    let (status, body) = asked_by(&world, PORTAL, &question("tanger")).await;
    assert_eq!((status, &body["code"]), (503, &"audit-unavailable".into()));
    assert!(
        body.get("count").is_none() && body.get("patients").is_none(),
        "{body}"
    );
    rename("away", "tlog_pending").await;
    assert_eq!(answered(&world, &question("tanger")).await.count, 1);
    world.registry.stop();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let away = refused(&world, &question("tanger")).await;
    assert_eq!(away, (503, "registry-unavailable".to_owned()));
}

#[tokio::test]
async fn what_is_missing_is_said() {
    let world = World::new().await;
    let (_, patient) = world.patient();
    let tanger = group(&world, "dmp.test/log/group/empty").await;
    write(&tanger.log, [opening(patient, hours_ago(4))]).await;
    let answer = answered(&world, &question(EMPTY)).await;
    assert_eq!(
        (answer.count, ids(&answer).len()),
        (1, 0),
        "counted, and not named"
    );
    sqlx::query("insert into finding (origin, kind, position) values ($1, 'body', 7)")
        .bind(tanger.log.origin())
        .execute(&world.pool)
        .await
        .unwrap();
    tanger.service.stop();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let answer = answered(&world, &question(EMPTY)).await;
    assert_eq!((answer.count, answer.behind, answer.unreadable), (1, true, 1));
}

#[tokio::test]
async fn ten_thousand_entries_come_in_pages_without_loss_or_repetition() {
    let world = World::new().await;
    let tanger = group(&world, TANGER).await;
    let patients: Vec<_> = (0..400).map(|_| world.patient()).collect();
    let at = hours_ago(4);
    let appended = patients.iter().map(|(_, patient)| {
        let log = tanger.log.clone();
        async move { log.append_now(&opening(*patient, at)).await.unwrap() }
    });
    futures::future::join_all(appended).await;
    tanger.log.sequence_once().await.unwrap();
    sqlx::query("insert into tlog_pending (leaf, body, key) select leaf, body, key from tlog_entry, generate_series(1, 24)")
        .execute(&tanger.pool)
        .await
        .unwrap();
    while tanger.log.sequence_once().await.unwrap().integrated > 0 {}
    assert_eq!(world.sources.refresh_all(LIMIT).await, Vec::<String>::new());
    assert_eq!(rows(&world).await, 10_000);

    let (mut found, mut reads, mut pages) = (Vec::new(), 0, 0);
    let mut asked = question("tanger");
    asked.limit = Some(150);
    loop {
        let page = answered(&world, &asked).await;
        assert_eq!(page.count, 400);
        reads += page.patients.iter().map(|one| one.reads).sum::<u64>();
        found.extend(page.patients.iter().map(|one| one.patient.unwrap()));
        pages += 1;
        let Some(next) = page.next else { break };
        asked.after = Some(next);
    }
    assert_eq!((pages, found.len(), reads), (3, 400, 10_000));
    let expected: BTreeSet<_> = patients.iter().map(|(id, _)| *id).collect();
    assert!(found.into_iter().collect::<BTreeSet<_>>() == expected);

    sqlx::raw_sql("analyze access_index")
        .execute(&world.pool)
        .await
        .unwrap();
    for (statement, index) in [
        (store::access::COUNT_OF_SOFTWARE, "access_of_software"),
        (store::access::COUNT_OF_PERSON, "access_of_person"),
        (store::access::PAGE_OF_SOFTWARE, "access_of_software"),
        (store::access::PAGE_OF_PERSON, "access_of_person"),
    ] {
        let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("explain {statement}")))
            .bind(vec![7_u8; 32])
            .bind(at.as_millisecond())
            .bind(at.as_millisecond() + 1)
            .bind(None::<Vec<u8>>)
            .bind(None::<Vec<u8>>)
            .bind(None::<Vec<u8>>);
        if statement.contains("$8") {
            query = query.bind(None::<Vec<u8>>).bind(500_i64);
        }
        let plan: Vec<String> = query.fetch_all(&world.pool).await.unwrap();
        let plan = plan.join("\n");
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{plan}");
    }
}

#[tokio::test]
async fn what_a_release_without_the_index_has_copied_is_made_up_once() {
    let world = World::new().await;
    let (first, second) = (world.patient(), world.patient());
    let tanger = group(&world, TANGER).await;
    write(&tanger.log, (0..700).map(|_| opening(first.1, hours_ago(4)))).await;
    world.sources.refresh_all(LIMIT).await;
    assert_eq!(rows(&world).await, 700);
    sqlx::raw_sql("delete from access_index; update source set accessed = 0")
        .execute(&world.pool)
        .await
        .unwrap();
    // What comes in meanwhile waits for its turn, and the trail does not.
    write(&tanger.log, [opening(second.1, hours_ago(4))]).await;
    let (status, body) = asked_by(&world, PORTAL, &question("tanger")).await;
    assert_eq!((status, &body["code"]), (409, &"access-index-not-ready".into()));
    assert!(
        body["detail"].as_str().unwrap().starts_with("701 of 701 entries"),
        "{body}"
    );
    assert_eq!(world.trail(second.0).await.entries.len(), 1);

    let fill = || index::fill(&world.pool, TANGER, &world.bodies, &world.index);
    let (one, two) = tokio::join!(fill(), fill());
    assert!(one.unwrap() + two.unwrap() >= 701, "two replicas at once");
    assert_eq!(fill().await.unwrap(), 0);
    assert_eq!(rows(&world).await, 701);
    let answer = answered(&world, &question("tanger")).await;
    assert!(ids(&answer) == BTreeSet::from([first.0, second.0]));
    // From here on both are written at once.
    write(&tanger.log, [opening(second.1, hours_ago(4))]).await;
    world.sources.refresh_all(LIMIT).await;
    assert_eq!(rows(&world).await, 702);
    assert_eq!(fill().await.unwrap(), 0);
}

#[tokio::test]
async fn the_index_does_not_say_who_it_was_and_joins_no_two_groups() {
    let world = World::new().await;
    let (_, patient) = world.patient();
    let tanger = group(&world, TANGER).await;
    write(&tanger.log, [opening(patient, hours_ago(4))]).await;
    world.sources.refresh_all(LIMIT).await;
    let oriental = group(&world, "dmp.test/log/group/oriental").await;
    write(&oriental.log, [opening(patient, hours_ago(4))]).await;
    world.sources.refresh_all(LIMIT).await;
    // National services' logs tell of no access to a record.
    let (registry, _) = log(ORIGIN, "log-registry").await;
    let service = serve(&world.platform, &registry).await;
    world.sources.set(&[source(&registry, &service.base())]).unwrap();
    write(&registry, [opening(patient, hours_ago(4))]).await;
    world.sources.refresh_all(LIMIT).await;
    assert_eq!((world.size(ORIGIN).await, rows(&world).await), (1, 2));

    let of: (i64, i64, i64, i64) = sqlx::query_as(
        "select count(distinct software), count(distinct version), count(distinct person),
                count(distinct establishment) from access_index",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(of, (2, 2, 2, 2));
    let text: String = sqlx::query_scalar("select string_agg(a::text, '') from access_index a")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    for word in ["123456789", "000000001", "vendor-test/hospital", "1.0", "Dr Test"] {
        assert!(
            !text.contains(word) && !text.contains(&hex::encode(word)),
            "{word}"
        );
    }
    assert!(!text.contains(&patient.as_uuid().simple().to_string()));
}
