//! Conditions of a site.

use dmp_api::Site;
use kube::Api;

use super::validate::Qualification;
use crate::controller::{Context, manager};
use crate::status::{self, Fact, Verdict};

#[derive(Debug, thiserror::Error)]
#[error("the API server refused the status")]
pub struct Error(#[from] kube::Error);

/// # Errors
/// When the status cannot be written.
pub async fn update_status(
    context: &Context,
    site: &Site,
    qualification: &Qualification,
) -> Result<(), Error> {
    let qualified = match qualification {
        Qualification::None => Fact::new(
            "Qualified",
            false,
            "NotStated",
            "no qualification is stated: for sandbox groups only",
        ),
        Qualification::Valid => Fact::new("Qualified", true, "Valid", ""),
        Qualification::Expired => Fact::new(
            "Qualified",
            false,
            "Expired",
            "renew the qualification, then correct spec.qualification.expires",
        ),
        Qualification::Unreadable => Fact::new(
            "Qualified",
            false,
            "UnreadableDate",
            "spec.qualification.expires is not a day (YYYY-MM-DD)",
        ),
    };
    let generation = site.metadata.generation;
    let mut new = site.status.clone().unwrap_or_default();
    status::set(&mut new, generation, [qualified]);
    status::set(&mut new, generation, Verdict::Ready.facts());
    new.observed_generation = generation;
    let api = Api::<Site>::all(context.client.clone());
    status::write(&api, &manager::<super::Sites>(), site, site.status.as_ref(), &new).await?;
    Ok(())
}
