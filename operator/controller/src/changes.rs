//! Rings when something has changed in a kind that many others depend on.
//!
//! A predicate of `kube` would hide deletions, and statuses that nobody depends on would ring each time.

use std::collections::BTreeMap;

use futures::{Stream, StreamExt as _};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use crate::guard::Guarded;
use crate::watches::PauseAfterError;

/// Rings when an object of `K` appears, goes, or changes in what `of` says about it, and once after the first list.
pub fn changes<K>(client: &Client, of: fn(&K) -> String) -> impl Stream<Item = ()> + Send + 'static
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
{
    let api = Api::<Guarded<K>>::all(client.clone());
    let events = watcher(api, watcher::Config::default()).backoff(PauseAfterError);
    events
        .scan(Known::default(), move |known, event| {
            let rings = match event {
                Ok(event) => known.take(event, of),
                Err(error) => {
                    tracing::warn!(kind = %K::kind(&()), %error, "cannot be watched");
                    false
                }
            };
            std::future::ready(Some(rings))
        })
        .filter_map(|rings| std::future::ready(rings.then_some(())))
}

/// What is known of the objects of a kind.
#[derive(Debug, Default)]
struct Known {
    objects: BTreeMap<String, Option<String>>,
    /// A list that is under way.
    list: BTreeMap<String, Option<String>>,
    listed: bool,
}

impl Known {
    /// Takes an event in; whether it rings.
    fn take<K: Resource>(&mut self, event: watcher::Event<Guarded<K>>, of: fn(&K) -> String) -> bool {
        // An object that cannot be read says nothing about itself, but it is there.
        let entry = |object: &Guarded<K>| {
            let said = object.0.as_ref().ok().map(of);
            (key(object), said)
        };
        match event {
            watcher::Event::Init => {
                self.list.clear();
                false
            }
            watcher::Event::InitApply(object) => {
                let (key, said) = entry(&object);
                self.list.insert(key, said);
                false
            }
            watcher::Event::InitDone => {
                let list = std::mem::take(&mut self.list);
                let rings = !self.listed || list != self.objects;
                self.objects = list;
                self.listed = true;
                rings
            }
            watcher::Event::Apply(object) => {
                let (key, said) = entry(&object);
                self.objects.get(&key) != Some(&said) && {
                    self.objects.insert(key, said);
                    true
                }
            }
            watcher::Event::Delete(object) => {
                self.objects.remove(&key(&object));
                true
            }
        }
    }
}

fn key<K: Resource>(object: &Guarded<K>) -> String {
    let meta = object.meta();
    format!(
        "{}/{}",
        meta.namespace.as_deref().unwrap_or_default(),
        object.name_any()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_api::Site;
    use kube::runtime::watcher::Event;

    use super::*;

    fn site(name: &str, region: &str, version: &str) -> Guarded<Site> {
        let object = serde_json::json!({
            "metadata": { "name": name, "resourceVersion": version },
            "spec": { "territory": "MA", "region": region },
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn rings_for_what_matters_and_for_deletions() {
        let mut known = Known::default();
        let mut take = |event| known.take(event, |site: &Site| site.spec.region.clone());
        assert!(!take(Event::Init));
        assert!(!take(Event::InitApply(site("a", "MA-01", "1"))));
        assert!(take(Event::InitDone), "the first list");
        assert!(!take(Event::Apply(site("a", "MA-01", "2"))), "a status");
        assert!(take(Event::Apply(site("a", "MA-02", "3"))));
        assert!(take(Event::Apply(site("b", "MA-02", "4"))), "a new one");
        assert!(take(Event::Delete(site("b", "MA-02", "5"))));
        assert!(take(Event::Apply(site("b", "MA-02", "6"))), "it is back");
        assert!(!take(Event::Init));
        assert!(!take(Event::InitApply(site("a", "MA-02", "3"))));
        assert!(take(Event::InitDone), "b went while nobody watched");
        assert!(!take(Event::Init));
        assert!(!take(Event::InitApply(site("a", "MA-02", "3"))));
        assert!(!take(Event::InitDone), "the same again");
    }
}
