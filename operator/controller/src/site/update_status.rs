//! Conditions of a site.

use dmp_api::Site;
use dmp_homologation::inventory::Ground;
use dmp_homologation::site::Qualification;

use crate::controller::Context;
use crate::status::{self, Error, Fact, Verdict};

/// # Errors
/// When the status cannot be written.
pub async fn update_status(
    context: &Context,
    site: &Site,
    qualification: &Qualification,
    ground: Option<&Ground>,
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
    let new = status::concluded(site, [qualified, attested(ground)], &Verdict::Ready);
    status::write::<super::Sites>(context, site, &new).await?;
    Ok(())
}

/// Whether the nodes with the names of the site's machines are these machines.
fn attested(ground: Option<&Ground>) -> Fact {
    const NAME: &str = "Attested";
    match ground {
        None => Fact::new(
            NAME,
            false,
            "NoInventory",
            "nobody signed which machines these are, and pods run on any node: dmpctl site machines, dmpctl site sign",
        ),
        Some(ground) if !ground.strangers.is_empty() => {
            let names = ground.strangers.join(", ");
            let message = format!(
                "another machine than the one that was signed, and no pod is bound to it: {names}; look at it, then sign the site's machines again"
            );
            Fact::new(NAME, false, "OtherMachine", message)
        }
        Some(ground) if ground.present == 0 => Fact::new(
            NAME,
            false,
            "NoMachineHere",
            "no machine of the inventory is a node of this cluster",
        ),
        Some(ground) => {
            let message = format!("{} of {} machines are here", ground.present, ground.nodes.len());
            Fact::new(NAME, true, "Attested", message)
        }
    }
}
