//! 5. The second solution is revoked: its live connection and every new one are refused within two seconds.

use std::time::{Duration, Instant};

use dmp_api::{SolutionRevocation, SolutionRevocationSpec};
use kube::Api;
use kube::api::PostParams;

use super::read::list;
use crate::demo::World;
use crate::demo::gateway::Software;
use crate::demo::story::Story;
use crate::error::{CliError, Result};

/// From the API server's answer to the last request let through.
pub const LIMIT: Duration = Duration::from_secs(2);
/// How long it is tried.
const WATCH: Duration = Duration::from_secs(4);
/// Between tries: below a person's quota at the gateway, a 429 would hide what is looked for.
const PAUSE: Duration = Duration::from_millis(50);

/// When the last request got through on each way, counted from the API server's answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Last {
    pub live: Duration,
    pub new: Duration,
    /// Requests tried.
    pub tries: u32,
}

/// # Errors
/// When the revocation is not accepted.
pub async fn run(world: &World, story: &Story) -> Result<()> {
    story.step(5, "L’agence révoque le logiciel de cardiologie");
    let token = world.cardiologist_token().await?;
    let patient = world.patient()?;
    let before = list(&world.cardio, &token, patient).await;
    story.check(
        "avant : CardioSuite est connecté et lit",
        &super::answered(&before),
        before.is_ok_and(|r| r.status == 200),
    );
    revoke(world, "défaut de sécurité (démonstration)").await?;
    let answered = Instant::now();
    let last = watch(&world.cardio, &token, patient, answered).await?;
    let text = |last: Duration| {
        if last.is_zero() {
            "refusée dès la première requête".to_owned()
        } else {
            format!("dernière acceptée après {} ms", last.as_millis())
        }
    };
    story.check("sa connexion ouverte", &text(last.live), last.live <= LIMIT);
    story.check("toute nouvelle connexion", &text(last.new), last.new <= LIMIT);
    story.note(&format!(
        "{} requêtes en {} s ; limite : 2 s",
        last.tries,
        WATCH.as_secs()
    ));
    Ok(())
}

/// Applies the revocation of the cardiology product, all versions.
///
/// # Errors
/// As [`CliError::kubernetes`].
pub async fn revoke(world: &World, reason: &str) -> Result<()> {
    let api: Api<SolutionRevocation> = Api::all(world.client.clone());
    let spec = SolutionRevocationSpec {
        solution: Some(format!("vendor-cardio/{}", world.cardio_solution)),
        reason: reason.to_owned(),
        ..SolutionRevocationSpec::default()
    };
    api.create(
        &PostParams::default(),
        &SolutionRevocation::new(&world.cardio_solution, spec),
    )
    .await
    .map_err(|source| CliError::kubernetes("applying the SolutionRevocation", source))?;
    Ok(())
}

/// Tries both ways again and again and notes the last request of each that got through.
///
/// # Errors
/// `tls` when no new connection can be prepared.
pub async fn watch(software: &Software, token: &str, patient: &str, since: Instant) -> Result<Last> {
    let mut last = Last::default();
    while since.elapsed() < WATCH {
        if through(list(software, token, patient).await) {
            last.live = since.elapsed();
        }
        if through(list(&software.reconnected()?, token, patient).await) {
            last.new = since.elapsed();
        }
        last.tries += 2;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(last)
}

fn through(reply: reqwest::Result<crate::demo::gateway::Reply>) -> bool {
    reply.is_ok_and(|reply| reply.status.is_success())
}
