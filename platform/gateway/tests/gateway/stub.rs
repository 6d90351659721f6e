//! A service behind the gateway: answers by path what the test said, remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use dmp_core::tls::Identity;
use dmp_testkit::TestService;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

#[derive(Clone)]
pub enum Answer {
    Json(Value),
    /// Content type and bytes.
    Bytes(&'static str, Bytes),
    Problem(u16, &'static str),
}

pub struct Heard {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Heard {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<HashMap<String, Answer>>>,
    heard: Arc<Mutex<Vec<Heard>>>,
}

pub struct Stub {
    pub service: TestService,
    script: Script,
}

impl Stub {
    pub async fn start(identity: &Identity) -> Self {
        let script = Script::default();
        let router = Router::new()
            .route("/{*path}", axum::routing::any(answer))
            .with_state(script.clone());
        Self {
            service: TestService::start(identity, router).await,
            script,
        }
    }

    pub fn answers(&self, path: &str, answer: Answer) {
        self.script
            .answers
            .lock()
            .unwrap()
            .insert(path.to_owned(), answer);
    }

    pub fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.script.heard.lock().unwrap())
    }
}

async fn answer(State(script): State<Script>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let headers = request.headers().clone();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    script.heard.lock().unwrap().push(Heard {
        path: path.clone(),
        headers,
        body,
    });
    let answer = script.answers.lock().unwrap().get(&path).cloned();
    let (status, kind, body) = match answer {
        Some(Answer::Json(value)) => (200, "application/json", Bytes::from(value.to_string())),
        Some(Answer::Bytes(kind, bytes)) => (200, kind, bytes),
        Some(Answer::Problem(status, code)) => (status, "application/problem+json", problem(status, code)),
        None => (404, "application/problem+json", problem(404, "no-such-route")),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
        .headers_mut()
        .insert("content-type", kind.parse().unwrap());
    response
}

fn problem(status: u16, code: &str) -> Bytes {
    json!({ "type": "about:blank", "title": "a title", "status": status, "code": code })
        .to_string()
        .into()
}
