//! `Site`: says whether the place may hold health data ([`dmp_homologation::site`]). It has no children: `update_status` only.

pub mod update_status;

use async_trait::async_trait;
use dmp_api::Site;
use dmp_homologation::site::validate;
use dmp_homologation::system::day;
use jiff::Timestamp;
use k8s_controller::TraceMetadata;

use crate::controller::{Context, Kind, Next};
use crate::status;

/// The controller of sites.
pub struct Sites(pub Context);

#[async_trait]
impl Kind for Sites {
    type Resource = Site;
    type Error = status::Error;

    const NAME: &'static str = "site";

    async fn reconcile(&self, site: &Site, _trace: &mut TraceMetadata) -> Result<Next, Self::Error> {
        let today = day(Timestamp::now());
        let qualification = validate(&site.spec, today);
        update_status::update_status(&self.0, site, &qualification).await?;
        Ok(Next::settled_today())
    }

    fn reason(_error: &Self::Error) -> &'static str {
        "StatusFailed"
    }
}
