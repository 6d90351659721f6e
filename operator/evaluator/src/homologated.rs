//! Whether the platform and its production groups may be open: read from what was signed, not from what the operator says of it.

use dmp_api::{HealthGroup, Mode, Platform, Site, SystemHomologation};
use dmp_homologation::gates::{Known, Outcome};
use dmp_homologation::{Bodies, carrier};
use jiff::Timestamp;
use kube::{Api, Client, ResourceExt as _};

use crate::world::{Read, list};

/// What was decided about the platform or a group; days are `YYYY-MM-DD`, empty when there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Homologated {
    pub name: String,
    pub decision_until: String,
    /// Of an audit by the platform's auditor; the ones of others do not count.
    pub audit_at: String,
}

pub async fn read(
    client: &Client,
    platforms: Read<&[Platform]>,
    groups: Read<&[HealthGroup]>,
    sites: Read<&[Site]>,
    now: Timestamp,
) -> Read<Vec<Homologated>> {
    let production = |group: &&HealthGroup| group.spec.mode == Mode::Production;
    let groups: Vec<&HealthGroup> = groups?.iter().filter(production).collect();
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let Some(platform) = platforms?.first() else {
        let undecided = |group: &&HealthGroup| Homologated {
            name: group.name_any(),
            ..Homologated::default()
        };
        return Ok(groups.iter().map(undecided).collect());
    };
    let words = Api::<SystemHomologation>::all(client.clone());
    let words = list(words, "SystemHomologations", |one| one).await?;
    let sites = sites?;
    let site = |name: &str| sites.iter().find(|site| site.name_any() == name);
    let bodies = Bodies::new(&platform.spec.bodies);
    let read = words.iter().map(|word| (word, carrier::read(word, &bodies)));
    let known = Known::new(&platform.spec, read.collect(), site(&platform.spec.site), now);
    let own = homologated(platform.name_any(), known.platform());
    let of_groups = groups.iter().map(|group| {
        let outcome = known.group(group, site(&group.spec.site));
        homologated(group.name_any(), &outcome)
    });
    Ok(std::iter::once(own).chain(of_groups).collect())
}

fn homologated(name: String, outcome: &Outcome) -> Homologated {
    let standing = &outcome.standing;
    let text = |date: Option<jiff::civil::Date>| date.map_or_else(String::new, |date| date.to_string());
    Homologated {
        name,
        decision_until: text(standing.until),
        audit_at: text(standing.audited_at),
    }
}
