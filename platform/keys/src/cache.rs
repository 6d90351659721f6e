//! A bounded cache of opened data keys with an age limit; entries are cleared when they leave.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::aead::DataKey;

/// Opened keys by patient. All entries have the same age limit, so the order of arrival is the order of expiry.
pub(crate) struct KeyCache {
    max_entries: usize,
    max_age: Duration,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    keys: HashMap<Uuid, (Instant, Arc<DataKey>)>,
    arrivals: VecDeque<(Instant, Uuid)>,
}

impl KeyCache {
    pub(crate) fn new(max_entries: usize, max_age: Duration) -> Self {
        Self {
            max_entries,
            max_age,
            inner: Mutex::default(),
        }
    }

    pub(crate) fn get(&self, patient: &Uuid, now: Instant) -> Option<Arc<DataKey>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, key) = inner.keys.get(patient)?;
        (now.duration_since(*since) < self.max_age).then(|| Arc::clone(key))
    }

    pub(crate) fn put(&self, patient: Uuid, key: Arc<DataKey>, now: Instant) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.keys.insert(patient, (now, key));
        inner.arrivals.push_back((now, patient));
        self.drop_old(&mut inner, now);
    }

    /// Clears what is too old, also when nobody asks any more.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        self.drop_old(&mut inner, now);
    }

    pub(crate) fn clear(&self) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        *inner = Inner::default();
    }

    fn drop_old(&self, inner: &mut Inner, now: Instant) {
        while let Some((since, patient)) = inner.arrivals.front().copied() {
            let expired = now.duration_since(since) >= self.max_age;
            if !expired && inner.arrivals.len() <= self.max_entries {
                break;
            }
            inner.arrivals.pop_front();
            // A key that was put again later has a younger arrival of its own.
            if inner.keys.get(&patient).is_some_and(|(at, _)| *at == since) {
                inner.keys.remove(&patient);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::secret::Key256;

    fn key() -> Arc<DataKey> {
        Arc::new(DataKey::new(
            Uuid::new_v4(),
            "test".into(),
            Uuid::nil(),
            Key256::from_bytes([1; 32]),
        ))
    }

    #[test]
    fn keys_leave_by_age_and_by_number() {
        let cache = KeyCache::new(2, Duration::from_secs(10));
        let start = Instant::now();
        let ids: Vec<Uuid> = (0..3).map(|_| Uuid::new_v4()).collect();
        for (n, id) in ids.iter().enumerate() {
            cache.put(*id, key(), start + Duration::from_secs(n as u64));
        }
        let now = start + Duration::from_secs(3);
        assert!(cache.get(&ids[0], now).is_none(), "the oldest made room");
        assert!(cache.get(&ids[1], now).is_some() && cache.get(&ids[2], now).is_some());
        let later = start + Duration::from_secs(11);
        assert!(cache.get(&ids[1], later).is_none(), "too old");
        cache.sweep(later);
        assert_eq!(cache.inner.lock().unwrap().keys.len(), 1);
        cache.clear();
        assert!(cache.get(&ids[2], later).is_none());
    }

    #[test]
    fn a_key_put_again_stays() {
        let cache = KeyCache::new(8, Duration::from_secs(10));
        let start = Instant::now();
        let id = Uuid::new_v4();
        cache.put(id, key(), start);
        cache.put(id, key(), start + Duration::from_secs(8));
        cache.sweep(start + Duration::from_secs(11));
        assert!(cache.get(&id, start + Duration::from_secs(11)).is_some());
    }
}
