//! One round: the logs that there must be, and what is stored of each.
//!
//! What cannot be asked fails the round: half of the logs are not all of them. A log of which there is no copy is a store that lacks
//! everything.

use dmp_api::log_stores::{Observation, Store};
use dmp_api::names::{NATIONAL_DATABASES, PLATFORM, group_log_origin, national_log_origin};
use dmp_api::{HealthGroup, Platform};
use dmp_client::kept::{Answer, KeptError, Question, Reader};
use dmp_homologation::system::day;
use jiff::Timestamp;
use kube::{Api, Client, ResourceExt as _};

use crate::acts;
use crate::apply::ApplyError;
use crate::health_group::has_a_plane;
use crate::pages;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the Platform or the groups cannot be listed")]
    Kubernetes(#[from] kube::Error),
    #[error("there is no Platform yet, and so no log")]
    NoPlatform,
    #[error("audit cannot be asked yet")]
    Closed(#[from] acts::Error),
    #[error("audit does not say what it has of log `{log}` (is it of this release, and ready?)")]
    Kept {
        log: String,
        #[source]
        source: KeptError,
    },
    #[error("audit does not come to the end of log `{0}`")]
    Endless(String),
    #[error(transparent)]
    Written(#[from] ApplyError),
}

/// Everything that is stored now.
///
/// # Errors
/// When the API server or `audit` does not answer, or refuses.
pub async fn look(client: &Client, audit: &Reader, now: Timestamp) -> Result<Observation, Error> {
    let mut stores = Vec::new();
    for (name, log) in logs(client).await? {
        stores.push(store(audit, name, log).await?);
    }
    Ok(Observation::new(now, stores))
}

/// Names and origins of the logs that there must be.
async fn logs(client: &Client) -> Result<Vec<(String, String)>, Error> {
    let platforms = Api::<Platform>::all(client.clone());
    let platform = platforms.get_opt(PLATFORM).await?.ok_or(Error::NoPlatform)?;
    let domain = platform.spec.domain;
    let national = |service| {
        (
            format!("national/{service}"),
            national_log_origin(&domain, service),
        )
    };
    let mut logs: Vec<_> = NATIONAL_DATABASES.into_iter().map(national).collect();
    let groups = Api::<HealthGroup>::all(client.clone());
    pages::each(&groups, |group| {
        if has_a_plane(group) {
            let name = group.name_any();
            let origin = group_log_origin(&domain, &name);
            logs.push((format!("{name}/records"), origin));
        }
    })
    .await?;
    Ok(logs)
}

/// What is stored of a log, all of it looked through.
async fn store(audit: &Reader, name: String, log: String) -> Result<Store, Error> {
    let mut question = Question { log, from: 0 };
    let (mut gaps, mut first) = (0_u64, None);
    loop {
        let answer = audit.ask(&question).await;
        let answer = answer.map_err(|source| Error::Kept {
            log: question.log.clone(),
            source,
        })?;
        let Some(answer) = answer else {
            return Ok(Store::absent(name));
        };
        gaps = gaps.saturating_add(answer.holes);
        let next = answer.next;
        first.get_or_insert(answer);
        match next {
            Some(next) if next > question.from => question.from = next,
            Some(_) => return Err(Error::Endless(question.log)),
            None => break,
        }
    }
    Ok(match first {
        Some(answer) => kept(name, &answer, gaps),
        None => Store::absent(name),
    })
}

/// From the first answer about a log.
fn kept(name: String, answer: &Answer, gaps: u64) -> Store {
    let first = answer.first.as_ref();
    let written = first.and_then(|first| Some((first.index, first.at?)));
    let empty = answer.size == Some(0) && first.is_none();
    Store {
        name,
        oldest: written.map(|(_, at)| day(at)),
        whole: empty || written.is_some_and(|(index, _)| index == 0),
        gaps,
    }
}

#[cfg(test)]
mod tests {
    use dmp_client::kept::First;
    use jiff::civil::{Date, date};

    use super::*;

    fn said(size: Option<u64>, first: Option<(u64, Option<&str>)>) -> (Option<Date>, bool) {
        let first = first.map(|(index, at)| First {
            index,
            at: at.map(|at| at.parse().unwrap()),
        });
        let answer = Answer {
            size,
            first,
            holes: 0,
            next: None,
        };
        let store = kept("national/registry".to_owned(), &answer, 0);
        (store.oldest, store.whole)
    }

    #[test]
    fn only_a_first_entry_that_is_signed_makes_a_log_whole() {
        let at = Some("2026-01-02T23:59:59Z");
        let day = Some(date(2026, 1, 2));
        assert_eq!(said(Some(7), Some((0, at))), (day, true));
        assert_eq!(said(Some(7), Some((3, at))), (day, false));
        assert_eq!(said(Some(7), Some((0, None))), (None, false));
        assert_eq!(said(None, Some((0, None))), (None, false));
        // Nothing was ever written, or all of it was taken away.
        assert_eq!(said(Some(0), None), (None, true));
        assert_eq!(said(Some(7), None), (None, false));
        assert_eq!(said(None, None), (None, false));
    }
}
