//! How many requests a piece of software may send, by product kind: what the gateway enforces and the operator shows.
//!
//! Three limits: of a credential, of the credentials of one kind at an establishment together, and of a person (the professional,
//! or the patient of a patient app) whatever the software. Who counts, and when: `dmp_gateway::quota`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests a second that may go on for ever.
    pub per_second: NonZeroU32,
    /// Requests that may come at once after a pause.
    pub burst: NonZeroU32,
}

impl Rate {
    /// `None` when one of them is zero.
    pub const fn new(per_second: u32, burst: u32) -> Option<Self> {
        match (NonZeroU32::new(per_second), NonZeroU32::new(burst)) {
            (Some(per_second), Some(burst)) => Some(Self { per_second, burst }),
            _ => None,
        }
    }
}

/// The limits of one kind; what is absent is not limited, or (in what somebody configures) left as it is by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Rate>,
    /// All credentials of this kind at one establishment together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub establishment: Option<Rate>,
    /// One person, through all software.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Rate>,
}

impl Limits {
    /// These, and the others where these say nothing.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            credential: self.credential.or(others.credential),
            establishment: self.establishment.or(others.establishment),
            person: self.person.or(others.person),
        }
    }
}

/// A product kind, as [`crate::facts::Credential::kind`] names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Hospital,
    Laboratory,
    Pharmacy,
    Cabinet,
    PatientApp,
    Directory,
}

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::Hospital,
        Self::Laboratory,
        Self::Pharmacy,
        Self::Cabinet,
        Self::PatientApp,
        Self::Directory,
    ];

    /// A kind this version does not know is held to the least: a cabinet's.
    fn named(name: &str) -> Self {
        match name {
            "hospital" => Self::Hospital,
            "laboratory" => Self::Laboratory,
            "pharmacy" => Self::Pharmacy,
            "patient-app" => Self::PatientApp,
            "directory" => Self::Directory,
            _ => Self::Cabinet,
        }
    }

    /// What holds unless the platform says otherwise. An establishment has room for two pieces of its software at full speed.
    const fn defaults(self) -> Limits {
        let (credential, establishment, person) = match self {
            Self::Hospital => (Rate::new(200, 400), Rate::new(400, 800), Rate::new(20, 60)),
            Self::Laboratory => (Rate::new(50, 200), Rate::new(100, 400), Rate::new(20, 60)),
            Self::Pharmacy => (Rate::new(20, 80), Rate::new(40, 160), Rate::new(20, 60)),
            Self::Cabinet => (Rate::new(10, 40), Rate::new(20, 80), Rate::new(20, 60)),
            // One credential serves all its patients; each of them is one person with a telephone.
            Self::PatientApp => (Rate::new(500, 1000), None, Rate::new(5, 30)),
            Self::Directory => (Rate::new(20, 100), None, None),
        };
        Limits {
            credential,
            establishment,
            person,
        }
    }
}

/// The limits in force, of every kind. Read from those that somebody names: the defaults fill the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<Kind, Limits>", into = "BTreeMap<Kind, Limits>")]
pub struct Quotas(BTreeMap<Kind, Limits>);

impl Quotas {
    /// Of a product kind.
    pub fn of(&self, kind: &str) -> Limits {
        self.0.get(&Kind::named(kind)).copied().unwrap_or_default()
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self::from(BTreeMap::new())
    }
}

impl From<BTreeMap<Kind, Limits>> for Quotas {
    fn from(named: BTreeMap<Kind, Limits>) -> Self {
        let limits = |kind: Kind| named.get(&kind).copied().unwrap_or_default().or(kind.defaults());
        Self(Kind::ALL.into_iter().map(|kind| (kind, limits(kind))).collect())
    }
}

impl From<Quotas> for BTreeMap<Kind, Limits> {
    fn from(quotas: Quotas) -> Self {
        quotas.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_named_replaces_its_default_and_nothing_else() {
        let named = json!({ "cabinet": { "credential": { "per_second": 1, "burst": 2 } } });
        let quotas: Quotas = serde_json::from_value(named).unwrap();
        let (own, before) = (quotas.of("cabinet"), Quotas::default().of("cabinet"));
        assert_eq!(own.credential, Rate::new(1, 2));
        assert_eq!(
            (own.establishment, own.person),
            (before.establishment, before.person)
        );
        assert_eq!(quotas.of("hospital"), Quotas::default().of("hospital"));
        let printed = serde_json::to_value(&quotas).unwrap();
        assert_eq!(printed.as_object().unwrap().len(), 6, "what is in force is shown");
        assert_eq!(serde_json::from_value::<Quotas>(printed).unwrap(), quotas);
    }

    #[test]
    fn every_kind_has_its_limits_and_an_unknown_one_the_least() {
        let quotas = Quotas::default();
        for kind in Kind::ALL {
            let name = serde_json::to_value(kind).unwrap();
            let limits = quotas.of(name.as_str().unwrap());
            assert_eq!(limits, kind.defaults(), "{name}");
            let credential = limits.credential.unwrap();
            assert!(credential.burst >= credential.per_second, "{name}");
            if let Some(establishment) = limits.establishment {
                assert!(establishment.per_second >= credential.per_second, "{name}");
                assert!(establishment.burst >= credential.burst, "{name}");
            }
        }
        assert_eq!(quotas.of("a kind of next year"), quotas.of("cabinet"));
    }

    #[test]
    fn a_misspelt_kind_or_limit_and_a_rate_of_nothing_are_errors() {
        for wrong in [
            json!({ "hospitals": {} }),
            json!({ "hospital": { "credentials": { "per_second": 1, "burst": 1 } } }),
            json!({ "hospital": { "credential": { "per_second": 0, "burst": 1 } } }),
            json!({ "hospital": { "credential": { "per_second": 1 } } }),
        ] {
            assert!(
                serde_json::from_value::<Quotas>(wrong.clone()).is_err(),
                "{wrong}"
            );
        }
    }
}
