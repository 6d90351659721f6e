//! The operator's stream, signed for real: facts as the test sets them, a heartbeat every 200 ms.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use dmp_client::facts::{Facts, STREAM, SignedFacts};
use dmp_core::tls::Identity;
use dmp_testkit::facts::divided;
use dmp_testkit::{Signer, TestService};
use jiff::{SignedDuration, Timestamp};

pub const HEARTBEAT: Duration = Duration::from_millis(200);

#[derive(Clone)]
pub struct Speech {
    facts: Arc<Mutex<Facts>>,
    signer: Arc<Signer>,
    silent: Arc<Mutex<bool>>,
    ahead: Arc<Mutex<SignedDuration>>,
}

impl Speech {
    fn line(&self) -> Option<Bytes> {
        if *self.silent.lock().unwrap() {
            return None;
        }
        let mut facts = self.facts.lock().unwrap().clone();
        facts.at = Timestamp::now() + *self.ahead.lock().unwrap();
        Some(sign(&self.signer, facts))
    }
}

/// A line of the stream and all the shards it names.
pub fn sign(signer: &Signer, facts: Facts) -> Bytes {
    let (facts, shards) = divided(facts);
    let payload = serde_json::to_string(&facts).unwrap();
    let signature = signer.sign(payload.as_bytes());
    let signed = SignedFacts {
        payload,
        kid: signer.kid().to_owned(),
        signature,
        grant: None,
    };
    let mut line = serde_json::to_vec(&signed).unwrap();
    for shard in shards {
        line.push(b'\n');
        line.extend(shard.line.into_bytes());
    }
    line.push(b'\n');
    line.into()
}

pub struct Operator {
    pub service: TestService,
    speech: Speech,
}

impl Operator {
    pub async fn start(identity: &Identity, signer: Arc<Signer>, facts: Facts) -> Self {
        let speech = Speech {
            facts: Arc::new(Mutex::new(facts)),
            signer,
            silent: Arc::new(Mutex::new(false)),
            ahead: Arc::new(Mutex::new(SignedDuration::ZERO)),
        };
        let router = Router::new()
            .route(STREAM, get(stream))
            .with_state(speech.clone());
        Self {
            service: TestService::start(identity, router).await,
            speech,
        }
    }

    /// Changes the facts and raises their number.
    pub fn change(&self, change: impl FnOnce(&mut Facts)) {
        let mut facts = self.speech.facts.lock().unwrap();
        change(&mut facts);
        facts.seq += 1;
    }

    /// What it says at the moment.
    pub fn facts(&self) -> Facts {
        self.speech.facts.lock().unwrap().clone()
    }

    /// Its clock, beside this machine's.
    pub fn set_ahead(&self, ahead: SignedDuration) {
        *self.speech.ahead.lock().unwrap() = ahead;
    }

    pub fn set_silent(&self, silent: bool) {
        *self.speech.silent.lock().unwrap() = silent;
    }

    pub fn set_seq(&self, seq: u64) {
        self.speech.facts.lock().unwrap().seq = seq;
    }
}

async fn stream(State(speech): State<Speech>) -> Response {
    let lines = futures::stream::unfold(speech, |speech| async move {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            if let Some(line) = speech.line() {
                return Some((Ok::<_, std::convert::Infallible>(line), speech));
            }
        }
    });
    Response::new(Body::from_stream(lines))
}
