//! Signs a line of facts at every change and every second, and holds the newest for the streams.
//!
//! While OpenBao does not answer, [`super::reserve`] signs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dmp_client::facts::{Facts, SignedFacts, SignedGrant};
use dmp_core::problem::Chain;
use dmp_keys::Signer;
use jiff::Timestamp;
use tokio::sync::watch;

use super::beat::{INTERVAL, Pulse};
use super::index::DemonstrationIssuer;
use super::reserve::Reserve;
use super::shards::Told;
use super::watch::Shared;

/// What is told at one moment.
#[derive(Clone, Debug)]
pub struct Edition {
    /// Signed, with its end.
    pub line: Bytes,
    /// The shards it names.
    pub shards: Arc<Told>,
}

/// The newest edition, and the newest line of version 1 while somebody listens for it; `None` before the first.
#[derive(Clone, Debug)]
pub struct Voices {
    pub editions: watch::Sender<Option<Edition>>,
    pub whole: watch::Sender<Option<Bytes>>,
}

impl Default for Voices {
    fn default() -> Self {
        Self {
            editions: watch::Sender::new(None),
            whole: watch::Sender::new(None),
        }
    }
}

/// A signature that takes longer is none: the next line is due.
const SIGN_PATIENCE: Duration = Duration::from_millis(700);

/// Publishes for ever. A line that cannot be signed is not sent: gateways close when they hear nothing.
pub async fn run(
    shared: Shared,
    pulse: Arc<Mutex<Pulse>>,
    signer: Signer,
    demonstration: DemonstrationIssuer,
    voices: Voices,
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
        let is_heard = voices.whole.receiver_count() > 0;
        let told = shared.with(|index| {
            if !index.is_complete() {
                return None;
            }
            blind_since = index.is_blind().then(|| blind_since.unwrap_or(now));
            let stale = [silent, blind_since].into_iter().flatten().min();
            let whole = is_heard.then(|| index.facts(now, stale, &demonstration));
            Some((index.divided(now, stale, &demonstration), whole))
        });
        let Some((divided, whole)) = told else { continue };
        if let Err(error) = tell(&voices, &signer, reserve.as_mut(), divided, whole).await {
            tracing::error!(error = %Chain(&error), "facts not signed");
        }
    }
}

async fn tell(
    voices: &Voices,
    signer: &Signer,
    mut reserve: Option<&mut Reserve>,
    divided: serde_json::Result<(Facts, Told)>,
    whole: Option<Facts>,
) -> Result<(), Error> {
    let (facts, shards) = divided?;
    let line = sign(signer, reserve.as_deref_mut(), &facts).await?;
    // No receiver is no error: a gateway may come.
    voices.editions.send_replace(Some(Edition {
        line,
        shards: Arc::new(shards),
    }));
    if let Some(whole) = whole {
        let line = sign(signer, reserve, &whole).await?;
        voices.whole.send_replace(Some(line));
    }
    Ok(())
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
pub async fn sign(signer: &Signer, reserve: Option<&mut Reserve>, facts: &Facts) -> Result<Bytes, Error> {
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
