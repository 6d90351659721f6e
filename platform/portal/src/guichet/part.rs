//! Lists come in parts: how many entries, and from where. The API server's own `limit` and `continue`, within bounds; what a `continue`
//! says is the API server's to verify, and leads to no other list than the one that is asked.

use axum::extract::{FromRequestParts, Query};
use dmp_core::problem::Problem;
use dmp_homologation::guichet::{Entries, LARGEST_PART, PART, Part};
use http::request::Parts;
use kube::Api;

use super::entry;
use crate::app::App;
use crate::cluster::{self, Object, part_not_valid};

/// Longest `continue`, in bytes.
const LONGEST: usize = 2048;

/// The part that a request asks for. An extractor: 400 `part-not-valid`.
pub(super) struct Asked {
    limit: u32,
    from: Option<String>,
}

impl Asked {
    /// That part of the objects.
    ///
    /// # Errors
    /// As [`cluster::part`].
    pub(super) async fn of<K: Object>(&self, api: &Api<K>) -> Result<(Vec<K>, Option<String>), Problem> {
        cluster::part(api, self.limit, self.from.as_deref()).await
    }

    /// That part of the objects, of those that are wanted.
    ///
    /// # Errors
    /// As [`cluster::part`].
    pub(super) async fn entries<K: Object>(
        &self,
        api: &Api<K>,
        wanted: impl Fn(&K) -> bool,
    ) -> Result<Entries, Problem> {
        let (objects, next) = self.of(api).await?;
        let wanted = objects.iter().filter(|object| wanted(object));
        Ok(Entries {
            entries: wanted.map(entry).collect(),
            next,
        })
    }
}

impl TryFrom<Part> for Asked {
    type Error = Problem;

    fn try_from(part: Part) -> Result<Self, Problem> {
        let limit = part.limit.unwrap_or(PART);
        let is_short = |from: &String| from.len() <= LONGEST;
        if !(1..=LARGEST_PART).contains(&limit) || !part.from.as_ref().is_none_or(is_short) {
            return Err(part_not_valid());
        }
        Ok(Self {
            limit,
            from: part.from,
        })
    }
}

impl FromRequestParts<App> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Problem> {
        let asked: Query<Part> = Query::try_from_uri(&parts.uri).map_err(|_| part_not_valid())?;
        asked.0.try_into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn asked(query: &str) -> Result<(u32, Option<String>), &'static str> {
        let uri = format!("/guichet/v1/vendors/a/runs{query}").parse().unwrap();
        let part = Query::<Part>::try_from_uri(&uri).map_err(|_| "part-not-valid")?;
        let asked = Asked::try_from(part.0).map_err(|problem| problem.code)?;
        Ok((asked.limit, asked.from))
    }

    #[test]
    fn a_part_has_its_bounds() {
        assert_eq!(asked(""), Ok((100, None)));
        assert_eq!(asked("?limit=1"), Ok((1, None)));
        assert_eq!(
            asked("?limit=500&continue=a%3D"),
            Ok((500, Some("a=".to_owned())))
        );
        let endless = format!("?continue={}", "a".repeat(LONGEST + 1));
        for refused in [
            "?limit=0",
            "?limit=501",
            "?limit=-1",
            "?limit=x",
            "?limit=",
            "?limit=1&limit=2",
            "?offset=1",
            "?labelSelector=a",
            &endless,
        ] {
            assert_eq!(asked(refused), Err("part-not-valid"), "{refused}");
        }
    }
}
