//! The guichet on a real API server, with the portal's own rights.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use dmp_client::guichet::PREFIX;
use http::StatusCode;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::openapi::OPERATIONS;
use super::scene::{CSR, Door, ICE, OTHER_ICE, create, place, platform, server, sign_up, signed_up};

#[tokio::test]
async fn every_operation_is_a_route_and_needs_a_log_in_unless_it_is_everybodys() {
    let door = Door::new(None);
    for operation in OPERATIONS {
        let path = operation.path.replace("{vendor}", "atlas").replace("{name}", "n");
        let (status, _) = door.ask(None, operation.method, &path, json!({})).await;
        let described = super::description();
        let is_public =
            described["paths"][format!("{PREFIX}{}", operation.path)][operation.method]["security"].is_null();
        if is_public {
            assert!(
                status == StatusCode::OK || status == StatusCode::SERVICE_UNAVAILABLE,
                "{path}: {status}"
            );
        } else {
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{} {path}", operation.method);
        }
    }
    // And nothing beside them: the router's own list is as long.
    let source = include_str!("mod.rs")
        .split("DefaultBodyLimit::max")
        .next()
        .unwrap();
    let routes: usize = ["get(", "post(", "put("]
        .iter()
        .map(|word| source.matches(word).count())
        .sum();
    assert_eq!(routes, OPERATIONS.len());
}

#[test]
fn the_description_is_the_one_in_the_documentation() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vendor/guichet.openapi.json");
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let made = format!("{:#}\n", super::description());
    assert!(written == made, "make vendor-docs writes it");
}

#[tokio::test]
async fn a_vendor_signs_up_once_and_nobody_else_sees_it() {
    let Some((_server, administrator, portal)) = server().await else {
        return;
    };
    let door = Door::new(Some(portal));
    let (post, get, put) = ("post", "get", "put");

    let signed = door.done("leila", post, "/vendors", sign_up("atlas", ICE)).await;
    assert_eq!(
        (&signed["name"], &signed["ready"]),
        (&json!("atlas"), &json!(false))
    );
    // The answer was lost: the same again is the same.
    door.done("leila", post, "/vendors", sign_up("atlas", ICE)).await;
    let refused = |who, body| door.refused(Some(who), post, "/vendors", body);
    assert_eq!(
        refused("omar", sign_up("atlas", OTHER_ICE)).await,
        (409, "name-taken".to_owned())
    );
    assert_eq!(
        refused("omar", sign_up("b", ICE)).await,
        (409, "organisation-taken".to_owned())
    );
    assert_eq!(
        refused("omar", sign_up("b", "001234567000063")).await,
        (422, "ice-not-valid".to_owned())
    );
    assert_eq!(
        refused("omar", sign_up("B_", OTHER_ICE)).await,
        (422, "name-not-valid".to_owned())
    );
    let unknown_field =
        json!({ "name": "b", "organisation": { "name": "B", "ice": OTHER_ICE }, "ready": true });
    assert_eq!(refused("omar", unknown_field).await.0, 400);

    // Nobody else sees it, nor a vendor that is not there: the same answer.
    for path in [
        "/vendors/atlas",
        "/vendors/none",
        "/vendors/atlas/credentials",
        "/vendors/..%2Fatlas",
    ] {
        assert_eq!(
            door.refused(Some("omar"), get, path, Value::Null).await,
            (404, "no-such-vendor".to_owned()),
            "{path}"
        );
    }
    assert_eq!(
        door.refused(None, get, "/vendors/atlas", Value::Null).await,
        (401, "log-in-required".to_owned())
    );
    let product = json!({ "name": "his", "product": "SIH", "kind": "hospital" });
    assert_eq!(
        door.refused(Some("omar"), post, "/vendors/atlas/solutions", product.clone())
            .await
            .0,
        404
    );

    // Its members add others; nobody shuts themselves out.
    let member = |subject: &str| json!({ "issuer": "https://issuer.test", "subject": subject });
    let without = json!({ "members": [member("omar")] });
    assert_eq!(
        door.refused(Some("leila"), put, "/vendors/atlas/members", without)
            .await,
        (409, "not-oneself".to_owned())
    );
    let both = json!({ "members": [member("leila"), member("omar")] });
    door.done("leila", put, "/vendors/atlas/members", both).await;
    assert_eq!(
        door.done("omar", get, "/me", Value::Null).await["vendors"],
        json!(["atlas"])
    );

    // Without a place nothing in the sandbox.
    let log_in = json!({ "patient": { "system": "https://dmp.ma/sid/cnie", "value": "XT1" } });
    assert_eq!(
        door.refused(
            Some("leila"),
            post,
            "/vendors/atlas/sandbox/log-ins",
            log_in.clone()
        )
        .await,
        (409, "sandbox-not-ready".to_owned())
    );
    // A namespace that the agency filled for somebody who never signed up is nobody else's to take.
    create(
        &administrator,
        &json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "vendor-oasis" } }),
    )
    .await;
    let theirs = json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "Solution", "metadata": { "name": "his", "namespace": "vendor-oasis" },
        "spec": { "vendor": "oasis", "product": "Oasis", "kind": "hospital" },
    });
    create(&administrator, &theirs).await;
    assert_eq!(
        door.refused(Some("omar"), post, "/vendors", sign_up("oasis", OTHER_ICE))
            .await,
        (409, "name-taken".to_owned())
    );
    let products = door
        .refused(Some("leila"), get, "/vendors/atlas/solutions", Value::Null)
        .await;
    assert_eq!(products, (409, "vendor-not-ready".to_owned()));

    place(&administrator, "atlas").await;
    // The members changed: the operator has looked at the first generation only.
    let view = door.done("leila", get, "/vendors/atlas", Value::Null).await;
    assert_eq!(view["ready"], json!(false), "{view}");
}

