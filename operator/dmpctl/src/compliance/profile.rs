//! The values that are in force on a platform: those of the catalogue, with the stricter ones of its `PolicyProfile`.
//!
//! Not here: what counts (`dmp_policies::profile`).

use dmp_api::PolicyProfile;
use dmp_api::names::PROFILE;
use dmp_policies::Catalogue;
use dmp_policies::profile::{Choice, Profile, tightened};
use kube::{Api, Client};

use crate::error::{CliError, Result};

/// The catalogue in this program with the values of the platform's own. A profile that does not count is named, and nothing of it is
/// in force; who may read no profile is told that the values are the catalogue's.
///
/// # Errors
/// `catalogue-broken`, or what the API server says.
pub(crate) async fn in_force(client: &Client) -> Result<Catalogue> {
    let catalogue = super::catalogue()?;
    let api = Api::<PolicyProfile>::all(client.clone());
    let object = match api.get_opt(PROFILE).await {
        Ok(Some(object)) => object,
        Ok(None) => return Ok(catalogue),
        Err(kube::Error::Api(status)) if status.code == 403 => {
            eprintln!("PolicyProfile illisible avec vos droits : valeurs du catalogue");
            return Ok(catalogue);
        }
        Err(source) => return Err(CliError::kubernetes("reading the PolicyProfile", source)),
    };
    let (catalogue, refused) = with(catalogue, &object);
    if let Some(refused) = refused {
        eprintln!("PolicyProfile/{PROFILE} ne compte pas, valeurs du catalogue en vigueur : {refused}");
    }
    Ok(catalogue)
}

/// What is in force, and why nothing of the profile is.
fn with(catalogue: Catalogue, object: &PolicyProfile) -> (Catalogue, Option<String>) {
    let parameters = object.spec.parameters.iter();
    let choices =
        parameters.map(|one| Choice::new(&one.control, &one.parameter, &one.value, &one.since, &one.reason));
    let profile = Profile {
        choices: choices.collect(),
    };
    match tightened(&catalogue, &profile) {
        Ok(tight) => (tight, None),
        Err(refused) => (catalogue, Some(refused.to_string())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jiff::civil::date;
    use serde_json::json;

    use super::*;
    use crate::compliance::explain::explain;
    use crate::compliance::{ExplainOptions, Language, catalogue};

    fn explained(days: i64) -> (String, Option<String>) {
        let object = serde_json::from_value(json!({
            "metadata": { "name": "national" },
            "spec": { "parameters": [{
                "control": "DMP-GOV-03", "parameter": "longestDays", "value": days, "since": "2026-12-01",
                "reason": "the board asked for it",
            }] },
        }));
        let (catalogue, refused) = with(catalogue().unwrap(), &object.unwrap());
        let options = ExplainOptions {
            id: "DMP-GOV-03".to_owned(),
            language: Language::En,
        };
        (explain(&catalogue, &options, date(2026, 12, 1)).unwrap(), refused)
    }

    #[test]
    fn what_is_explained_is_what_is_in_force() {
        let (page, refused) = explained(30);
        assert_eq!(refused, None);
        assert!(page.contains("longestDays = 30"), "{page}");
        assert!(
            page.contains("instead of the catalogue's 90 (the board asked for it)"),
            "{page}"
        );
        let (page, refused) = explained(91);
        assert!(
            refused.unwrap().contains("DMP-GOV-03 longestDays: 91 is looser"),
            "{page}"
        );
        assert!(page.contains("longestDays = 90"), "{page}");
        assert!(!page.contains("instead of"), "{page}");
    }
}
