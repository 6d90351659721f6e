//! Step 2: what the schema cannot refuse. Pure.

use dmp_api::health_group::{Custody, HealthGroupSpec};
use dmp_api::{Asset, HealthGroup, Mode, PlatformSpec};
use dmp_core::ids::GroupName;
use dmp_core::token::PublicKey;
use kube::ResourceExt;

use super::dereference::Found;
use crate::plane::trust::Trust;
use crate::status;

/// Why the group cannot be, until somebody does something. The message says what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no Platform `national`: apply it first")]
    NoPlatform,
    #[error("there is no Site `{0}`: apply it, or correct spec.site")]
    NoSite(String),
    #[error("the site's territory is `{0}`: health data stays in MA")]
    ForeignSite(String),
    #[error(
        "every node that the inventory of Site `{0}` names is another machine here: have the present machines signed \
         (`dmpctl site machines`, `dmpctl site sign`)"
    )]
    NoGround(String),
    #[error("{0}")]
    Name(String),
    #[error("custody `group` is not served by this release: create the group with custody `platform`")]
    CustodyNotServed,
    #[error(
        "OpenBao of this platform unseals itself with a key of the same cluster, which is no seal for real patients: give the \
         platform an OpenBao whose seal is elsewhere (Platform.spec.openbao: its address, managed: false), or create the \
         group with mode `sandbox`"
    )]
    InsecureSeal,
    #[error(
        "synthetic people may log in on this platform: turn that off (Platform.spec.demonstration: false), or create the \
         group with mode `sandbox`"
    )]
    Demonstration,
}

impl status::Refusal for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::NoPlatform => "PlatformNotFound",
            Self::NoSite(_) => "SiteNotFound",
            Self::ForeignSite(_) => "SiteAbroad",
            Self::NoGround(_) => "NoGround",
            Self::Name(_) => "InvalidName",
            Self::CustodyNotServed => "CustodyNotServed",
            Self::InsecureSeal => "InsecureSeal",
            Self::Demonstration => "DemonstrationOn",
        }
    }
}

/// A group that can be rendered.
#[derive(Clone, Debug)]
pub struct Valid {
    pub name: GroupName,
    pub namespace: String,
    /// Whose its namespace, volumes and Services are, of which class and what for.
    pub asset: Asset,
    pub spec: HealthGroupSpec,
    pub platform: PlatformSpec,
    pub trust: Trust,
    pub log_key: Option<PublicKey>,
    pub databases_started: bool,
    /// Where pods may run: the machines of the site; anywhere when nobody signed which they are.
    pub nodes: Option<Vec<String>>,
}

/// # Errors
/// The first reason why not.
pub fn validate(group: &HealthGroup, found: &Found) -> Result<Valid, Refusal> {
    let name: GroupName = group
        .name_any()
        .parse()
        .map_err(|error: dmp_core::ids::InvalidGroupName| Refusal::Name(error.to_string()))?;
    let platform = found.platform.as_ref().ok_or(Refusal::NoPlatform)?;
    let site = found
        .site
        .as_ref()
        .ok_or_else(|| Refusal::NoSite(group.spec.site.clone()))?;
    if site.spec.territory != "MA" {
        return Err(Refusal::ForeignSite(site.spec.territory.clone()));
    }
    let nodes = found.ground.as_ref().map(|ground| ground.nodes.clone());
    if nodes.as_ref().is_some_and(Vec::is_empty) {
        return Err(Refusal::NoGround(group.spec.site.clone()));
    }
    if group.spec.keys.custody == Custody::Group {
        return Err(Refusal::CustodyNotServed);
    }
    if group.spec.mode == Mode::Production {
        if platform.spec.openbao.managed {
            return Err(Refusal::InsecureSeal);
        }
        // Its issuer's tokens the gateways refuse as well; here the two never come together.
        if platform.spec.demonstration {
            return Err(Refusal::Demonstration);
        }
    }
    Ok(Valid {
        namespace: name.namespace(),
        asset: Asset::of_group(name.as_str(), group.spec.mode).with(&found.labels),
        name,
        spec: group.spec.clone(),
        platform: platform.spec.clone(),
        trust: found.trust.clone(),
        log_key: found.log_key.clone(),
        databases_started: found.databases_started,
        nodes,
    })
}
