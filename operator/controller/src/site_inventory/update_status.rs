//! Whose word an inventory is and how many machines it lists, or why it does not count.

use dmp_api::SiteInventory;
use dmp_homologation::signed::Read;
use dmp_homologation::statement::Inventory;
use dmp_homologation::system::day;

use crate::controller::Context;
use crate::status::{self, Error, Verdict};

/// # Errors
/// When the status cannot be written.
pub async fn update_status(
    context: &Context,
    object: &SiteInventory,
    read: Read<Inventory>,
) -> Result<(), Error> {
    let verdict = read.as_ref().err().map_or(Verdict::Ready, Verdict::stalled);
    let mut new = status::concluded(object, [], &verdict);
    let said = read.as_ref().ok().map(|signed| &signed.statement);
    new.machines = said.and_then(|said| i64::try_from(said.machines.len()).ok());
    new.signed_on = said.map(|said| day(said.signed_at).to_string());
    let signer = read.as_ref().ok().map(|signed| &signed.signer);
    new.role = signer.map(|signer| signer.role);
    new.body = signer.map(|signer| signer.body.name.clone());
    status::write::<super::SiteInventories>(context, object, &new).await?;
    Ok(())
}
