//! The quotas in force, for people to read in a status; the gateway is told only what the platform names ([`crate::plane::config`]).

use std::collections::BTreeMap;

use dmp_api::gateway_quota::{Quota, QuotaInForce, Rate, RateInForce};
use dmp_api::solution::ProductKind;
use dmp_client::quota::{self, Kind, Limits, Quotas};

/// What the platform names, and the release's defaults for the rest.
pub fn in_force(named: &[Quota]) -> Quotas {
    let limits = |quota: &Quota| Limits {
        credential: quota.credential.and_then(rate),
        establishment: quota.establishment.and_then(rate),
        person: quota.person.and_then(rate),
    };
    let named: BTreeMap<Kind, Limits> = named
        .iter()
        .map(|quota| (kind(quota.kind), limits(quota)))
        .collect();
    Quotas::from(named)
}

/// Of one credential of a product of `kind`, with the limits that it shares.
pub fn of_credential(named: &[Quota], kind: ProductKind) -> Option<QuotaInForce> {
    let limits = in_force(named).of(kind.as_str());
    let shown = |rate: quota::Rate| RateInForce {
        per_second: rate.per_second.get().into(),
        burst: rate.burst.get().into(),
    };
    let own = shown(limits.credential?);
    Some(QuotaInForce {
        per_second: own.per_second,
        burst: own.burst,
        establishment: limits.establishment.map(shown),
        person: limits.person.map(shown),
    })
}

fn rate(rate: Rate) -> Option<quota::Rate> {
    quota::Rate::new(rate.per_second.try_into().ok()?, rate.burst.try_into().ok()?)
}

const fn kind(kind: ProductKind) -> Kind {
    match kind {
        ProductKind::Hospital => Kind::Hospital,
        ProductKind::Laboratory => Kind::Laboratory,
        ProductKind::Pharmacy => Kind::Pharmacy,
        ProductKind::Cabinet => Kind::Cabinet,
        ProductKind::PatientApp => Kind::PatientApp,
        ProductKind::Directory => Kind::Directory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_shows_what_the_platform_names_or_the_default() {
        let in_force = |named: &[Quota]| {
            of_credential(named, ProductKind::Cabinet).map(|rate| (rate.per_second, rate.burst))
        };
        assert_eq!(in_force(&[]), Some((10, 40)));
        let more = Rate {
            per_second: 50,
            burst: 60,
        };
        let named = |credential, person| Quota {
            kind: ProductKind::Cabinet,
            credential,
            establishment: None,
            person,
        };
        assert_eq!(in_force(&[named(Some(more), None)]), Some((50, 60)));
        assert_eq!(
            in_force(&[named(None, Some(more))]),
            Some((10, 40)),
            "another limit leaves it"
        );
    }

    #[test]
    fn the_limits_that_it_shares_are_shown_with_it() {
        let shown = |named: &[Quota], kind| {
            let quota = of_credential(named, kind)?;
            let rate = |rate: RateInForce| (rate.per_second, rate.burst);
            Some((quota.establishment.map(rate), quota.person.map(rate)))
        };
        let named = Quota {
            kind: ProductKind::Cabinet,
            credential: None,
            establishment: None,
            person: Some(Rate {
                per_second: 5,
                burst: 6,
            }),
        };
        let cabinet = shown(&[named], ProductKind::Cabinet);
        assert_eq!(cabinet, Some((Some((20, 80)), Some((5, 6)))));
        assert_eq!(shown(&[], ProductKind::PatientApp), Some((None, Some((5, 30)))));
        assert_eq!(shown(&[], ProductKind::Directory), Some((None, None)));
    }
}
