//! CloudNativePG and OpenBao: there, or to be brought.

use dmp_api::names::SYSTEM_NAMESPACE;
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};

use super::{Check, cluster::said, reason};
use crate::install::cnpg::{self, Found};
use crate::install::command::{Dependency, require_managed_openbao};

pub async fn cnpg(client: &Client, whose: Dependency) -> Check {
    match cnpg::find(client).await {
        Ok(found) => judge_cnpg(found.as_ref(), whose),
        Err(error) => Check::unknown("CloudNativePG", reason(&error), ""),
    }
}

fn judge_cnpg(found: Option<&Found>, whose: Dependency) -> Check {
    const NAME: &str = "CloudNativePG";
    if let Some((what, remedy)) = found.and_then(Found::obstacle) {
        return Check::bad(NAME, what, remedy);
    }
    match (found, whose) {
        (None, Dependency::Managed) => Check::good(
            NAME,
            format!(
                "not there; `dmpctl install --cnpg managed` brings {}",
                cnpg::TESTED
            ),
        ),
        (None, Dependency::Existing) => Check::bad(
            NAME,
            "not there",
            format!("install {} or later, or use --cnpg managed", cnpg::TESTED),
        ),
        (Some(found), Dependency::Managed) if !found.ours => Check::bad(
            NAME,
            format!("{} is there, and dmpctl did not install it", found.version),
            "use it as it is: --cnpg existing",
        ),
        (Some(found), _) if !found.available => Check::bad(
            NAME,
            format!("{} is there, but its operator is not available", found.version),
            "look for the pods labelled app.kubernetes.io/name=cloudnative-pg",
        ),
        (Some(found), _) => Check::good(
            NAME,
            format!(
                "{} {}",
                found.version,
                if found.ours {
                    "(dmpctl's)"
                } else {
                    "(the cluster's own)"
                }
            ),
        ),
    }
}

pub async fn openbao(client: &Client, whose: Dependency) -> Check {
    const NAME: &str = "OpenBao";
    if let Err(error) = require_managed_openbao(whose) {
        return Check::bad(NAME, error.message, error.remedy);
    }
    let sets: Api<StatefulSet> = Api::all(client.clone());
    let parameters = ListParams::default().labels("app.kubernetes.io/name in (openbao, vault)");
    match sets.list(&parameters).await {
        Err(source) => Check::unknown(NAME, said(source), ""),
        Ok(list) => {
            let (own, others): (Vec<_>, Vec<_>) = list
                .items
                .into_iter()
                .partition(|set| set.namespace().as_deref() == Some(SYSTEM_NAMESPACE));
            let own = if own.is_empty() {
                "not there; `dmpctl install` brings it (dmp-system, 2 volumes of 5 GiB)".to_owned()
            } else {
                "the platform's is there".to_owned()
            };
            let others: Vec<String> = others
                .iter()
                .map(|set| format!("{}/{}", set.namespace().unwrap_or_default(), set.name_any()))
                .collect();
            Check::good(
                NAME,
                if others.is_empty() {
                    own
                } else {
                    format!(
                        "{own}; {} is somebody else's and is left alone",
                        others.join(", ")
                    )
                },
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::Verdict;

    #[test]
    fn what_is_there_must_fit_what_was_chosen() {
        let found = Found {
            version: "1.30.0".to_owned(),
            lacks: Vec::new(),
            available: true,
            account: "cnpg-system/cnpg-manager".to_owned(),
            ours: false,
        };
        let judge = |found: Option<&Found>, whose| judge_cnpg(found, whose).verdict;
        assert_eq!(judge(None, Dependency::Managed), Verdict::Good);
        assert_eq!(judge(None, Dependency::Existing), Verdict::Bad);
        assert_eq!(judge(Some(&found), Dependency::Existing), Verdict::Good);
        assert_eq!(judge(Some(&found), Dependency::Managed), Verdict::Bad);
        let ours = Found {
            ours: true,
            ..found.clone()
        };
        assert_eq!(judge(Some(&ours), Dependency::Managed), Verdict::Good);
        let old = Found {
            lacks: vec!["probes"],
            ..found.clone()
        };
        assert_eq!(judge(Some(&old), Dependency::Existing), Verdict::Bad);
        let elsewhere = Found {
            account: "databases/pg".to_owned(),
            ..found.clone()
        };
        assert_eq!(judge(Some(&elsewhere), Dependency::Existing), Verdict::Bad);
        let dead = Found {
            available: false,
            ..found
        };
        assert_eq!(judge(Some(&dead), Dependency::Existing), Verdict::Bad);
    }
}
