//! Reads what was said about a subject, and what it depends on.

use dmp_api::names::PLATFORM;
use dmp_api::{HealthGroup, Platform, Site, SystemHomologation};
use dmp_homologation::carrier;
use dmp_homologation::gates::Known;
use jiff::Timestamp;
use kube::Api;
use kube::api::ListParams;

use crate::controller::Context;
use crate::guard::Guarded;

/// What there is.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub platform: Option<Platform>,
    /// The platform's own site.
    pub site: Option<Site>,
    pub group: Option<HealthGroup>,
    words: Vec<SystemHomologation>,
    /// A word is there that is not understood.
    pub unreadable: bool,
}

impl Found {
    /// What it comes to; `None` without a platform.
    pub fn known(&self, now: Timestamp) -> Option<Known<'_>> {
        let spec = &self.platform.as_ref()?.spec;
        let bodies = dmp_homologation::Bodies::new(&spec.bodies);
        let words = self.words.iter();
        let words = words.map(|word| (word, carrier::read(word, &bodies))).collect();
        Some(Known::new(spec, words, self.site.as_ref(), now))
    }
}

/// Everything about the platform, and about the group when one is named.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn dereference(context: &Context, group: Option<&str>) -> Result<Found, kube::Error> {
    let platforms = Api::<Platform>::all(context.client.clone());
    let mut found = Found {
        platform: platforms.get_opt(PLATFORM).await?,
        ..Found::default()
    };
    if let Some(platform) = &found.platform {
        let sites = Api::<Site>::all(context.client.clone());
        found.site = sites.get_opt(&platform.spec.site).await?;
    }
    if let Some(name) = group {
        let groups = Api::<HealthGroup>::all(context.client.clone());
        found.group = groups.get_opt(name).await?;
    }
    for subject in [Some(""), group].into_iter().flatten() {
        // The API server has an index of this field (`selectable` of the kind).
        let of = ListParams::default().fields(&format!("spec.healthGroup={subject}"));
        let api = Api::<Guarded<SystemHomologation>>::all(context.client.clone());
        for Guarded(word) in api.list(&of).await?.items {
            match word {
                Ok(word) => found.words.push(word),
                Err(_) => found.unreadable = true,
            }
        }
    }
    Ok(found)
}
