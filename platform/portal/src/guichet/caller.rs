//! Who asks, and for whom they may speak.

use axum::extract::FromRequestParts;
use dmp_api::body::Role;
use dmp_api::names::PLATFORM;
use dmp_api::vendor::Member;
use dmp_api::{Platform, Vendor};
use dmp_client::guichet::{PERSON_HEADER, Person};
use dmp_core::correlation::Correlation;
use dmp_core::problem::Problem;
use dmp_homologation::canonical::digest;
use dmp_homologation::guichet::is_label;
use http::StatusCode;
use http::request::Parts;

use crate::acts::Deed;
use crate::app::App;
use crate::cluster::{self, Cluster};

/// A person who has logged in. An extractor: 401 `log-in-required` without one.
pub(crate) struct Caller(Person, Correlation);

/// What a person is to a vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Speaks for it.
    Member,
    /// Of these bodies: sees, and writes nothing.
    Reader(Vec<Role>),
}

impl Caller {
    pub(crate) fn issuer(&self) -> &str {
        &self.0.issuer
    }

    pub(crate) fn subject(&self) -> &str {
        &self.0.subject
    }

    /// As an object names them.
    pub(crate) fn as_member(&self) -> Member {
        Member {
            issuer: self.0.issuer.clone(),
            subject: self.0.subject.clone(),
        }
    }

    /// The same person always, and no name: for annotations and logs.
    pub(crate) fn mark(&self) -> String {
        let text = format!("{}\n{}", self.0.issuer, self.0.subject);
        digest(text.as_bytes()).chars().take(32).collect()
    }

    pub(crate) fn is_among(&self, members: &[Member]) -> bool {
        members
            .iter()
            .any(|member| member.issuer == self.0.issuer && member.subject == self.0.subject)
    }

    /// The vendor, for one of its members.
    ///
    /// # Errors
    /// 404 `no-such-vendor` for everybody else: who has signed up is nobody's business.
    pub(crate) async fn member_of(&self, cluster: &Cluster, vendor: &str) -> Result<Vendor, Problem> {
        match self.standing(cluster, vendor).await? {
            (found, Standing::Member) => Ok(found),
            (_, Standing::Reader(_)) => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "not-a-member",
                "only members of the vendor may do this",
            )),
        }
    }

    /// The vendor, for its members and for readers of a body.
    ///
    /// # Errors
    /// 404 `no-such-vendor`.
    pub(crate) async fn standing(
        &self,
        cluster: &Cluster,
        vendor: &str,
    ) -> Result<(Vendor, Standing), Problem> {
        let unknown = || {
            Problem::not_found(
                "no-such-vendor",
                "there is no such vendor, or you are none of its people",
            )
        };
        if !is_label(vendor) {
            return Err(unknown());
        }
        let found = cluster::get(&cluster.all::<Vendor>()?, vendor).await;
        let found = found.map_err(|problem| match problem.status {
            StatusCode::NOT_FOUND => unknown(),
            _ => problem,
        })?;
        if self.is_among(&found.spec.members) {
            return Ok((found, Standing::Member));
        }
        let roles = self.reads_for(cluster).await?;
        if roles.is_empty() {
            return Err(unknown());
        }
        Ok((found, Standing::Reader(roles)))
    }

    /// The bodies whose reader they are.
    ///
    /// # Errors
    /// 503.
    pub(crate) async fn reads_for(&self, cluster: &Cluster) -> Result<Vec<Role>, Problem> {
        let platform = match cluster::get(&cluster.all::<Platform>()?, PLATFORM).await {
            Ok(platform) => platform,
            Err(problem) if problem.status == StatusCode::NOT_FOUND => return Ok(Vec::new()),
            Err(problem) => return Err(problem),
        };
        let bodies = platform.spec.bodies.iter();
        let own = bodies.filter(|body| self.is_among(&body.readers));
        Ok(own.map(|body| body.role).collect())
    }

    /// Of the request, for whom is asked next.
    pub(crate) const fn correlation(&self) -> Correlation {
        self.1
    }

    /// The namespace of a vendor's products, for its members and for readers of a body.
    ///
    /// # Errors
    /// 404 `no-such-vendor`, 409 `vendor-not-ready`.
    pub(crate) async fn sees(&self, cluster: &Cluster, vendor: &str) -> Result<String, Problem> {
        let (found, _) = self.standing(cluster, vendor).await?;
        namespace_of(&found)
    }

    /// What they do for a vendor, to be recorded.
    pub(crate) fn deed<'a>(&self, app: &'a App, what: &'static str, vendor: &'a str) -> Deed<'a> {
        Deed {
            log: &app.acts,
            person: Some(self.mark()),
            what,
            vendor,
            correlation: self.1,
        }
    }
}

/// The namespace that the operator gave the vendor. A vendor without one has nothing: a namespace of that name is somebody else's.
///
/// # Errors
/// 409 `vendor-not-ready`.
pub(crate) fn namespace_of(vendor: &Vendor) -> Result<String, Problem> {
    let given = vendor.status.as_ref().and_then(|status| status.namespace.clone());
    given.ok_or_else(|| {
        Problem::conflict(
            "vendor-not-ready",
            "the vendor has no namespace (yet): ask again in a second",
        )
        .with_detail(super::vendors::view(vendor).message.unwrap_or_default())
    })
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Ok(correlation) = Correlation::from_request_parts(parts, app).await;
        let header = parts.headers.get(PERSON_HEADER);
        let person = header
            .and_then(|value| value.to_str().ok())
            .and_then(Person::from_header);
        person.map(|person| Self(person, correlation)).ok_or_else(|| {
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "log-in-required",
                "log in at an issuer of the platform and send its identity token (Authorization: Bearer …)",
            )
        })
    }
}
