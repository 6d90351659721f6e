//! The OSCAL documents of each day, in the platform's log of who did what: the hash of the day's bundle. From then on nobody puts
//! another one in its place unseen, whoever has the rights to its ConfigMap.
//!
//! An entry is named by its day, as the posture's ([`crate::posture_record`]): brought again it is the same one, and a bundle that is
//! another one now is refused by the log. Not here: the bundles (`dmp-evaluator`), which of them are kept.

use std::collections::BTreeSet;

use dmp_api::names::EVIDENCE_NAMESPACE;
use dmp_client::acts::{Act, RecordError};
use dmp_core::problem::Chain;
use dmp_policies::oscal::kept::{self, Bundle, Damaged, HASH, TEXT};
use jiff::civil::Date;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use tokio::time::sleep;

use crate::acts::{self, ActLog};
use crate::posture_record::{PERIOD, RETRY, rewritten};

/// Days that are brought after a start or a silence.
const MOST: usize = 31;

/// Brings the days for ever.
pub async fn run(client: Client, log: ActLog) {
    let mut brought = None;
    loop {
        let pause = if bring(&client, &log, &mut brought).await {
            PERIOD
        } else {
            RETRY
        };
        sleep(pause).await;
    }
}

/// Brings the days after `brought`; whether none waits.
pub async fn bring(client: &Client, log: &ActLog, brought: &mut Option<Date>) -> bool {
    let api = Api::<ConfigMap>::namespaced(client.clone(), EVIDENCE_NAMESPACE);
    let unread = |error: &kube::Error| {
        tracing::warn!(error = %Chain(error), "the OSCAL documents of the days cannot be read for the log");
    };
    // By their names: what they hold is large, and read once.
    let names = match api.list_metadata(&ListParams::default()).await {
        Ok(names) => names.items.into_iter().map(|one| one.name_any()),
        Err(error) => {
            unread(&error);
            return false;
        }
    };
    for day in due(names, *brought) {
        let object = match api.get_opt(&kept::name(day)).await {
            Ok(object) => object,
            Err(error) => {
                unread(&error);
                return false;
            }
        };
        if let Some(object) = object
            && !record(log, day, &object).await
        {
            return false;
        }
        *brought = Some(day);
    }
    true
}

/// Whether nothing of the day waits.
async fn record(log: &ActLog, day: Date, object: &ConfigMap) -> bool {
    let act = match act(day, object) {
        Ok(act) => act,
        Err(damaged) => {
            rewritten();
            tracing::error!(%day, %damaged, "the OSCAL documents of a day were changed by somebody else");
            return true;
        }
    };
    match log.record(&act).await {
        Ok(()) => true,
        Err(error) if error.is_final() => {
            if matches!(error, acts::Error::Record(RecordError::Conflict)) {
                rewritten();
                tracing::error!(%day, "the OSCAL documents of a day were rewritten: the log has others of this day");
            }
            true
        }
        Err(_) => false,
    }
}

/// The newest days after `brought`, from old to new.
fn due(names: impl Iterator<Item = String>, brought: Option<Date>) -> Vec<Date> {
    let days: BTreeSet<Date> = names.filter_map(|name| kept::day(&name)).collect();
    let mut days: Vec<_> = days
        .into_iter()
        .filter(|day| brought.is_none_or(|brought| *day > brought))
        .collect();
    days.drain(..days.len().saturating_sub(MOST));
    days
}

/// What the log is told: of what is there, not of what it says of itself.
fn act(day: Date, object: &ConfigMap) -> Result<Act, Damaged> {
    let data = object.data.as_ref().and_then(|data| data.get(HASH));
    let hash = data.ok_or(Damaged::Hash)?;
    let binary = object.binary_data.as_ref().and_then(|data| data.get(TEXT));
    let bundle = Bundle::unpack(&binary.ok_or(Damaged::Gzip)?.0, hash)?;
    let facts = [("sha256", hash.clone()), ("report", bundle.report)];
    Ok(Act {
        id: format!("oscal/{day}"),
        who: "operator".to_owned(),
        operation: "compliance/oscal".to_owned(),
        resource: "ConfigMap".to_owned(),
        object: format!("{EVIDENCE_NAMESPACE}/{}", kept::name(day)),
        outcome: "done".to_owned(),
        facts: facts.map(|(name, value)| (name.to_owned(), vec![value])).into(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jiff::civil::date;
    use k8s_openapi::ByteString;

    use super::*;

    const DAY: Date = date(2026, 12, 2);

    fn object(report: &str) -> ConfigMap {
        let bundle = Bundle {
            platform: "national".to_owned(),
            platform_uid: "7c0b4b8e-6d2f-4a56-9f2b-0f1f6c8a1a11".to_owned(),
            at: "2026-12-02T00:00:10Z".parse().unwrap(),
            report: report.repeat(64),
            documents: Vec::new(),
        };
        let packed = bundle.pack().unwrap();
        ConfigMap {
            data: Some([(HASH.to_owned(), packed.sha256)].into()),
            binary_data: Some([(TEXT.to_owned(), ByteString(packed.gzip))].into()),
            ..ConfigMap::default()
        }
    }

    #[test]
    fn the_days_that_the_log_does_not_have_are_due_from_old_to_new() {
        let names = || {
            let days = (1..=40).map(|day| kept::name(date(2026, 11, 1) + jiff::Span::new().days(day)));
            days.rev()
                .chain(["posture-2026".to_owned(), "oscal-x".to_owned()])
        };
        assert_eq!(due(names(), None).len(), MOST);
        assert_eq!(due(names(), None).last(), Some(&date(2026, 12, 11)));
        assert_eq!(
            due(names(), Some(date(2026, 12, 9))),
            [date(2026, 12, 10), date(2026, 12, 11)]
        );
        assert!(due(names(), Some(date(2026, 12, 11))).is_empty());
    }

    #[test]
    fn an_entry_is_named_by_its_day_and_tells_the_hash_of_what_is_there() {
        let entry = act(DAY, &object("a")).unwrap();
        assert_eq!(entry.check(), Ok(()));
        assert_eq!(
            (entry.id.as_str(), entry.object.as_str()),
            ("oscal/2026-12-02", "dmp-evidence/oscal-2026-12-02")
        );
        assert_eq!(
            entry,
            act(DAY, &object("a")).unwrap(),
            "the same day is the same entry"
        );
        let other = act(DAY, &object("b")).unwrap();
        assert_eq!(other.id, entry.id);
        assert_ne!(
            other.facts, entry.facts,
            "with other words, which the log refuses"
        );
        // A hash that is not of what is there is not brought.
        let mut changed = object("a");
        changed.binary_data = object("b").binary_data;
        assert_eq!(act(DAY, &changed), Err(Damaged::Hash));
        changed.binary_data = None;
        assert_eq!(act(DAY, &changed), Err(Damaged::Gzip));
        changed.data = None;
        assert_eq!(act(DAY, &changed), Err(Damaged::Hash));
    }
}
