//! `PolicyProfile`: says whether it counts, whole, and how many of its values are in force today; and is where the rest of the
//! operator finds the values that are in force ([`in_force`]). What they mean for a control is the evaluator's to say
//! ([`dmp_evaluator`]), which reads the profile again and believes no status.

use std::borrow::Cow;

use async_trait::async_trait;
use dmp_api::PolicyProfile;
use dmp_api::names::PROFILE;
use dmp_evaluator::profile::profile;
use dmp_policies::profile::{self, Refused, tightened};
use dmp_policies::{Catalogue, day};
use jiff::Timestamp;
use k8s_controller::TraceMetadata;
use kube::{Api, Client};

use crate::control_evidence::CATALOGUE;
use crate::controller::{Context, Kind, Next, normal, warning};
use crate::guard::Guarded;
use crate::status::{self, Verdict};

/// The controller of the profile.
pub struct PolicyProfiles(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("this operator's catalogue of controls cannot be used")]
    NoCatalogue,
    #[error("the profile's status cannot be written")]
    Status(#[from] status::Error),
}

impl status::Refusal for Refused {
    fn reason(&self) -> &'static str {
        self.why.reason()
    }
}

/// The catalogue with the values that are in force on the platform: those of its profile when that counts, else its own. `None` when
/// this operator has no catalogue.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn in_force(client: &Client) -> Result<Option<Cow<'static, Catalogue>>, kube::Error> {
    let Some(catalogue) = CATALOGUE.as_ref() else {
        return Ok(None);
    };
    let api = Api::<Guarded<PolicyProfile>>::all(client.clone());
    // One that cannot be read counts for nothing.
    let written = api
        .get_opt(PROFILE)
        .await?
        .and_then(|Guarded(object)| object.ok());
    let written = written.as_ref().map(profile);
    Ok(Some(profile::in_force(catalogue, written.as_ref())))
}

#[async_trait]
impl Kind for PolicyProfiles {
    type Resource = PolicyProfile;
    type Error = Error;

    const NAME: &'static str = "policy-profile";

    async fn reconcile(&self, object: &PolicyProfile, trace: &mut TraceMetadata) -> Result<Next, Error> {
        let catalogue = CATALOGUE.as_ref().ok_or(Error::NoCatalogue)?;
        let tight = tightened(catalogue, &profile(object));
        let verdict = tight.as_ref().err().map_or(Verdict::Ready, Verdict::stalled);
        let mut new = status::concluded(object, [], &verdict);
        let today = day(Timestamp::now());
        let number = tight.as_ref().map_or(0, |tight| profile::count(tight, today));
        new.in_force = i64::try_from(number).ok();
        let changed = status::write::<Self>(&self.0, object, &new).await?;
        if changed {
            trace
                .publish_event(match &tight {
                    Ok(_) => normal("InForce", format!("{number} stricter values are in force")),
                    Err(refused) => warning(refused.why.reason(), "Reconcile", &refused.to_string()),
                })
                .await;
        }
        Ok(Next::settled_today())
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::NoCatalogue => "CatalogueBroken",
            Error::Status(_) => "StatusFailed",
        }
    }
}
