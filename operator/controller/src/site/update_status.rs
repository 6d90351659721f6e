//! Conditions of a site.

use dmp_api::Site;
use dmp_homologation::site::Qualification;

use crate::controller::Context;
use crate::status::{self, Error, Fact, Verdict};

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
    let new = status::concluded(site, [qualified], &Verdict::Ready);
    status::write::<super::Sites>(context, site, &new).await?;
    Ok(())
}
