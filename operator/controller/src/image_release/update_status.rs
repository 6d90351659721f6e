//! Whose word a release is, how many images it names and whether it is in force, or why it does not count.

use dmp_api::ImageRelease;
use dmp_homologation::signed::Read;
use dmp_homologation::statement::ImageList;
use dmp_homologation::system::day;

use crate::controller::Context;
use crate::status::{self, Error, Verdict};

/// `in_force`: `None` when nobody can tell.
///
/// # Errors
/// When the status cannot be written.
pub async fn update_status(
    context: &Context,
    object: &ImageRelease,
    read: Read<ImageList>,
    in_force: Option<bool>,
) -> Result<(), Error> {
    let verdict = read.as_ref().err().map_or(Verdict::Ready, Verdict::stalled);
    let mut new = status::concluded(object, [], &verdict);
    let said = read.as_ref().ok().map(|signed| &signed.statement);
    new.images = said.and_then(|said| i64::try_from(said.images.len()).ok());
    new.signed_on = said.map(|said| day(said.signed_at).to_string());
    new.in_force = in_force;
    let signer = read.as_ref().ok().map(|signed| &signed.signer);
    new.role = signer.map(|signer| signer.role);
    new.body = signer.map(|signer| signer.body.name.clone());
    status::write::<super::ImageReleases>(context, object, &new).await?;
    Ok(())
}
