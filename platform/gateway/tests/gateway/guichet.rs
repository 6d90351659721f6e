//! The guichet's listener: whose log-in is believed, what reaches the portal and what does not.

use std::sync::Arc;

use dmp_client::guichet::{PERSON_HEADER, PREFIX, Person};
use dmp_core::serve::ServeOptions;
use dmp_gateway::facts::FactsStore;
use dmp_gateway::facts::seen::Seen;
use dmp_gateway::guichet::serve_guichet;
use dmp_gateway::state::Gateway;
use dmp_gateway::upstream::Upstream;
use dmp_keys::Client;
use futures::future::join_all;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::realms::{physician, signed};
use crate::stub::{Answer, Heard};
use crate::world::{World, with, without};

/// A world whose gateway has its second listener, and somebody without any certificate.
struct Desk {
    world: World,
    http: reqwest::Client,
    base: String,
    _listener: DropGuard,
}

async fn listen(world: &World, gateway: &Gateway) -> (String, DropGuard) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let shutdown = CancellationToken::new();
    let identity = world.pki.service("dmp-national", "gateway");
    let options = ServeOptions::default();
    tokio::spawn(serve_guichet(listener, &identity, gateway, options, shutdown.clone()).unwrap());
    (base, shutdown.drop_guard())
}

