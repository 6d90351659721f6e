//! `ImageRelease`: says whose word it is and why it does not count, and keeps the list that admission compares images with: a
//! ConfigMap of the release in force, which nobody else may write (policy `dmp-image-list`).
//!
//! A platform that has a list keeps one: when no release counts any more (a signer was withdrawn), the last one stays, and control
//! DMP-WRK-02 fails. Not here: what counts ([`dmp_homologation::images`]), and the refusal itself (admission).

pub mod list;
pub mod update_status;

use async_trait::async_trait;
use dmp_api::names::PLATFORM;
use dmp_api::{ImageRelease, Platform};
use dmp_homologation::images::{Admitted, counted};
use dmp_homologation::signed::{Read, Refused};
use dmp_homologation::statement::ImageList;
use dmp_homologation::{Bodies, carrier};
use k8s_controller::TraceMetadata;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};

use crate::controller::{Context, Kind, Next};
use crate::guard::Guarded;
use crate::status;

/// The controller of releases.
pub struct ImageReleases(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the platform or the releases cannot be read")]
    Dereference(#[source] kube::Error),
    #[error("the list of images cannot be written")]
    List(#[source] kube::Error),
    #[error("the release's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for ImageReleases {
    type Resource = ImageRelease;
    type Error = Error;

    const NAME: &'static str = "image-release";

    async fn reconcile(&self, object: &ImageRelease, _trace: &mut TraceMetadata) -> Result<Next, Error> {
        let client = &self.0.client;
        let platforms = Api::<Platform>::all(client.clone());
        let platform = platforms.get_opt(PLATFORM).await.map_err(Error::Dereference)?;
        let Some(platform) = platform else {
            let refused = Refused::new("PlatformNotFound", "there is no Platform `national`");
            update_status::update_status(&self.0, object, Err(refused), None).await?;
            return Ok(Next::Settled);
        };
        let releases = Api::<Guarded<ImageRelease>>::all(client.clone());
        let releases = releases
            .list(&ListParams::default())
            .await
            .map_err(Error::Dereference)?;
        let bodies = Bodies::new(&platform.spec.bodies);
        let domain = &platform.spec.domain;
        let all = releases.items.iter().filter_map(|Guarded(one)| one.as_ref().ok());
        let all = all.map(|one| (one, carrier::read(one, &bodies)));
        let admitted = Admitted::in_force(all, domain);
        let in_force = admitted
            .as_ref()
            .map(|admitted| admitted.release == object.name_any());
        if let Some(admitted) = admitted.filter(|_| in_force == Some(true)) {
            list::keep(client, &admitted).await.map_err(Error::List)?;
        }
        let read: Read<ImageList> = counted(object, carrier::read(object, &bodies), domain);
        update_status::update_status(&self.0, object, read, in_force).await?;
        Ok(Next::Settled)
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::List(_) => "ApplyFailed",
            Error::Status(_) => "StatusFailed",
        }
    }
}
