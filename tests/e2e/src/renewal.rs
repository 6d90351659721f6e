//! How long renewals take (EST, `simplereenroll`) when so many are due each second: one that is slow delays none that is due.
//!
//! Each is a credential's own, asked for at the gateway with the certificate in use and the key it has; counted until the next
//! certificate is here. Where the platform answers that it has not judged it yet (202), the same request is sent again.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt as _, stream};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use reqwest::{Client, StatusCode};
use tokio::time::MissedTickBehavior;

use crate::revocation::{AT_ONCE, Level, Run, Software, client};
use crate::stage::Stage;

const PATH: &str = "/.well-known/est/simplereenroll";
/// Longest that one answer and one renewal may take.
const TIMEOUT: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(120);
/// Before the same request is sent again.
const PAUSE: Duration = Duration::from_millis(500);

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub renewals: usize,
    pub per_second: u32,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Measured {
    /// Of each renewal that came to a certificate.
    pub taken: Vec<Duration>,
    /// Answers 202 on the way.
    pub pending: usize,
    /// What the others ended with.
    pub failed: Vec<String>,
    /// From the first request to the last certificate.
    pub whole: Duration,
}

struct Due {
    http: Client,
    url: String,
    csr: String,
}

/// Issues all certificates, waits until the gateways know each, and renews one after the other at that pace.
///
/// # Panics
/// When a certificate cannot be issued or is not answered.
pub async fn measure(stage: &Stage, plan: &Plan) -> Measured {
    let run = Run::new(stage);
    let due: Vec<Due> = stream::iter(0..plan.renewals)
        .map(|index| {
            let run = &run;
            async move {
                let identity = run.issue(&run.subject(index, Level::Credential)).await;
                drop(Software::connect(&stage.gateway, &identity).await);
                due(stage, &identity)
            }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut pace = tokio::time::interval(Duration::from_secs(1) / plan.per_second.max(1));
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (began, mut tasks) = (Instant::now(), Vec::new());
    for one in due {
        pace.tick().await;
        tasks.push(tokio::spawn(async move { renew(&one).await }));
    }
    let mut measured = Measured::default();
    for task in tasks {
        let (pending, outcome) = task.await.unwrap();
        measured.pending += pending;
        match outcome {
            Ok(taken) => measured.taken.push(taken),
            Err(error) => measured.failed.push(error),
        }
    }
    measured.whole = began.elapsed();
    measured
}

/// The request of that identity (certificate and key, PEM) for its next certificate.
fn due(stage: &Stage, identity: &str) -> Due {
    let (_, key) = identity
        .split_once("-----BEGIN PRIVATE KEY-----")
        .expect("a private key");
    let key = KeyPair::from_pem(&format!("-----BEGIN PRIVATE KEY-----{key}")).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let csr = params.serialize_request(&key).unwrap();
    Due {
        http: client(&stage.gateway, identity, TIMEOUT),
        url: format!("{}{PATH}", stage.gateway.base),
        csr: STANDARD.encode(csr.der()),
    }
}

/// How often it was put off, and how long it took.
async fn renew(due: &Due) -> (usize, Result<Duration, String>) {
    let (began, mut pending) = (Instant::now(), 0);
    loop {
        let asked = due
            .http
            .post(&due.url)
            .header("content-type", "application/pkcs10")
            .body(due.csr.clone());
        let status = match asked.send().await {
            Ok(answer) => answer.status(),
            Err(error) => return (pending, Err(error.without_url().to_string())),
        };
        match status {
            StatusCode::OK => return (pending, Ok(began.elapsed())),
            StatusCode::ACCEPTED if began.elapsed() < PATIENCE => {
                pending += 1;
                tokio::time::sleep(PAUSE).await;
            }
            other => return (pending, Err(other.to_string())),
        }
    }
}
