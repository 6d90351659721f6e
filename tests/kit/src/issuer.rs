//! An OIDC issuer on HTTPS: discovery, keys that can be rotated, id tokens good and bad.

use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::Pki;

/// `aud` of its tokens.
pub const AUDIENCE: &str = "dmp";

enum Key {
    Ed25519(Vec<u8>),
    P256(Vec<u8>),
}

struct Named {
    kid: String,
    key: Key,
    jwk: Value,
}

#[derive(Clone)]
struct Served {
    url: String,
    keys: Arc<Mutex<Vec<Value>>>,
    fetches: Arc<Mutex<usize>>,
}

/// People log in here. Ends with the runtime it was started on.
pub struct Issuer {
    /// `iss`.
    pub url: String,
    served: Served,
    key: Mutex<Named>,
}

impl Issuer {
    /// Listens on loopback with a certificate of `pki`.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn start(pki: &Pki) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("the test issuer");
        let url = format!(
            "https://localhost:{}",
            listener.local_addr().expect("the test issuer").port()
        );
        let key = p256("p256-1");
        let served = Served {
            url: url.clone(),
            keys: Arc::new(Mutex::new(vec![key.jwk.clone()])),
            fetches: Arc::default(),
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .with_state(served.clone());
        let certificate = pki.service_certificate(
            "people",
            "issuer",
            crate::Validity::For(std::time::Duration::from_secs(3600)),
        );
        let tls = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(certificate.chain, certificate.key)
            .expect("the test issuer");
        let tls = Tls {
            listener,
            acceptor: TlsAcceptor::from(Arc::new(tls)),
        };
        tokio::spawn(async move { axum::serve(tls, router).await });
        Self {
            url,
            served,
            key: Mutex::new(key),
        }
    }

    /// A new key, of the other algorithm; the old one is gone.
    pub fn rotate(&self) {
        let key = ed25519("ed25519-2");
        *self.served.keys.lock().expect("the test issuer") = vec![key.jwk.clone()];
        *self.key.lock().expect("the test issuer") = key;
    }

    /// How often its keys were asked for.
    pub fn fetches(&self) -> usize {
        *self.served.fetches.lock().expect("the test issuer")
    }

    /// Claims that are good for five minutes, plus `more`.
    pub fn claims(&self, more: Value) -> Value {
        let now = jiff::Timestamp::now().as_second();
        let mut claims =
            json!({ "iss": self.url, "aud": AUDIENCE, "sub": "somebody", "iat": now, "exp": now + 300 });
        for (name, value) in more.as_object().expect("the test issuer") {
            claims[name] = value.clone();
        }
        claims
    }

    /// Signs `claims` with the key of the moment.
    pub fn sign(&self, claims: &Value) -> String {
        let key = self.key.lock().expect("the test issuer");
        let (algorithm, secret) = match &key.key {
            Key::Ed25519(der) => (Algorithm::EdDSA, EncodingKey::from_ed_der(der)),
            Key::P256(der) => (Algorithm::ES256, EncodingKey::from_ec_der(der)),
        };
        let mut header = Header::new(algorithm);
        header.kid = Some(key.kid.clone());
        jsonwebtoken::encode(&header, claims, &secret).expect("the test issuer")
    }

    /// Signed by a stranger under a known key id.
    pub fn forge(&self, claims: &Value) -> String {
        let Key::P256(der) = p256("x").key else {
            panic!("a P-256 key")
        };
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.key.lock().expect("the test issuer").kid.clone());
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(&der)).expect("the test issuer")
    }

    /// The public key as a shared secret: the classical confusion of algorithms.
    pub fn hs256(&self, claims: &Value) -> String {
        let key = self.key.lock().expect("the test issuer");
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(key.kid.clone());
        let secret = key.jwk.to_string();
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(secret.as_bytes()))
            .expect("the test issuer")
    }

    /// `alg: none`.
    pub fn none(&self, claims: &Value) -> String {
        let kid = self.key.lock().expect("the test issuer").kid.clone();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!(
            "{}.{}.",
            part(&json!({ "alg": "none", "kid": kid })),
            part(claims)
        )
    }
}

fn p256(kid: &str) -> Named {
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .expect("the test issuer");
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref()).expect("the test issuer");
    let point = pair.public_key().as_ref();
    let part = |from, to| URL_SAFE_NO_PAD.encode(&point[from..to]);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": part(1, 33), "y": part(33, 65) });
    Named {
        kid: kid.to_owned(),
        key: Key::P256(der.as_ref().to_vec()),
        jwk,
    }
}

fn ed25519(kid: &str) -> Named {
    let der = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).expect("the test issuer");
    let pair = Ed25519KeyPair::from_pkcs8(der.as_ref()).expect("the test issuer");
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x });
    Named {
        kid: kid.to_owned(),
        key: Key::Ed25519(der.as_ref().to_vec()),
        jwk,
    }
}

async fn discovery(State(served): State<Served>) -> axum::Json<Value> {
    axum::Json(json!({ "issuer": served.url, "jwks_uri": format!("{}/keys", served.url) }))
}

async fn keys(State(served): State<Served>) -> axum::Json<Value> {
    *served.fetches.lock().expect("the test issuer") += 1;
    // a key of an algorithm nobody here knows must not spoil the others
    let mut keys = served.keys.lock().expect("the test issuer").clone();
    keys.push(json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "future", "pub": "AAAA" }));
    axum::Json(json!({ "keys": keys }))
}

struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else {
                continue;
            };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
