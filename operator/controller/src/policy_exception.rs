//! `PolicyException`: says whether it counts today. What it tolerates is the evaluator's to say ([`dmp_evaluator`]), which asks
//! the same again and believes no status.

use async_trait::async_trait;
use dmp_api::PolicyException;
use dmp_evaluator::exceptions::exception;
use dmp_policies::day;
use dmp_policies::exception::Void;
use jiff::Timestamp;
use k8s_controller::TraceMetadata;

use crate::controller::{Context, Kind, Next, normal};
use crate::policy_profile;
use crate::status::{self, Verdict};

/// The controller of exceptions.
pub struct Exceptions(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the platform's profile cannot be read")]
    Dereference(#[from] kube::Error),
    #[error("the exception's status cannot be written")]
    Status(#[from] status::Error),
}

impl status::Refusal for Void {
    fn reason(&self) -> &'static str {
        Self::reason(self)
    }
}

#[async_trait]
impl Kind for Exceptions {
    type Resource = PolicyException;
    type Error = Error;

    const NAME: &'static str = "policy-exception";

    async fn reconcile(
        &self,
        object: &PolicyException,
        trace: &mut TraceMetadata,
    ) -> Result<Next, Self::Error> {
        let today = day(Timestamp::now());
        let standing = match policy_profile::in_force(&self.0.client).await? {
            Some(catalogue) => exception(object).in_force(&catalogue, today),
            None => Err(Void::UnknownControl(object.spec.control.clone())),
        };
        let verdict = standing.as_ref().err().map_or(Verdict::Ready, Verdict::stalled);
        let new = status::concluded(object, [], &verdict);
        let changed = status::write::<Self>(&self.0, object, &new).await?;
        if changed {
            // In force, or no longer: that the office sees it without looking.
            let note = standing.map_or_else(|void| void.to_string(), |()| "in force".to_owned());
            trace.publish_event(normal(verdict.reason(), note)).await;
        }
        Ok(Next::settled_today())
    }

    fn reason(error: &Self::Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Status(_) => "StatusFailed",
        }
    }
}
