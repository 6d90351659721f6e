//! Step 2: is it an organisation, is it the only one of that number, is there a sandbox? Pure.

use std::collections::BTreeMap;

use dmp_api::names::VENDOR_LABEL;
use dmp_api::vendor::SandboxPlace;
use dmp_api::{Asset, Mode, Vendor};
use dmp_homologation::ice;
use kube::ResourceExt;

use super::dereference::Found;
use crate::plane::digest;
use crate::status;

/// Why a vendor gets no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no Platform `national`: apply it first")]
    NoPlatform,
    #[error("the ICE is mistyped: its last two digits are a checksum of the others")]
    Ice,
    #[error("vendor `{0}` signed up earlier with the same ICE: one organisation is one vendor")]
    OrganisationTaken(String),
    #[error(
        "namespace `{0}` is another vendor's, whose objects the agency wrote: choose another name, or label it dmp.ma/vendor"
    )]
    NamespaceTaken(String),
    #[error("the platform has no sandbox: name a sandbox HealthGroup in Platform.spec.sandboxGroup")]
    NoSandbox,
    #[error("there is no HealthGroup `{0}`: correct Platform.spec.sandboxGroup")]
    NoGroup(String),
    #[error("HealthGroup `{0}` holds real patients: Platform.spec.sandboxGroup names one of mode `sandbox`")]
    NotASandbox(String),
}

impl status::Refusal for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::NoPlatform => "PlatformNotFound",
            Self::Ice => "InvalidIce",
            Self::OrganisationTaken(_) => "OrganisationTaken",
            Self::NamespaceTaken(_) => "NamespaceTaken",
            Self::NoSandbox => "NoSandbox",
            Self::NoGroup(_) => "HealthGroupNotFound",
            Self::NotASandbox(_) => "NotASandbox",
        }
    }
}

/// A vendor that has a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Valid {
    pub name: String,
    pub namespace: String,
    /// Whose its namespace is, of which class and what for.
    pub asset: Asset,
    pub place: SandboxPlace,
}

/// # Errors
/// The first reason why not.
pub fn validate(vendor: &Vendor, found: &Found) -> Result<Valid, Refusal> {
    let platform = found.platform.as_ref().ok_or(Refusal::NoPlatform)?;
    let organisation = &vendor.spec.organisation;
    if !ice::is_valid(&organisation.ice) {
        return Err(Refusal::Ice);
    }
    let older = |other: &&Vendor| {
        other.spec.organisation.ice == organisation.ice
            && other.name_any() != vendor.name_any()
            && age(other) < age(vendor)
    };
    if let Some(other) = found.vendors.iter().find(older) {
        return Err(Refusal::OrganisationTaken(other.name_any()));
    }
    let name = vendor.name_any();
    let namespace = Vendor::namespace_of(&name);
    let of = |labels: &BTreeMap<String, String>| labels.get(VENDOR_LABEL) == Some(&name);
    if !found.namespace.as_ref().is_none_or(of) {
        return Err(Refusal::NamespaceTaken(namespace));
    }
    let named = platform.spec.sandbox_group.as_ref().ok_or(Refusal::NoSandbox)?;
    let group = found
        .group
        .as_ref()
        .ok_or_else(|| Refusal::NoGroup(named.clone()))?;
    if group.spec.mode != Mode::Sandbox {
        return Err(Refusal::NotASandbox(named.clone()));
    }
    Ok(Valid {
        place: SandboxPlace {
            health_group: named.clone(),
            establishment: establishment(&namespace),
            realm: format!("{namespace}/{}", vendor.spec.population),
        },
        asset: Asset::of_vendor(&name).with(&found.namespace.clone().unwrap_or_default()),
        name,
        namespace,
    })
}

fn age(vendor: &Vendor) -> (Option<jiff::Timestamp>, String) {
    let created = vendor.metadata.creation_timestamp.as_ref().map(|time| time.0);
    (created, vendor.name_any())
}

/// INPE of the vendor's invented establishment: nine digits that begin with `99`, the same for ever. That of another vendor may be the
/// same: nobody sees the other's realm.
fn establishment(namespace: &str) -> String {
    let hash = digest(&["sandbox establishment", namespace]);
    let number = hash
        .bytes()
        .take(14)
        .fold(0_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 10_000_000);
    format!("99{number:07}")
}
