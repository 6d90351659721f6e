//! Signs a line of facts at every change and every second, and holds the newest for the streams.
//!
//! While OpenBao does not answer, [`super::reserve`] signs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dmp_client::facts::{SignedFacts, SignedGrant};
use dmp_core::problem::Chain;
use dmp_keys::Signer;
use jiff::Timestamp;
use tokio::sync::watch;

use super::beat::{INTERVAL, Pulse};
use super::index::DemonstrationIssuer;
use super::reserve::Reserve;
use super::watch::Shared;

/// The newest line; `None` before the first.
pub type Line = Option<Bytes>;

/// A signature that takes longer is none: the next line is due.
const SIGN_PATIENCE: Duration = Duration::from_millis(700);

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
    let mut reserve = match Reserve::new() {
        Ok(reserve) => Some(reserve),
        Err(error) => {
            tracing::error!(error = %Chain(&error), "no reserve key: facts end when OpenBao does not answer");
            None
        }
    };
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
        match sign(&signer, reserve.as_mut(), &facts).await {
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
    #[error("OpenBao did not sign in time")]
    Late,
    #[error("a key pair cannot be made")]
    Key,
}

/// One line of the stream, with its end of line: signed by OpenBao, or by the reserve key while OpenBao does not answer.
///
/// # Errors
/// When neither signs.
pub async fn sign(
    signer: &Signer,
    reserve: Option<&mut Reserve>,
    facts: &dmp_client::facts::Facts,
) -> Result<Bytes, Error> {
    let payload = serde_json::to_string(facts)?;
    let outcome = tokio::time::timeout(SIGN_PATIENCE, signer.sign(payload.as_bytes())).await;
    let failed = match outcome {
        Ok(Ok(signature)) => {
            if let Some(reserve) = reserve
                && let Ok(Err(error)) =
                    tokio::time::timeout(SIGN_PATIENCE, reserve.renew(signer, facts.at)).await
            {
                tracing::warn!(error = %Chain(&error), "the reserve key was not granted anew");
            }
            return line(payload, signature.kid, STANDARD.encode(signature.bytes), None);
        }
        Ok(Err(error)) => Error::OpenBao(error),
        Err(_) => Error::Late,
    };
    let Some((signature, grant)) = reserve.and_then(|reserve| reserve.sign(&payload, Timestamp::now()))
    else {
        return Err(failed);
    };
    tracing::warn!(error = %Chain(&failed), "facts signed with the reserve key");
    line(payload, grant.kid.clone(), signature, Some(grant))
}

fn line(payload: String, kid: String, signature: String, grant: Option<SignedGrant>) -> Result<Bytes, Error> {
    let signed = SignedFacts {
        payload,
        kid,
        signature,
        grant,
    };
    let mut text = serde_json::to_vec(&signed)?;
    text.push(b'\n');
    Ok(text.into())
}