impl Desk {
    async fn open() -> Self {
        let world = World::start().await;
        for path in ["/me", "/catalogue", "/vendors"] {
            world
                .portal
                .answers(&format!("{PREFIX}{path}"), Answer::Json(json!({})));
        }
        let (base, listener) = listen(&world, &world.gateway).await;
        Self {
            http: dmp_core::tls::plain_http_client(world.pki.root()).unwrap(),
            world,
            base,
            _listener: listener,
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{PREFIX}{path}", self.base))
    }

    /// A log-in of this person.
    fn log_in(&self, subject: &str) -> String {
        let issuer = &self.world.issuer;
        issuer.sign(&issuer.claims(json!({ "sub": subject })))
    }

    async fn as_person(&self, subject: &str) -> Response {
        let request = self.request(Method::GET, "/me").bearer_auth(self.log_in(subject));
        request.send().await.unwrap()
    }

    /// What the portal was asked at its guichet.
    fn heard(&self) -> Vec<Heard> {
        let mut heard = self.world.portal.heard();
        heard.retain(|call| call.path.starts_with(PREFIX));
        heard
    }
}

async fn refusal(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    let pointers = ["/code", "/issue/0/details/coding/0/code"];
    let code = pointers
        .iter()
        .find_map(|pointer| body.pointer(pointer)?.as_str());
    (status, code.unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portal_hears_who_it_is_from_the_log_in_and_from_nothing_else() {
    let desk = Desk::open().await;
    assert_eq!(desk.as_person("leila").await.status(), 200);
    let heard = desk.heard();
    let person = Person::from_header(heard[0].headers[PERSON_HEADER].to_str().unwrap()).unwrap();
    assert_eq!(
        (person.issuer.as_str(), person.subject.as_str()),
        (desk.world.issuer.url.as_str(), "leila")
    );
    assert!(
        !heard[0].headers.contains_key("authorization"),
        "the log-in stays here"
    );

    // Somebody says who they are, in the header that the portal believes: with and without a log-in.
    let forged = Person {
        issuer: desk.world.issuer.url.clone(),
        subject: "omar".to_owned(),
    };
    let request = || {
        desk.request(Method::GET, "/me")
            .header(PERSON_HEADER, forged.to_header())
    };
    request().send().await.unwrap();
    assert!(!desk.heard()[0].headers.contains_key(PERSON_HEADER));
    request().bearer_auth(desk.log_in("leila")).send().await.unwrap();
    let heard = desk.heard();
    let mut said = heard[0].headers.get_all(PERSON_HEADER).iter();
    let person = Person::from_header(said.next().unwrap().to_str().unwrap()).unwrap();
    assert_eq!(person.subject, "leila");
    assert!(said.next().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_log_in_is_nobodys() {
    let desk = Desk::open().await;
    let issuer = &desk.world.issuer;
    let good = issuer.claims(json!({ "sub": "leila" }));
    let with = |name: &str, value: Value| with(&good, name, value);
    let without = |name: &str| without(&good, name);
    let past = jiff::Timestamp::now().as_second() - 3600;
    let unsigned = issuer.sign(&good).rsplit_once('.').unwrap().0.to_owned() + ".";
    for (name, log_in) in [
        ("none", issuer.none(&good)),
        ("HS256 with the public key", issuer.hs256(&good)),
        ("forged", issuer.forge(&good)),
        ("unsigned", unsigned),
        ("for somebody else", issuer.sign(&with("aud", json!("another")))),
        (
            "of an unknown issuer",
            issuer.sign(&with("iss", json!("https://issuer.example"))),
        ),
        ("expired", issuer.sign(&with("exp", json!(past)))),
        ("not yet", issuer.sign(&with("nbf", json!(past + 7200)))),
        ("without end", issuer.sign(&without("exp"))),
        ("of nobody", issuer.sign(&without("sub"))),
        ("of somebody without a name", issuer.sign(&with("sub", json!("")))),
        (
            "of an invented person",
            signed(&desk.world.sandbox, "EdDSA", &physician(&desk.world, "a-1")),
        ),
        (
            "a token of the platform",
            desk.world.tokens.mint(&desk.world.physician()),
        ),
        ("nonsense", "nonsense".to_owned()),
    ] {
        // Also where nobody has to log in: who shows a log-in shows a good one.
        for path in ["/me", "/catalogue"] {
            let answer = desk.request(Method::GET, path).bearer_auth(&log_in).send().await;
            assert_eq!(
                refusal(answer.unwrap()).await,
                (401, "token-invalid".to_owned()),
                "{name}, {path}"
            );
        }
    }
    let basic = desk.request(Method::GET, "/me").basic_auth("leila", Some("x"));
    assert_eq!(refusal(basic.send().await.unwrap()).await.0, 401);
    assert!(desk.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demonstrations_people_are_nobody_when_it_is_over() {
    let desk = Desk::open().await;
    assert_eq!(desk.as_person("leila").await.status(), 200);
    desk.world.operator.change(|facts| facts.demonstration = false);
    desk.world.until_seq(2).await;
    assert_eq!(
        refusal(desk.as_person("leila").await).await,
        (401, "token-invalid".to_owned())
    );
    // An issuer of real people goes on.
    desk.world
        .operator
        .change(|facts| facts.issuers[0].demonstration = false);
    desk.world.until_seq(3).await;
    assert_eq!(desk.as_person("leila").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_facts_nobody_logs_in_and_what_is_public_stays() {
    let desk = Desk::open().await;
    let world = &desk.world;
    let identity = world.pki.service("dmp-national", "gateway");
    let blind = Gateway::new(
        &world.config,
        Arc::new(FactsStore::new(Seen::nowhere()).unwrap()),
        world.gateway.trust.clone(),
        Upstream::new(&world.config, identity),
        dmp_keys::Signer::new(Client::root(&world.config.service.openbao).unwrap(), "token"),
    );
    let (base, _listener) = listen(world, &blind).await;
    let me = desk.http.get(format!("{base}{PREFIX}/me"));
    let answer = me.bearer_auth(desk.log_in("leila")).send().await.unwrap();
    assert_eq!(refusal(answer).await, (503, "facts-stale".to_owned()));
    let public = desk.http.get(format!("{base}{PREFIX}/catalogue")).send().await;
    assert_eq!(public.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_a_persons_and_of_twelve_mebibytes_at_most() {
    let desk = Desk::open().await;
    let send = async |log_in: Option<String>, bytes: usize| {
        let request = desk.request(Method::POST, "/vendors");
        let request = request.header("content-type", "application/json");
        let request = log_in.into_iter().fold(request, RequestBuilder::bearer_auth);
        match request.body(vec![b' '; bytes]).send().await {
            Ok(answer) => refusal(answer).await,
            // The gateway may end the stream before the body has come.
            Err(error) => {
                assert!(error.is_request() || error.is_body(), "{error:?}");
                (413, "document-too-large".to_owned())
            }
        }
    };
    let too_large = (413, "document-too-large".to_owned());
    assert_eq!(send(None, 1).await, too_large, "nobody's");
    // A bill of materials of 50 MB.
    let leila = || Some(desk.log_in("leila"));
    assert_eq!(send(leila(), 50 * 1024 * 1024).await, too_large);
    assert!(desk.heard().is_empty());
    assert_eq!(send(leila(), 12 * 1024 * 1024).await.0, 200);
    assert_eq!(desk.heard()[0].body.len(), 12 * 1024 * 1024);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_reached_from_there() {
    let desk = Desk::open().await;
    for path in [
        "/",
        "/guichet/v1",
        "/guichet/v2/me",
        "/fhir/metadata",
        "/oauth2/token",
        "/v1/est/reenroll",
        "/v1/watch",
        "/.well-known/est/cacerts",
        "/dmp/v1/conformance/profiles",
    ] {
        let url = format!("{}{path}", desk.base);
        let answer = desk.http.get(url).bearer_auth(desk.log_in("leila")).send().await;
        assert_eq!(
            refusal(answer.unwrap()).await,
            (404, "no-such-route".to_owned()),
            "{path}"
        );
    }
    for method in [Method::DELETE, Method::PATCH] {
        let request = desk.request(method, "/me").bearer_auth(desk.log_in("leila"));
        let answer = request.send().await.unwrap();
        assert_eq!(refusal(answer).await, (405, "method-not-allowed".to_owned()));
    }
    assert!(desk.heard().is_empty());
}

/// Asks, many at once, until one request is too many.
async fn hammer(ask: impl AsyncFn() -> Response) -> Response {
    for _ in 0..60 {
        let answers = join_all((0..50).map(|_| ask())).await;
        if let Some(refused) = answers.into_iter().find(|answer| answer.status() == 429) {
            return refused;
        }
    }
    panic!("3,000 requests, and none was too many");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_much_is_told_when_to_come_back_and_nobody_else_waits() {
    let desk = Desk::open().await;
    let told = |answer: &Response| {
        let seconds = answer.headers()["retry-after"].to_str().unwrap();
        seconds.parse::<u64>().unwrap()
    };
    let refused = hammer(async || desk.as_person("leila").await).await;
    assert!(told(&refused) >= 1);
    assert_eq!(refusal(refused).await.1, "too-many-requests");
    assert_eq!(desk.as_person("omar").await.status(), 200);
    let public = async || desk.request(Method::GET, "/catalogue").send().await.unwrap();
    assert_eq!(public().await.status(), 200);

    // Bad log-ins cost everybody's, not a person's.
    let bad = async || {
        let request = desk.request(Method::GET, "/me").bearer_auth("nonsense");
        request.send().await.unwrap()
    };
    let refused = hammer(bad).await;
    assert!(told(&refused) >= 1);
    assert_eq!(desk.as_person("omar").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_acts_is_told_that_the_log_does_not_take_it() {
    let desk = Desk::open().await;
    for (code, told) in [
        ("act-not-recorded", "act-not-recorded"),
        ("cluster-unavailable", "part-unavailable"),
    ] {
        let path = format!("{PREFIX}/vendors");
        desk.world.portal.answers(&path, Answer::Problem(503, code));
        let request = desk
            .request(Method::POST, "/vendors")
            .bearer_auth(desk.log_in("leila"));
        let answer = request.json(&json!({})).send().await.unwrap();
        assert_eq!(answer.headers()["retry-after"], "2");
        assert_eq!(refusal(answer).await, (503, told.to_owned()));
    }
}
