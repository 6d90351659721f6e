//! How many bytes of submissions are in memory at once: a large document is held several times while it is read,
//! hashed and sealed, and the pod has a memory limit.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use dmp_core::problem::Problem;
use http::{StatusCode, header};
use tokio::sync::Semaphore;

use super::SUBMISSION_LIMIT;

/// Bodies in memory at once, in KiB: two of the largest, or very many ordinary ones.
const BODIES_KIB: usize = 2 * SUBMISSION_LIMIT / 1024;
/// How long a submission waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Room for bodies, in KiB.
pub(super) type Room = Arc<Semaphore>;

pub(super) fn room() -> Room {
    Arc::new(Semaphore::new(BODIES_KIB))
}

/// Lets a submission in when there is room for its body; 503 `busy` after 5 s.
pub(super) async fn admit(
    State(room): State<Room>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let length = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    // An unknown length may be any; a longer one is refused by the body limit.
    let kib = length.unwrap_or(SUBMISSION_LIMIT).min(SUBMISSION_LIMIT) / 1024 + 1;
    let permits = u32::try_from(kib.min(BODIES_KIB)).unwrap_or(u32::MAX);
    let busy = || {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "too many large submissions at once",
        )
    };
    let permit = tokio::time::timeout(PATIENCE, room.acquire_many(permits)).await;
    let _permit = permit.ok().and_then(Result::ok).ok_or_else(busy)?;
    Ok(next.run(request).await)
}
