//! The operator killed after each single write of a group's creation, at the API server and in OpenBao alike: the next one
//! takes it up, and in the end there is what an undisturbed creation makes: no orphan, no duplicate.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::control_plane::{World, samples};
use crate::lifecycle::{CHILDREN, NAMESPACE, ready};

/// More writes than a creation has: then the test itself is broken.
const MOST: usize = 150;
/// From the start of an operator to its next write, or to a ready group.
const PATIENCE: Duration = Duration::from_secs(30);
const OTHER: &str = "casablanca-settat";

/// Counts writes on their way; after the last allowed one nothing is answered any more.
#[derive(Clone)]
pub struct Fuse {
    upstream: String,
    client: reqwest::Client,
    /// What is counted.
    is_step: fn(&Method, &str) -> bool,
    /// Writes that are still answered.
    left: Arc<AtomicUsize>,
    pub burnt: tokio::sync::watch::Sender<Option<String>>,
}

impl Fuse {
    pub fn new(is_step: fn(&Method, &str) -> bool) -> Self {
        // As the operator itself speaks to the API server: each watch has a connection. HTTP/2 would put them all into one, which takes
        // a hundred.
        let client = reqwest::Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .http1_only();
        Self {
            upstream: String::new(),
            client: client.no_proxy().build().unwrap(),
            is_step,
            left: Arc::default(),
            burnt: tokio::sync::watch::Sender::new(None),
        }
    }

    /// A proxy in front of `upstream`; its address.
    pub async fn before(&self, upstream: String) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let fuse = Self {
            upstream,
            ..self.clone()
        };
        let router = Router::new().fallback(pass).with_state(fuse);
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    pub fn set(&self, writes: usize) {
        self.burnt.send_replace(None);
        self.left.store(writes, Ordering::SeqCst);
    }
}

/// What changes something that lasts: not the lease, events, log-ins and signatures, which go on all the time.
fn is_step(method: &Method, path: &str) -> bool {
    let lasting = [
        "/leases",
        "/events",
        "/sign/",
        "/login",
        "/auth/token",
        "/lookup",
        "reviews",
    ];
    !matches!(*method, Method::GET | Method::HEAD) && !lasting.iter().any(|part| path.contains(part))
}

async fn pass(State(fuse): State<Fuse>, request: Request) -> Response {
    if fuse.burnt.borrow().is_some() {
        return std::future::pending().await;
    }
    let (parts, body) = request.into_parts();
    let path = parts
        .uri
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_owned();
    let step = (fuse.is_step)(&parts.method, &path);
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut headers = parts.headers;
    headers.remove("host");
    let answer = fuse
        .client
        .request(parts.method.clone(), format!("{}{path}", fuse.upstream))
        .headers(headers)
        .body(body)
        .send()
        .await;
    let Ok(answer) = answer else {
        return response(StatusCode::BAD_GATEWAY, Body::empty());
    };
    if step && answer.status().is_success() && fuse.left.fetch_sub(1, Ordering::SeqCst) == 1 {
        // It is made, and who asked for it does not hear so.
        let path = path.split('?').next().unwrap_or_default();
        fuse.burnt.send_replace(Some(format!("{} {path}", parts.method)));
        return std::future::pending().await;
    }
    let mut passed = response(answer.status(), Body::empty());
    for name in ["content-type", "x-vault-token"] {
        if let Some(value) = answer.headers().get(name) {
            passed.headers_mut().insert(name, value.clone());
        }
    }
    *passed.body_mut() = Body::from_stream(answer.bytes_stream());
    passed
}

fn response(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// The names under a path of OpenBao.
async fn listed(world: &World, namespace: Option<&str>, path: &str) -> Vec<String> {
    let list = Method::from_bytes(b"LIST").unwrap();
    let answer = world.bao.call(namespace, list, path, Value::Null).await;
    let names = answer.pointer("/data/keys").and_then(Value::as_array);
    names
        .into_iter()
        .flatten()
        .map(|name| name.as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Everything the operator makes for a group, without its name.
async fn objects(world: &World, group: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let namespace = format!("dmp-{group}");
    for (api, kind, plural) in CHILDREN {
        for object in world.list(api, kind, plural, Some(&namespace)).await.unwrap() {
            found.insert(format!("{kind} {}", object["metadata"]["name"].as_str().unwrap()));
        }
    }
    for space in world.list("", "Namespace", "namespaces", None).await.unwrap() {
        let name = space["metadata"]["name"].as_str().unwrap();
        if name.contains(group) {
            found.insert(format!("Namespace {}", name.replace(group, "<group>")));
        }
    }
    for name in listed(world, None, "sys/namespaces").await {
        if name.contains(group) {
            found.insert(format!("OpenBao {}", name.replace(group, "<group>")));
        }
    }
    let inside = format!("group-{group}");
    for path in ["transit/keys", "auth/kubernetes/role", "sys/policies/acl"] {
        for name in listed(world, Some(&inside), path).await {
            found.insert(format!("OpenBao {path}/{name}"));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_survives_a_kill_after_every_single_write() {
    let Some(mut world) = World::start().await else {
        return;
    };
    crate::openbao::outside_of_a_pod(&world.bao, &format!("group-{OTHER}")).await;
    world.operator("one");
    ready(&world).await;
    let expected = objects(&world, NAMESPACE.trim_start_matches("dmp-")).await;
    assert!(expected.len() > 20, "{expected:?}");
    world.kill("one");

    let fuse = Fuse::new(is_step);
    let api = fuse.before(world.api_server()).await;
    let openbao = fuse.before(world.bao.address().to_owned()).await;
    let group = samples("groups.yaml")
        .into_iter()
        .find(|group| group["metadata"]["name"] == OTHER)
        .unwrap();
    world.apply(&group).await;
    let is_ready = async |world: &World| {
        world.up(&format!("dmp-{OTHER}")).await;
        world.condition(&group, "Ready").await == Some(("True".to_owned(), "Ready".to_owned()))
    };
    let mut after = Vec::new();
    for writes in 1.. {
        assert!(writes < MOST, "never ready; killed after {after:?}");
        fuse.set(writes);
        world.operator_through("one", &api, &openbao);
        let (start, mut burnt) = (Instant::now(), fuse.burnt.subscribe());
        let done = loop {
            if let Some(write) = burnt.borrow_and_update().clone() {
                after.push(write);
                break false;
            }
            if is_ready(&world).await {
                break true;
            }
            assert!(start.elapsed() < PATIENCE, "{}", world.log("one"));
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        world.kill("one");
        if done {
            break;
        }
    }
    eprintln!("killed {} times, the last after: {:?}", after.len(), after.last());
    assert!(after.len() > 20, "{after:?}");
    assert_eq!(objects(&world, OTHER).await, expected);
}
