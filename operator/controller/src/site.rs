//! `Site`: says whether the place may hold health data ([`dmp_homologation::site`]), and whether the nodes that bear its machines'
//! names are these machines ([`crate::placement`]). It has no children: `update_status` only.

pub mod update_status;

use async_trait::async_trait;
use dmp_api::names::PLATFORM;
use dmp_api::{Platform, Site};
use dmp_homologation::site::validate;
use dmp_homologation::system::day;
use jiff::Timestamp;
use k8s_controller::TraceMetadata;
use kube::{Api, ResourceExt};

use crate::controller::{Context, Kind, Next};
use crate::{placement, status};

/// The controller of sites.
pub struct Sites(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the site's machines cannot be read")]
    Dereference(#[from] kube::Error),
    #[error("the site's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for Sites {
    type Resource = Site;
    type Error = Error;

    const NAME: &'static str = "site";

    async fn reconcile(&self, site: &Site, _trace: &mut TraceMetadata) -> Result<Next, Self::Error> {
        let today = day(Timestamp::now());
        let qualification = validate(&site.spec, today);
        let platforms = Api::<Platform>::all(self.0.client.clone());
        let ground = match platforms.get_opt(PLATFORM).await? {
            Some(platform) => placement::read(&self.0.client, &platform.spec, &site.name_any()).await?,
            None => None,
        };
        update_status::update_status(&self.0, site, &qualification, ground.as_ref()).await?;
        Ok(Next::settled_today())
    }

    fn reason(error: &Self::Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Status(_) => "StatusFailed",
        }
    }
}
