//! One read for all who wait for the same: many credentials of one vendor are renewed at once, and each pass needs all that decides
//! about their versions.
//!
//! No pass gets an answer that is older than its question: it takes over only what another one began to read after it had asked. Nothing
//! is kept for later.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Answers of a kind, by key. A clone is the same.
#[derive(Debug)]
pub struct Together<T>(Arc<Mutex<HashMap<String, Cell<T>>>>);

type Cell<T> = Arc<tokio::sync::Mutex<Option<(Instant, Arc<T>)>>>;

impl<T> Default for Together<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Together<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Together<T> {
    /// What `read` answers, or what it answered to somebody who began after this call: then it is not run.
    ///
    /// # Errors
    /// Those of `read`, each to who ran it.
    pub async fn read<E>(&self, key: &str, read: impl Future<Output = Result<T, E>>) -> Result<Arc<T>, E> {
        let asked = Instant::now();
        let cell = Arc::clone(self.cells().entry(key.to_owned()).or_default());
        let answer = {
            let mut held = cell.lock().await;
            match &*held {
                Some((began, answer)) if *began >= asked => Ok(Arc::clone(answer)),
                _ => {
                    let began = Instant::now();
                    let answer = read.await.map(Arc::new);
                    *held = answer.as_ref().ok().map(|answer| (began, Arc::clone(answer)));
                    answer
                }
            }
        };
        self.leave(key, cell);
        answer
    }

    /// The last one puts out the light.
    fn leave(&self, key: &str, cell: Cell<T>) {
        let mut cells = self.cells();
        drop(cell);
        if cells.get(key).is_some_and(|cell| Arc::strong_count(cell) == 1) {
            cells.remove(key);
        }
    }

    fn cells(&self) -> std::sync::MutexGuard<'_, HashMap<String, Cell<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use futures::future::join_all;

    use super::*;

    /// Counts reads; each takes a while and answers its number.
    struct Source(AtomicU32);

    impl Source {
        async fn read(&self) -> Result<u32, Infallible> {
            let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(number)
        }
    }

    #[tokio::test]
    async fn all_who_wait_share_one_read_that_began_after_they_asked() {
        let (together, source) = (Together::<u32>::default(), Source(AtomicU32::new(0)));
        let ask = || together.read("a", source.read());
        let answers = join_all((0..50).map(|_| ask())).await;
        let answers: Vec<u32> = answers.into_iter().map(|answer| *answer.unwrap()).collect();
        assert_eq!(answers.first(), Some(&1), "who came first reads for itself");
        assert!(
            answers.iter().skip(1).all(|answer| *answer == 2),
            "the others asked while that was under way: {answers:?}"
        );
        assert_eq!(*ask().await.unwrap(), 3, "nothing is kept");
        assert!(together.cells().is_empty());
    }

    #[tokio::test]
    async fn keys_do_not_share_and_a_failure_is_only_its_readers() {
        let together = Together::<u32>::default();
        let [a, b] = ["a", "b"].map(|key| {
            let together = together.clone();
            async move {
                together
                    .read(key, async { Ok::<_, Infallible>(key.len() as u32) })
                    .await
            }
        });
        assert_eq!((*a.await.unwrap(), *b.await.unwrap()), (1, 1));
        let failed = together.read("a", async { Err::<u32, _>("no") }).await;
        assert_eq!(failed.unwrap_err(), "no");
        assert_eq!(*together.read("a", async { Ok::<_, &str>(7) }).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_reader_that_is_broken_off_leaves_its_place_to_the_next() {
        let (together, source) = (Together::<u32>::default(), Source(AtomicU32::new(0)));
        let slow = together.read("a", async {
            std::future::pending::<()>().await;
            Ok::<_, Infallible>(0)
        });
        assert!(
            tokio::time::timeout(Duration::from_millis(10), slow)
                .await
                .is_err()
        );
        let next = together.read("a", source.read());
        assert_eq!(*next.await.unwrap(), 1);
        assert!(together.cells().is_empty());
    }
}
