//! Whose a namespace, a volume or a Service is, which class of data it holds and what for (DMP-GOV-05): three labels.
//!
//! What is in a namespace is labelled as the namespace. Not here: who refuses what comes without
//! (`manifests/operator/admission-product.yaml`), and who sees what came before (`dmp-evaluator`).

use std::collections::BTreeMap;

use crate::Mode;
use crate::names::{CLASS_LABEL, OWNER_LABEL, PLATFORM, PURPOSE_LABEL};

/// Purpose of what serves patients.
pub const CARE: &str = "care";
/// Purpose of what has invented patients only.
pub const TESTING: &str = "testing";
/// Purpose of a vendor's namespace: its products, versions and certificates.
pub const SOFTWARE: &str = "software";

/// A class of data by the DGSSI's guide: 0 to 4. 3 and 4 are sensitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DataClass(u8);

impl DataClass {
    /// Health data, identities of patients, consents, and the logs of who saw them.
    pub const HEALTH: Self = Self(4);
    /// Invented patients, and what vendors say of their products.
    pub const ORDINARY: Self = Self(1);

    /// As a label has it: one digit. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        match text.as_bytes() {
            [digit @ b'0'..=b'4'] => Some(Self(digit - b'0')),
            _ => None,
        }
    }

    pub const fn number(self) -> u8 {
        self.0
    }
}

/// What the three labels say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Who answers for it: a group, a vendor, or [`PLATFORM`] for whoever operates the installation.
    pub owner: String,
    pub class: DataClass,
    pub purpose: String,
}

impl Asset {
    fn new(owner: &str, class: DataClass, purpose: &str) -> Self {
        Self {
            owner: owner.to_owned(),
            class,
            purpose: purpose.to_owned(),
        }
    }

    /// The national plane: identities, consents and the logs are real as soon as one group is.
    pub fn national() -> Self {
        Self::new(PLATFORM, DataClass::HEALTH, CARE)
    }

    /// The plane of a health group.
    pub fn of_group(group: &str, mode: Mode) -> Self {
        match mode {
            Mode::Production => Self::new(group, DataClass::HEALTH, CARE),
            Mode::Sandbox => Self::new(group, DataClass::ORDINARY, TESTING),
        }
    }

    /// The namespace of a vendor.
    pub fn of_vendor(vendor: &str) -> Self {
        Self::new(vendor, DataClass::ORDINARY, SOFTWARE)
    }

    /// What labels say; `None` unless they say all three.
    pub fn read(labels: &BTreeMap<String, String>) -> Option<Self> {
        let text = |name: &str| labels.get(name).filter(|text| !text.is_empty()).cloned();
        Some(Self {
            owner: text(OWNER_LABEL)?,
            class: DataClass::parse(labels.get(CLASS_LABEL)?)?,
            purpose: text(PURPOSE_LABEL)?,
        })
    }

    /// With what a namespace says already: owner and purpose that somebody gave it stay, and its class never goes down, for what
    /// has held health data may hold them still. A place of real patients is never for testing, and one for invented patients that
    /// has another purpose counts as theirs.
    #[must_use]
    pub fn with(mut self, labels: &BTreeMap<String, String>) -> Self {
        let said = |name: &str| labels.get(name).filter(|text| !text.is_empty());
        if let Some(owner) = said(OWNER_LABEL) {
            self.owner.clone_from(owner);
        }
        if let Some(purpose) = said(PURPOSE_LABEL).filter(|&purpose| purpose != TESTING) {
            if self.purpose == TESTING {
                self.class = DataClass::HEALTH;
            }
            self.purpose.clone_from(purpose);
        }
        let class = labels.get(CLASS_LABEL).and_then(|text| DataClass::parse(text));
        self.class = class.map_or(self.class, |class| class.max(self.class));
        self
    }

    /// The labels.
    pub fn labels(&self) -> [(&'static str, String); 3] {
        [
            (OWNER_LABEL, self.owner.clone()),
            (CLASS_LABEL, self.class.number().to_string()),
            (PURPOSE_LABEL, self.purpose.clone()),
        ]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn a_class_is_one_digit_up_to_four() {
        assert_eq!(DataClass::parse("4"), Some(DataClass::HEALTH));
        assert!(DataClass::parse("0").unwrap() < DataClass::ORDINARY);
        for text in ["", "5", "-1", "04", "4 ", "secret", "٤"] {
            assert_eq!(DataClass::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn labels_say_what_they_were_made_from_and_half_of_them_says_nothing() {
        for asset in [
            Asset::national(),
            Asset::of_group("souss-massa", Mode::Production),
            Asset::of_group("oriental", Mode::Sandbox),
            Asset::of_vendor("atlas"),
        ] {
            let mut labels: BTreeMap<_, _> = asset
                .labels()
                .into_iter()
                .map(|(name, text)| (name.to_owned(), text))
                .collect();
            assert_eq!(Asset::read(&labels), Some(asset));
            labels.insert(PURPOSE_LABEL.to_owned(), String::new());
            assert_eq!(Asset::read(&labels), None);
            labels.remove(PURPOSE_LABEL);
            assert_eq!(Asset::read(&labels), None);
        }
    }

    #[test]
    fn real_patients_are_of_class_four_and_invented_ones_are_not() {
        let production = Asset::of_group("a", Mode::Production);
        assert_eq!(
            (production.class, production.purpose.as_str()),
            (DataClass::HEALTH, CARE)
        );
        assert_eq!(Asset::national().class, DataClass::HEALTH);
        let sandbox = Asset::of_group("a", Mode::Sandbox);
        assert!(sandbox.class < DataClass::HEALTH);
        assert_eq!(sandbox.purpose, TESTING);
    }

    #[test]
    fn owner_and_purpose_of_ones_own_stay_and_a_class_never_goes_down() {
        let with = |mode: Mode, pairs: &[(&str, &str)]| {
            let asset = Asset::of_group("a", mode).with(&labels(pairs));
            (asset.owner, asset.class.number(), asset.purpose)
        };
        let said = |owner: &str, class: u8, purpose: &str| (owner.to_owned(), class, purpose.to_owned());
        assert_eq!(with(Mode::Production, &[]), said("a", 4, CARE));
        let own = [(OWNER_LABEL, "gst-a"), (PURPOSE_LABEL, "care-and-teaching")];
        assert_eq!(
            with(Mode::Production, &own),
            said("gst-a", 4, "care-and-teaching")
        );
        assert_eq!(with(Mode::Production, &[(CLASS_LABEL, "2")]), said("a", 4, CARE));
        assert_eq!(with(Mode::Production, &[(OWNER_LABEL, "")]), said("a", 4, CARE));
        assert_eq!(
            with(Mode::Production, &[(PURPOSE_LABEL, TESTING)]),
            said("a", 4, CARE)
        );
        let other = [(PURPOSE_LABEL, "training")];
        assert_eq!(with(Mode::Sandbox, &other), said("a", 4, "training"));
        // A group of invented patients where there were real ones.
        let before = [(CLASS_LABEL, "4"), (PURPOSE_LABEL, CARE)];
        assert_eq!(with(Mode::Sandbox, &before), said("a", 4, CARE));
        assert_eq!(
            with(Mode::Sandbox, &[(CLASS_LABEL, "secret")]),
            said("a", 1, TESTING)
        );
    }
}
