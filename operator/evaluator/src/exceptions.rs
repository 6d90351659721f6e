//! What is tolerated (`PolicyException`), read from what was asked for and approved, not from what the operator says of it.

use dmp_api::PolicyException;
use dmp_policies::exception::Exception;
use dmp_policies::{Catalogue, day};
use kube::{Api, Client, ResourceExt as _};

use crate::world::{Read, World, list};

/// As the catalogue judges it.
pub fn exception(object: &PolicyException) -> Exception {
    let spec = &object.spec;
    let created = object.metadata.creation_timestamp.as_ref();
    Exception {
        name: object.name_any(),
        control: spec.control.clone(),
        check: spec.check.clone(),
        namespaces: spec.namespaces.clone(),
        role: spec.role.clone(),
        asked: created.map(|at| day(at.0)),
        until: spec.until.parse().ok(),
        approved: spec.approval.as_ref().map(|approval| approval.role.clone()),
    }
}

pub async fn read(client: &Client) -> Read<Vec<Exception>> {
    let api = Api::<PolicyException>::all(client.clone());
    list(api, "PolicyExceptions", |object| exception(&object)).await
}

/// Those that count, by name.
pub fn in_force<'w>(world: &'w World, catalogue: &Catalogue) -> Read<Vec<&'w Exception>> {
    let all = world.exceptions.as_ref().map_err(Clone::clone)?;
    let today = day(world.at);
    let mut in_force: Vec<_> = all
        .iter()
        .filter(|one| one.in_force(catalogue, today).is_ok())
        .collect();
    in_force.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(in_force)
}
