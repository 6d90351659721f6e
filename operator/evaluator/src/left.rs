//! What the operator measured and left in a ConfigMap of `dmp-evidence`, if it is young enough.
//!
//! What is older than it may be, or from the future, is as if it were not there. Whoever can write the ConfigMap can say what was
//! measured; that is the operator, and who administers the cluster.

use dmp_api::names::EVIDENCE_NAMESPACE;
use dmp_policies::judge::AHEAD;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use serde::de::DeserializeOwned;

use crate::metrics;
use crate::world::{Read, Unread, unread};

/// What is measured, and where it is left.
pub(crate) trait Left: DeserializeOwned {
    /// Of what the world calls it.
    const KIND: &'static str;
    const CONFIG_MAP: &'static str;
    /// Its one key.
    const KEY: &'static str;
    /// Oldest that is used.
    const FRESH: SignedDuration;

    fn observed_at(&self) -> Timestamp;
}

/// What was left last.
pub(crate) async fn read<T: Left>(client: &Client, now: Timestamp) -> Read<T> {
    let api = Api::<ConfigMap>::namespaced(client.clone(), EVIDENCE_NAMESPACE);
    let found = api.get_opt(T::CONFIG_MAP).await;
    let found = found.map_err(|error| unread(T::KIND, &error))?;
    let read = observation::<T>(found, now);
    if let Err(unread) = &read {
        tracing::warn!(kind = unread.kind, why = unread.why, "not read");
    }
    metrics::read(T::KIND, read.is_ok());
    read
}

/// What a ConfigMap holds.
pub(crate) fn observation<T: Left>(found: Option<ConfigMap>, now: Timestamp) -> Read<T> {
    let no = |why: String| Unread { kind: T::KIND, why };
    let found = found.ok_or_else(|| no("the operator has left nothing yet".to_owned()))?;
    let text = found.data.as_ref().and_then(|data| data.get(T::KEY));
    let text = text.ok_or_else(|| no("what the operator left is empty".to_owned()))?;
    let observation: T = serde_json::from_str(text)
        .map_err(|_| no("what the operator left is not what it writes".to_owned()))?;
    let age = now.duration_since(observation.observed_at());
    if age > T::FRESH || age < -AHEAD {
        let why = format!("the operator saw it last at {}", observation.observed_at());
        return Err(no(why));
    }
    Ok(observation)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Seen {
        at: Timestamp,
    }

    impl Left for Seen {
        const KIND: &'static str = "Things";
        const CONFIG_MAP: &'static str = "things";
        const KEY: &'static str = "observation.json";
        const FRESH: SignedDuration = SignedDuration::from_hours(2);

        fn observed_at(&self) -> Timestamp {
            self.at
        }
    }

    fn now() -> Timestamp {
        "2026-12-01T12:00:00Z".parse().unwrap()
    }

    fn left(data: Value) -> Option<ConfigMap> {
        serde_json::from_value(json!({ "metadata": { "name": "things" }, "data": data })).unwrap()
    }

    #[test]
    fn what_is_old_or_of_the_future_is_not_read() {
        let minute = SignedDuration::from_mins(1);
        for (age, read) in [
            (Seen::FRESH, true),
            (Seen::FRESH + minute, false),
            (-minute, true),
            (-2 * minute, false),
        ] {
            let text = json!({ "at": now() - age }).to_string();
            let found = observation::<Seen>(left(json!({ "observation.json": text })), now());
            assert_eq!(found.is_ok(), read, "{age:?}: {found:?}");
        }
    }

    #[test]
    fn what_is_not_the_operators_word_is_not_read() {
        let why = |found| observation::<Seen>(found, now()).unwrap_err().to_string();
        assert_eq!(
            why(None),
            "Things could not be read (the operator has left nothing yet)"
        );
        for data in [
            json!({}),
            json!({ "observation.json": "" }),
            json!({ "observation.json": "{}" }),
            json!({ "observation.json": r#"{"at":"soon"}"# }),
        ] {
            assert!(
                why(left(data.clone())).contains("what the operator left is"),
                "{data}"
            );
        }
    }
}
