//! `ConformanceProfile`: shows the hash that runs name.

use async_trait::async_trait;
use dmp_api::ConformanceProfile;
use dmp_homologation::canonical;
use k8s_controller::TraceMetadata;

use crate::controller::{Context, Kind, Next};
use crate::status::{self, Verdict};

/// The controller of profiles.
pub struct Profiles(pub Context);

#[async_trait]
impl Kind for Profiles {
    type Resource = ConformanceProfile;
    type Error = status::Error;

    const NAME: &'static str = "conformance-profile";

    async fn reconcile(
        &self,
        profile: &ConformanceProfile,
        _trace: &mut TraceMetadata,
    ) -> Result<Next, Self::Error> {
        let mut new = status::concluded(profile, [], &Verdict::Ready);
        new.sha256 = Some(canonical::sha256(&profile.spec));
        status::write::<Self>(&self.0, profile, &new).await?;
        Ok(Next::Settled)
    }

    fn reason(_error: &Self::Error) -> &'static str {
        "StatusFailed"
    }
}
