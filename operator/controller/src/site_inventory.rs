//! `SiteInventory`: says whose word it is, and why it does not count. Nothing decides by this status: who binds pods reads the
//! statements again ([`crate::placement`]).

pub mod update_status;

use async_trait::async_trait;
use dmp_api::names::PLATFORM;
use dmp_api::{Platform, SiteInventory};
use dmp_homologation::signed::{Read, Refused};
use dmp_homologation::statement::Inventory;
use dmp_homologation::{Bodies, carrier, inventory};
use k8s_controller::TraceMetadata;
use kube::Api;

use crate::controller::{Context, Kind, Next};
use crate::status;

/// The controller of inventories.
pub struct SiteInventories(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the platform cannot be read")]
    Dereference(#[from] kube::Error),
    #[error("the inventory's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for SiteInventories {
    type Resource = SiteInventory;
    type Error = Error;

    const NAME: &'static str = "site-inventory";

    async fn reconcile(&self, object: &SiteInventory, _trace: &mut TraceMetadata) -> Result<Next, Error> {
        let platforms = Api::<Platform>::all(self.0.client.clone());
        let read = read(object, platforms.get_opt(PLATFORM).await?.as_ref());
        update_status::update_status(&self.0, object, read).await?;
        Ok(Next::Settled)
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Status(_) => "StatusFailed",
        }
    }
}

fn read(object: &SiteInventory, platform: Option<&Platform>) -> Read<Inventory> {
    let Some(platform) = platform else {
        return Err(Refused::new(
            "PlatformNotFound",
            "there is no Platform `national`",
        ));
    };
    let bodies = Bodies::new(&platform.spec.bodies);
    inventory::counted(object, carrier::read(object, &bodies), &platform.spec.domain)
}
