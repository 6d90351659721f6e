//! What people bring that is not theirs to bring, on a real API server: strangers to a vendor, readers who write, names that stand for two
//! things, statements about something else, lists without end.
#![allow(clippy::unwrap_used)]

use dmp_testkit::bodies::Authority;
use http::StatusCode;
use kube::{Client, ResourceExt as _};
use rcgen::{CertificateParams, KeyPair, SanType};
use serde_json::{Value, json};

use super::openapi::OPERATIONS;
use super::scene::{
    CSR, Door, ICE, OTHER_ICE, body, create, platform, review, run, server, signed, signed_up, written,
};

/// A good body for an operation.
fn good(path: &str) -> Value {
    let end = path.rsplit('/').next().unwrap();
    match end {
        "members" => json!({ "members": [{ "issuer": "https://issuer.test", "subject": "omar" }] }),
        "log-ins" => json!({ "patient": { "system": "https://dmp.ma/sid/cnie", "value": "XT1" } }),
        "solutions" => json!({ "name": "his", "product": "SIH", "kind": "hospital" }),
        "versions" => json!({ "solution": "his", "version": "1.0" }),
        "evidence" => json!({ "name": "pentest", "evidence": {
            "kind": "pen-test", "issuer": "Lab", "sha256": "b".repeat(64), "issued": "2026-10-01",
        } }),
        "credentials" => json!({ "name": "his-1", "solution": "his", "version": "1.0", "csr": CSR }),
        "homologations" => json!({
            "name": "his-1-0", "solution": "his", "version": "1.0", "programme": "p", "cycle": 1, "profiles": ["f"],
        }),
        "runs" | "reviews" => json!({ "statement": "a.b.c" }),
        "answers" => json!({ "text": "corrigé" }),
        _ => json!({}),
    }
}

