#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use tower::ServiceExt as _;

use super::*;

fn nested(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

#[test]
fn depth_is_limited_without_recursion() {
    assert!(strict_json(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(
        strict_json(nested(MAX_DEPTH + 1).as_bytes()),
        Err(JsonError::TooDeep { at: MAX_DEPTH })
    );
    assert!(matches!(
        strict_json(nested(10_000).as_bytes()),
        Err(JsonError::TooDeep { .. })
    ));
    let objects = r#"{"a":"#.repeat(10_000) + "1" + &"}".repeat(10_000);
    assert!(matches!(
        strict_json(objects.as_bytes()),
        Err(JsonError::TooDeep { .. })
    ));
    let never_closed = "[".repeat(10_000);
    assert!(matches!(
        strict_json(never_closed.as_bytes()),
        Err(JsonError::TooDeep { .. })
    ));
}

#[test]
fn duplicate_keys_are_refused_also_when_written_differently() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":{"c":1,"c":2}}"#,
        r#"[{"a":[{"x":0}],"b":"a","a":2}]"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"a\"":1,"a\"":2}"#,
        r#"{"":1,"":2}"#,
    ] {
        assert!(
            matches!(strict_json(text.as_bytes()), Err(JsonError::DuplicateKey { .. })),
            "{text}"
        );
    }
    for text in [
        r#"{"a":"a","b":{"a":1},"c":[{"a":1},{"a":2}]}"#,
        r#"{"a":"\"a\":1,\"a\":2"}"#,
        r#"["a","a"]"#,
    ] {
        assert!(strict_json(text.as_bytes()).is_ok(), "{text}");
    }
}

#[test]
fn invalid_utf8_is_refused_with_its_place() {
    assert_eq!(
        strict_json(b"{\"a\":\"\xff\"}"),
        Err(JsonError::NotUtf8 { at: 6 })
    );
    // UTF-16, an overlong slash, a lone surrogate
    for bytes in [&b"\xfe\xff\0{\0}"[..], b"\"\xc0\xaf\"", b"\"\xed\xa0\x80\""] {
        assert!(matches!(strict_json(bytes), Err(JsonError::NotUtf8 { .. })));
    }
}

#[test]
fn other_syntax_errors_are_found() {
    for text in [
        "",
        "{",
        "{\"a\"",
        "\"",
        "\"\\",
        "[1,]",
        "{\"a\":1,}",
        "01",
        "nul",
        "{} {}",
        "]",
        "\"\\ud800\"",
        "{1:2}",
    ] {
        assert!(
            matches!(strict_json(text.as_bytes()), Err(JsonError::Syntax { .. })),
            "{text}"
        );
    }
}

#[test]
fn numbers_keep_their_digits_and_keys_their_order() {
    let text = r#"{"z":1.10,"a":123456789012345678901234567890,"m":1e400}"#;
    assert_eq!(strict_json(text.as_bytes()).unwrap()["z"].to_string(), "1.10");
    assert_eq!(
        strict_json(text.as_bytes())
            .unwrap()
            .to_string()
            .replace("1e+400", "1e400"),
        text
    );
}

#[test]
fn the_parsers_own_marks_are_not_accepted_from_outside() {
    let text = r#"{"value":{"$serde_json::private::Number":"12"}}"#;
    assert!(strict_json(text.as_bytes()).is_err());
}

#[derive(serde::Deserialize, Serialize)]
struct Thing {
    name: String,
}

async fn send(body: Vec<u8>) -> (u16, Value) {
    let router = Router::new()
        .route("/", post(|Json(thing): Json<Thing>| async move { Json(thing) }))
        .layer(DefaultBodyLimit::max(30_000));
    let response = router
        .oneshot(http::Request::post("/").body(Body::from(body)).unwrap())
        .await
        .unwrap();
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn the_extractor_answers_with_a_code() {
    assert_eq!(
        send(br#"{"name":"x"}"#.to_vec()).await,
        (200, serde_json::json!({"name": "x"}))
    );
    for (body, status, code) in [
        (nested(10_000).into_bytes(), 400, "json-too-deep"),
        (br#"{"name":"x","name":"y"}"#.to_vec(), 400, "json-duplicate-key"),
        (b"{\"name\":\"\xff\"}".to_vec(), 400, "json-not-utf8"),
        (b"{\"name\":".to_vec(), 400, "json-invalid"),
        (br#"{"nome":"x"}"#.to_vec(), 400, "json-shape"),
        (vec![b' '; 30_001], 413, "too-large"),
    ] {
        let (answered, problem) = send(body).await;
        assert_eq!((answered, problem["code"].as_str()), (status, Some(code)));
    }
}

#[tokio::test]
async fn errors_do_not_repeat_what_was_sent() {
    let (_, problem) = send(br#"{"name":{"swordfish":1}}"#.to_vec()).await;
    assert!(!problem.to_string().contains("swordfish"));
}
