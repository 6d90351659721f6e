//! Whose people a credential's software sees: the nation's, or those of one sandbox. Pure.
//!
//! Software of a vendor that signed up sees the vendor's own population, wherever the credential is of. Other sandbox software
//! sees the nation's people on a platform of demonstration alone (they are invented there), else those of a realm of
//! its own. What is not known opens nothing.

use dmp_api::Vendor;
use dmp_api::names::VENDOR_NAMESPACE_PREFIX;
use dmp_client::facts::Mode;

/// Sandbox software of vendors that did not sign up.
pub const SHARED: &str = "sandbox";

/// What is known of the vendor of a namespace.
#[derive(Clone, Copy, Debug)]
pub enum SignedUp<'a> {
    /// It did not sign up.
    Never,
    Vendor(&'a Vendor),
    /// It is there and not understood.
    Unreadable,
}

/// No realm is known: the credential is no fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

/// The vendor's name, as its namespace has it.
pub fn vendor_of(namespace: &str) -> Option<&str> {
    namespace.strip_prefix(VENDOR_NAMESPACE_PREFIX)
}

/// `None` is the nation.
///
/// # Errors
/// [`Unknown`] for sandbox software of a vendor whose place is not there yet, or cannot be read.
pub fn realm(mode: Mode, vendor: SignedUp<'_>, demonstration: bool) -> Result<Option<String>, Unknown> {
    match (mode, vendor) {
        (Mode::Production, _) => Ok(None),
        (Mode::Sandbox, SignedUp::Never) => Ok((!demonstration).then(|| SHARED.to_owned())),
        (Mode::Sandbox, SignedUp::Vendor(vendor)) => {
            let place = vendor.status.as_ref().and_then(|status| status.sandbox.as_ref());
            place
                .map(|place| place.realm.as_str())
                .filter(|realm| !realm.is_empty())
                .map(|realm| Some(realm.to_owned()))
                .ok_or(Unknown)
        }
        (Mode::Sandbox, SignedUp::Unreadable) => Err(Unknown),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn vendor(realm: Option<&str>) -> Vendor {
        let sandbox =
            realm.map(|realm| json!({ "healthGroup": "bac", "establishment": "900000001", "realm": realm }));
        serde_json::from_value(json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "Vendor", "metadata": { "name": "a" },
            "spec": {
                "organisation": { "name": "A", "ice": "001234567000089" },
                "members": [{ "issuer": "https://issuer.test", "subject": "s" }],
            },
            "status": { "sandbox": sandbox },
        }))
        .unwrap()
    }

    #[test]
    fn each_sees_its_own_people() {
        let (placed, unplaced, nameless) = (vendor(Some("a-1")), vendor(None), vendor(Some("")));
        let some = |realm: &str| Ok(Some(realm.to_owned()));
        let (production, sandbox) = (Mode::Production, Mode::Sandbox);
        for (mode, vendor, demonstration, expected) in [
            (production, SignedUp::Never, true, Ok(None)),
            (production, SignedUp::Never, false, Ok(None)),
            (production, SignedUp::Vendor(&placed), true, Ok(None)),
            (production, SignedUp::Vendor(&placed), false, Ok(None)),
            (production, SignedUp::Unreadable, false, Ok(None)),
            (sandbox, SignedUp::Never, true, Ok(None)),
            (sandbox, SignedUp::Never, false, some(SHARED)),
            (sandbox, SignedUp::Vendor(&placed), true, some("a-1")),
            (sandbox, SignedUp::Vendor(&placed), false, some("a-1")),
            (sandbox, SignedUp::Vendor(&unplaced), true, Err(Unknown)),
            (sandbox, SignedUp::Vendor(&unplaced), false, Err(Unknown)),
            (sandbox, SignedUp::Vendor(&nameless), true, Err(Unknown)),
            (sandbox, SignedUp::Unreadable, true, Err(Unknown)),
        ] {
            assert_eq!(
                realm(mode, vendor, demonstration),
                expected,
                "{mode:?} {vendor:?} {demonstration}"
            );
        }
    }

    #[test]
    fn the_vendor_of_a_namespace_is_its_name_behind_the_prefix() {
        assert_eq!(vendor_of("vendor-a-b"), Some("a-b"));
        assert_eq!(vendor_of("elsewhere"), None);
    }
}