fn who(operation: &super::openapi::Operation) -> String {
    let described = super::description();
    let path = format!("{}{}", dmp_client::guichet::PREFIX, operation.path);
    described["paths"][path][operation.method]["description"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// How many objects there are of a vendor.
async fn objects(administrator: &Client, namespace: &str) -> usize {
    let all = written(administrator, namespace).await;
    all.iter()
        .filter(|(_, object)| object.namespace().is_some())
        .count()
}

#[tokio::test]
async fn to_a_stranger_a_vendor_and_none_are_the_same_in_every_operation() {
    let Some((_server, administrator, portal)) = server().await else {
        return;
    };
    let door = Door::new(Some(portal));
    signed_up(&door, &administrator, "leila", "atlas", ICE).await;
    create(&administrator, &platform(json!([]))).await;
    let mut asked = 0;
    for operation in OPERATIONS {
        if !operation.path.contains("{vendor}") {
            continue;
        }
        let of = |vendor: &str| operation.path.replace("{vendor}", vendor).replace("{name}", "n");
        let (there, nowhere) = (of("atlas"), of("none"));
        let body = good(operation.path);
        let answer = door
            .ask(Some("omar"), operation.method, &there, body.clone())
            .await;
        let other = door.ask(Some("omar"), operation.method, &nowhere, body).await;
        let expected = if who(operation).starts_with("Whoever") {
            (StatusCode::UNPROCESSABLE_ENTITY, "statement-not-valid")
        } else {
            (StatusCode::NOT_FOUND, "no-such-vendor")
        };
        let code = answer.1["code"].as_str().unwrap_or_default();
        assert_eq!((answer.0, code), expected, "{} {there}", operation.method);
        assert_eq!(answer, other, "{} {there}", operation.method);
        asked += 1;
    }
    assert!(asked > 20, "{asked}");
    assert_eq!(objects(&administrator, "vendor-atlas").await, 0);
    // Names of objects lead nowhere else either.
    for name in ["..%2F..%2Fvendors%2Fatlas", "a%2Fstatus", "A", "a.b", "%00"] {
        let path = format!("/vendors/atlas/credentials/{name}");
        let (status, _) = door.ask(Some("leila"), "get", &path, Value::Null).await;
        assert!(status.is_client_error(), "{name}: {status}");
    }
}

#[tokio::test]
async fn a_reader_of_a_body_sees_everything_and_writes_nothing() {
    let Some((_server, administrator, portal)) = server().await else {
        return;
    };
    let door = Door::new(Some(portal));
    signed_up(&door, &administrator, "leila", "atlas", ICE).await;
    let interop = Authority::new("Interop", "000000000000001");
    let bodies = json!([body("interop", &interop, &["rachid"])]);
    create(&administrator, &platform(bodies)).await;
    for operation in OPERATIONS {
        if !operation.path.contains("{vendor}") || who(operation).starts_with("Whoever") {
            continue;
        }
        let path = operation.path.replace("{vendor}", "atlas").replace("{name}", "n");
        let (status, answer) = door
            .ask(Some("rachid"), operation.method, &path, good(operation.path))
            .await;
        let code = answer["code"].as_str().unwrap_or_default();
        let shown = format!("{} {path}: {answer}", operation.method);
        if operation.method == "get" {
            let absent = status == StatusCode::NOT_FOUND && code == "no-such-object";
            assert!(status == StatusCode::OK || absent, "{shown}");
        } else {
            assert_eq!((status, code), (StatusCode::FORBIDDEN, "not-a-member"), "{shown}");
        }
    }
    assert_eq!(objects(&administrator, "vendor-atlas").await, 0);
}

#[tokio::test]
async fn one_name_stands_for_one_version_and_a_request_is_of_a_credentials_size() {
    let Some((_server, administrator, portal)) = server().await else {
        return;
    };
    let door = Door::new(Some(portal));
    signed_up(&door, &administrator, "leila", "atlas", ICE).await;
    let product = good("/solutions");
    door.done("leila", "post", "/vendors/atlas/solutions", product)
        .await;
    let path = "/vendors/atlas/versions";
    let version = |number: &str| json!({ "solution": "his", "version": number });
    for number in ["4.2", "4.2.0", "5.0-RC.1"] {
        door.done("leila", "post", path, version(number)).await;
    }
    // Second spellings, each with the answer that it has had since.
    for (number, refused) in [
        ("4-2", (409, "name-taken")),
        ("5.0-rc.1", (409, "name-taken")),
        ("5.0-rc-1", (409, "name-taken")),
        ("04.2", (422, "not-valid")),
        ("4.2.0+x", (422, "version-not-valid")),
        ("v4.2", (422, "not-valid")),
        ("4..2", (422, "not-valid")),
        ("4.2 ", (422, "version-not-valid")),
        ("٤.٢", (422, "version-not-valid")),
    ] {
        let (status, code) = door.refused(Some("leila"), "post", path, version(number)).await;
        assert_eq!((status, code.as_str()), refused, "{number}");
    }

    // A thousand names are more than a request may have in letters.
    let mut params = CertificateParams::default();
    let name = |number| SanType::URI(format!("urn:inpe:{number:09}").try_into().unwrap());
    params.subject_alt_names = (0..1000).map(name).collect();
    let key = KeyPair::generate().unwrap();
    let csr = params.serialize_request(&key).unwrap().pem().unwrap();
    let path = "/vendors/atlas/credentials";
    let asked = |field: &str, value: Value| {
        let mut asked = json!({ "name": "his-1", "solution": "his", "version": "4.2", "csr": CSR });
        asked[field] = value;
        asked
    };
    for (body, refused) in [
        (asked("csr", json!(csr)), (422, "not-valid")),
        (asked("csr", json!("x")), (422, "not-valid")),
        // Another's place: in the sandbox nobody chooses it.
        (
            asked("establishment", json!({ "inpe": "123456789" })),
            (422, "place-given"),
        ),
    ] {
        let (status, code) = door.refused(Some("leila"), "post", path, body).await;
        assert_eq!((status, code.as_str()), refused);
    }
}

#[tokio::test]
async fn a_good_statement_about_another_vendor_is_not_written() {
    let Some((_server, administrator, portal)) = server().await else {
        return;
    };
    let door = Door::new(Some(portal));
    for (who, vendor, ice) in [("leila", "atlas", ICE), ("omar", "oasis", OTHER_ICE)] {
        signed_up(&door, &administrator, who, vendor, ice).await;
        let path = |end: &str| format!("/vendors/{vendor}/{end}");
        for end in ["solutions", "versions", "homologations"] {
            door.done(who, "post", &path(end), good(end)).await;
        }
    }
    let interop = Authority::new("Interop", "000000000000001");
    let suite = Authority::new("Suite", "000000000000005");
    let bodies = json!([body("interop", &interop, &[]), body("suite", &suite, &[])]);
    create(&administrator, &platform(bodies)).await;

    let run = |vendor: &str| signed(&suite.person("suite"), &run(vendor));
    let review = |submission: &str| signed(&interop.person("i1"), &review(submission));
    let reviews = "/vendors/atlas/homologations/his-1-0/reviews";
    for (path, statement, refused) in [
        ("/vendors/atlas/runs", run("oasis"), "other-vendor"),
        ("/vendors/atlas/runs", run("atlas-2"), "other-vendor"),
        (reviews, review("vendor-oasis/his-1-0"), "other-submission"),
        (reviews, review("vendor-atlas/his-1-1"), "other-submission"),
        // One kind of statement is not taken for another.
        (
            "/vendors/atlas/runs",
            review("vendor-atlas/his-1-0"),
            "statement-not-valid",
        ),
        (reviews, run("atlas"), "statement-not-valid"),
    ] {
        assert_eq!(
            door.refused(Some("leila"), "post", path, statement).await,
            (422, refused.to_owned()),
            "{path}"
        );
    }
    let before = objects(&administrator, "vendor-atlas").await;
    // The same twice is one.
    for (path, statement) in [
        ("/vendors/atlas/runs", run("atlas")),
        (reviews, review("vendor-atlas/his-1-0")),
    ] {
        door.done("leila", "post", path, statement.clone()).await;
        door.done("leila", "post", path, statement).await;
    }
    assert_eq!(objects(&administrator, "vendor-atlas").await, before + 2);
    assert_eq!(objects(&administrator, "vendor-oasis").await, before);
}

#[tokio::test]
async fn a_list_comes_in_parts_and_a_part_leads_to_no_other_list() {
    let Some((_server, administrator, portal)) = server().await else {
        return;
    };
    let door = Door::new(Some(portal));
    for (who, vendor, ice) in [("leila", "atlas", ICE), ("omar", "oasis", OTHER_ICE)] {
        signed_up(&door, &administrator, who, vendor, ice).await;
        let path = format!("/vendors/{vendor}/versions");
        for number in 0..5 {
            let version = json!({ "solution": vendor, "version": format!("{number}.0") });
            door.done(who, "post", &path, version).await;
        }
    }
    let names = |part: &Value| -> Vec<String> {
        let entries = part["entries"].as_array().unwrap().iter();
        entries
            .map(|entry| entry["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let get = async |who: &str, vendor: &str, query: &str| {
        let path = format!("/vendors/{vendor}/versions{query}");
        door.ask(Some(who), "get", &path, Value::Null).await
    };
    let (_, whole) = get("leila", "atlas", "").await;
    assert_eq!((names(&whole).len(), &whole["continue"]), (5, &Value::Null));

    let mut together = Vec::new();
    let mut query = "?limit=2".to_owned();
    let mut first = None;
    for length in [2, 2, 1] {
        let (status, part) = get("leila", "atlas", &query).await;
        assert_eq!((status, names(&part).len()), (StatusCode::OK, length), "{part}");
        together.extend(names(&part));
        if let Some(next) = part["continue"].as_str() {
            first.get_or_insert_with(|| next.to_owned());
            query = format!("?limit=2&continue={next}");
        } else {
            query.clear();
        }
    }
    assert_eq!(together, names(&whole));
    assert_eq!(query, "", "the last part");

    // Somebody else's place in a list is a place in one's own.
    let first = first.unwrap();
    let (status, theirs) = get("omar", "oasis", &format!("?continue={first}")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        names(&theirs).iter().all(|name| name.starts_with("oasis-")),
        "{theirs}"
    );
    for query in ["?limit=501", "?limit=0", "?continue=rubbish", "?fieldSelector=x"] {
        let (status, answer) = get("leila", "atlas", query).await;
        assert_eq!(
            (status, &answer["code"]),
            (StatusCode::BAD_REQUEST, &json!("part-not-valid")),
            "{query}"
        );
    }
}
