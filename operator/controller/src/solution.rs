//! `Solution`: a product. No children: `validate` → `update_status`.

pub mod update_status;
pub mod validate;

use async_trait::async_trait;
use dmp_api::Solution;
use k8s_controller::TraceMetadata;

use crate::controller::{Context, Kind, Next};
use crate::status;

/// The controller of solutions.
pub struct Solutions(pub Context);

#[async_trait]
impl Kind for Solutions {
    type Resource = Solution;
    type Error = status::Error;

    const NAME: &'static str = "solution";

    async fn reconcile(&self, solution: &Solution, _trace: &mut TraceMetadata) -> Result<Next, Self::Error> {
        update_status::update_status(&self.0, solution, validate::validate(solution)).await?;
        Ok(Next::Settled)
    }

    fn reason(_error: &Self::Error) -> &'static str {
        "StatusFailed"
    }
}
