//! `ConformanceRun`: says whether its signature counts, and what was read in it.

use async_trait::async_trait;
use dmp_api::ConformanceRun;
use dmp_homologation::dossier::arrived;
use dmp_homologation::signed::{self, Read, Refused, Signed};
use dmp_homologation::statement::Run;
use k8s_controller::TraceMetadata;

use crate::controller::{Context, Kind, Next};
use crate::dossier;
use crate::status::{self, Verdict};

/// The controller of runs.
pub struct Runs(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the platform's bodies cannot be read")]
    Dereference(#[from] kube::Error),
    #[error("the run's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for Runs {
    type Resource = ConformanceRun;
    type Error = Error;

    const NAME: &'static str = "conformance-run";

    async fn reconcile(&self, run: &ConformanceRun, _trace: &mut TraceMetadata) -> Result<Next, Error> {
        let bodies = dossier::bodies(&self.0).await?;
        let read = match &bodies {
            Ok(bodies) => signed::verify::<Run>(&run.spec.statement, bodies, arrived(&run.metadata))
                .map_err(Refused::from)
                .and_then(by_the_right_body),
            Err(invalid) => Err(invalid.into()),
        };
        let new = shown(run, read);
        status::write::<Self>(&self.0, run, &new).await?;
        Ok(Next::Settled)
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Status(_) => "StatusFailed",
        }
    }
}

fn by_the_right_body(run: Signed<Run>) -> Read<Run> {
    let (role, expected) = (run.signer.role, run.statement.signatory());
    if role == expected {
        Ok(run)
    } else {
        let text = format!(
            "a {} run is signed by the {}, not by the {}",
            run.statement.mode.as_str(),
            expected.as_str(),
            role.as_str()
        );
        Err(Refused::new("WrongBody", text))
    }
}

fn shown(run: &ConformanceRun, read: Read<Run>) -> dmp_api::ConformanceRunStatus {
    let verdict = read.as_ref().map_or_else(Verdict::stalled, |_| Verdict::Ready);
    let mut new = status::concluded(run, [], &verdict);
    let statement = read.ok().map(|signed| signed.statement);
    new.failed = statement
        .iter()
        .flat_map(|run| run.failed().map(ToOwned::to_owned))
        .collect();
    new.passed = statement.as_ref().map(|_| new.failed.is_empty());
    new.mode = statement.as_ref().map(|run| run.mode);
    new.solution = statement.as_ref().map(|run| run.solution.clone());
    new.version = statement.as_ref().map(|run| run.version.clone());
    new.profile = statement.map(|run| run.profile);
    new
}