#[tokio::test]
async fn products_versions_and_credentials_are_written_as_their_vendors_and_frozen() {
    let Some((_server, administrator, portal)) = server().await else {
        return;
    };
    let door = Door::new(Some(portal));
    let post = "post";
    door.done("leila", post, "/vendors", sign_up("atlas", ICE)).await;
    place(&administrator, "atlas").await;

    let product = json!({ "name": "his", "product": "SIH Atlas", "kind": "hospital" });
    let solution = door
        .done("leila", post, "/vendors/atlas/solutions", product.clone())
        .await;
    assert_eq!(
        solution["spec"]["organisation"]["ice"],
        json!(ICE),
        "its own organisation, whatever was asked"
    );
    door.done("leila", post, "/vendors/atlas/solutions", product)
        .await;
    let other = json!({ "name": "his", "product": "Other", "kind": "hospital" });
    assert_eq!(
        door.refused(Some("leila"), post, "/vendors/atlas/solutions", other)
            .await,
        (409, "name-taken".to_owned())
    );

    // A version with its bill of materials; its hash is over the text as it was sent.
    let sbom =
        r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"tls"}]}"#;
    let package = |sbom: &str| json!({ "sha256": "a".repeat(64), "sbom": sbom });
    let version =
        |number: &str, package: Value| json!({ "solution": "his", "version": number, "package": package });
    let path = "/vendors/atlas/versions";
    let created = door
        .done("leila", post, path, version("4.2.1", package(sbom)))
        .await;
    assert_eq!(created["name"], json!("his-4-2-1"));
    let hash = dmp_homologation::canonical::digest(sbom.as_bytes());
    assert_eq!(created["spec"]["package"]["sbomSha256"], json!(hash));
    let refused = |body| door.refused(Some("leila"), post, path, body);
    assert_eq!(
        refused(version("4.2.2", package("{}"))).await,
        (422, "sbom-not-valid".to_owned())
    );
    assert_eq!(
        refused(version("4.2.1", package(&sbom.replace("tls", "ssl")))).await,
        (409, "name-taken".to_owned())
    );
    assert_eq!(
        refused(version("01.2", Value::Null)).await,
        (422, "not-valid".to_owned()),
        "the schema's own rule"
    );
    assert_eq!(
        refused(version("1.2.0+x", Value::Null)).await,
        (422, "version-not-valid".to_owned())
    );
    let fifty_megabytes = " ".repeat(50 * 1024 * 1024);
    assert_eq!(
        refused(version("5.0", package(&fifty_megabytes))).await,
        (413, "too-large".to_owned())
    );

    // A sandbox credential is placed at the vendor's own place and nowhere else.
    let path = "/vendors/atlas/credentials";
    let asked = json!({ "name": "his-1", "solution": "his", "version": "4.2.1", "csr": CSR });
    let credential = door.done("leila", post, path, asked.clone()).await;
    assert_eq!(credential["spec"]["healthGroup"], json!("bac"));
    assert_eq!(
        credential["spec"]["establishment"],
        json!({ "inpe": "990000001" })
    );
    assert_eq!(credential["spec"]["mode"], json!("sandbox"));
    let mut elsewhere = asked.clone();
    elsewhere["name"] = json!("his-2");
    elsewhere["healthGroup"] = json!("reel");
    assert_eq!(
        door.refused(Some("leila"), post, path, elsewhere).await,
        (422, "place-given".to_owned())
    );
    // The same name with another request is the next certificate; with another version it is refused.
    let mut next = asked.clone();
    next["csr"] = json!(CSR.replace("MA==", "MQ=="));
    let renewed = door.done("leila", post, path, next).await;
    assert_eq!(renewed["spec"]["csr"], json!(CSR.replace("MA==", "MQ==")));
    let mut other = asked;
    other["version"] = json!("5.0");
    assert_eq!(
        door.refused(Some("leila"), post, path, other).await,
        (422, "not-valid".to_owned())
    );

    // Evidence, a submission, its withdrawal.
    let evidence = json!({ "name": "pentest", "evidence": {
        "kind": "pen-test", "issuer": "Lab", "sha256": "b".repeat(64), "issued": "2026-10-01",
    } });
    door.done("leila", post, "/vendors/atlas/evidence", evidence)
        .await;
    let submission = json!({
        "name": "his-4-2-1", "solution": "his", "version": "4.2.1", "programme": "p", "cycle": 1, "profiles": ["f"],
        "evidence": ["pentest"],
    });
    door.done("leila", post, "/vendors/atlas/homologations", submission.clone())
        .await;
    let mut changed = submission;
    changed["profiles"] = json!(["f", "g"]);
    assert_eq!(
        door.refused(Some("leila"), post, "/vendors/atlas/homologations", changed)
            .await,
        (409, "name-taken".to_owned()),
        "a submission is frozen"
    );
    let withdrawn = door
        .done(
            "leila",
            post,
            "/vendors/atlas/homologations/his-4-2-1/withdraw",
            json!({}),
        )
        .await;
    assert_eq!(withdrawn["spec"]["withdrawn"], json!(true));

    // One of the invented people logs in.
    let log_in = json!({ "patient": { "system": "https://dmp.ma/sid/cnie", "value": "XT1" } });
    let token = door
        .done("leila", post, "/vendors/atlas/sandbox/log-ins", log_in)
        .await;
    assert_eq!(token["idToken"].as_str().unwrap().split('.').count(), 3);
    let stranger = json!({ "professional": { "inpe": "101145277" } });
    assert_eq!(
        door.refused(Some("leila"), post, "/vendors/atlas/sandbox/log-ins", stranger)
            .await,
        (422, "no-such-professional".to_owned())
    );
}

#[tokio::test]
async fn a_statement_that_nobody_signed_is_not_written() {
    let Some((_server, administrator, portal)) = server().await else {
        return;
    };
    let door = Door::new(Some(portal.clone()));
    create(&administrator, &platform(json!([]))).await;
    signed_up(&door, &administrator, "leila", "atlas", ICE).await;
    let statement = json!({ "statement": "a.b.c" });
    for path in ["/vendors/atlas/runs", "/vendors/atlas/homologations/h/reviews"] {
        assert_eq!(
            door.refused(Some("leila"), "post", path, statement.clone()).await,
            (422, "statement-not-valid".to_owned()),
            "{path}"
        );
    }
    // Who has only the portal's rights takes nothing away and writes no status.
    let vendors = kube::Api::<dmp_api::Vendor>::all(portal);
    vendors.delete("atlas", &Default::default()).await.unwrap_err();
    let status = json!({ "status": { "namespace": "vendor-other" } });
    vendors
        .patch_status("atlas", &PatchParams::default(), &Patch::Merge(status))
        .await
        .unwrap_err();
}
