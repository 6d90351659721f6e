//! Step 2: what the schema cannot refuse. Pure.

use dmp_api::{Asset, Platform, PlatformSpec};
use std::collections::BTreeSet;

use super::dereference::{Found, GroupLog};
use crate::plane::trust::Trust;
use crate::status;

/// Why the national plane cannot be, until somebody does something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no Site `{0}`: apply it, or correct spec.site")]
    NoSite(String),
    #[error("the site's territory is `{0}`: health data stays in MA")]
    ForeignSite(String),
    #[error(
        "every node that the inventory of Site `{0}` names is another machine here: have the present machines signed \
         (`dmpctl site machines`, `dmpctl site sign`)"
    )]
    NoGround(String),
    #[error("spec.gateway.publicNames[{index}] `{name}` is neither a host name nor an IP address")]
    PublicName { index: usize, name: String },
    #[error("spec.issuers names `{0}` twice")]
    IssuerTwice(String),
}

impl status::Refusal for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::NoSite(_) => "SiteNotFound",
            Self::ForeignSite(_) => "SiteAbroad",
            Self::NoGround(_) => "NoGround",
            Self::PublicName { .. } => "InvalidPublicName",
            Self::IssuerTwice(_) => "IssuerTwice",
        }
    }
}

/// A platform that can be rendered.
#[derive(Clone, Debug)]
pub struct Valid {
    /// Whose the national namespace, its volumes and Services are, of which class and what for.
    pub asset: Asset,
    pub spec: PlatformSpec,
    pub trust: Trust,
    pub groups: Vec<GroupLog>,
    pub group_count: usize,
    pub databases_started: BTreeSet<&'static str>,
    /// Where pods may run: the machines of the site; anywhere when nobody signed which they are.
    pub nodes: Option<Vec<String>>,
}

/// # Errors
/// The first reason why not.
pub fn validate(platform: &Platform, found: &Found) -> Result<Valid, Refusal> {
    let spec = &platform.spec;
    let site = found
        .site
        .as_ref()
        .ok_or_else(|| Refusal::NoSite(spec.site.clone()))?;
    if site.spec.territory != "MA" {
        return Err(Refusal::ForeignSite(site.spec.territory.clone()));
    }
    let nodes = found.ground.as_ref().map(|ground| ground.nodes.clone());
    if nodes.as_ref().is_some_and(Vec::is_empty) {
        return Err(Refusal::NoGround(spec.site.clone()));
    }
    for (index, name) in spec.gateway.public_names.iter().enumerate() {
        if !is_host(name) {
            return Err(Refusal::PublicName {
                index,
                name: name.clone(),
            });
        }
    }
    let mut urls = BTreeSet::new();
    for issuer in &spec.issuers {
        if !urls.insert(issuer.url.as_str()) {
            return Err(Refusal::IssuerTwice(issuer.url.clone()));
        }
    }
    Ok(Valid {
        asset: Asset::national().with(&found.labels),
        spec: spec.clone(),
        trust: found.trust.clone(),
        groups: found.groups.clone(),
        group_count: found.group_count,
        databases_started: found.databases_started.clone(),
        nodes,
    })
}

fn is_host(name: &str) -> bool {
    name.parse::<std::net::IpAddr>().is_ok()
        || (name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        }) && name.len() <= 253)
}
