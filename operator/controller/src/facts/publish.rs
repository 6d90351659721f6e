//! Signs a line of facts at every change and every second, and holds the newest for the streams.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dmp_client::facts::SignedFacts;
use dmp_core::problem::Chain;
use dmp_keys::Signer;
use jiff::Timestamp;
use tokio::sync::watch;

use super::beat::{INTERVAL, Pulse};
use super::index::DemonstrationIssuer;
use super::watch::Shared;

/// The newest line; `None` before the first.
pub type Line = Option<Bytes>;

/// Publishes for ever. A line that cannot be signed is not sent: gateways close when they hear nothing.
pub async fn run(
    shared: Shared,
    pulse: Arc<Mutex<Pulse>>,
    signer: Signer,
    demonstration: DemonstrationIssuer,
    lines: watch::Sender<Line>,
) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut blind_since = None;
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = shared.changed.notified() => {}
        }
        let now = Timestamp::now();
        let silent = pulse
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .stale_since(now);
        let facts = shared.with(|index| {
            if !index.is_complete() {
                return None;
            }
            blind_since = index.is_blind().then(|| blind_since.unwrap_or(now));
            let stale = [silent, blind_since].into_iter().flatten().min();
            Some(index.facts(now, stale, &demonstration))
        });
        let Some(facts) = facts else { continue };
        match sign(&signer, &facts).await {
            Ok(line) => {
                // No receiver is no error: a gateway may come.
                lines.send_replace(Some(line));
            }
            Err(error) => tracing::error!(error = %Chain(&error), "facts not signed"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("facts cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    #[error("OpenBao did not sign")]
    OpenBao(#[from] dmp_keys::openbao::Error),
}

/// One line of the stream, with its end of line.
///
/// # Errors
/// When OpenBao does not sign.
pub async fn sign(signer: &Signer, facts: &dmp_client::facts::Facts) -> Result<Bytes, Error> {
    let payload = serde_json::to_string(facts)?;
    let signature = signer.sign(payload.as_bytes()).await?;
    let line = SignedFacts {
        payload,
        kid: signature.kid,
        signature: STANDARD.encode(signature.bytes),
    };
    let mut text = serde_json::to_vec(&line)?;
    text.push(b'\n');
    Ok(text.into())
}
