//! `SystemHomologation`: says whose word it is, what it says, and why it does not count. Nothing decides by this status: who
//! decides reads the statements again ([`crate::homologated`]).

pub mod dereference;
pub mod update_status;

use async_trait::async_trait;
use dmp_api::SystemHomologation;
use dmp_homologation::signed::Refused;
use jiff::Timestamp;
use k8s_controller::TraceMetadata;
use kube::ResourceExt;

use crate::controller::{Context, Kind, Next};
use crate::homologated::CONDITION;
use crate::solution_homologation::apply::{self, begin};
use crate::status::{self, Fact};

/// The controller of words.
pub struct Words(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("what it is about cannot be read")]
    Dereference(#[from] kube::Error),
    #[error("the word's status cannot be written")]
    Status(#[from] status::Error),
    #[error("the word cannot be published")]
    Publish(#[from] apply::Error),
}

#[async_trait]
impl Kind for Words {
    type Resource = SystemHomologation;
    type Error = Error;

    const NAME: &'static str = "system-homologation";

    async fn reconcile(&self, word: &SystemHomologation, _trace: &mut TraceMetadata) -> Result<Next, Error> {
        let found = dereference::dereference(&self.0, word.spec.health_group.as_deref()).await?;
        let known = found.known(Timestamp::now());
        let own = word.name_any();
        let read = match (&known, &word.spec.health_group) {
            (None, _) => Err(Refused::new(
                "PlatformNotFound",
                "there is no Platform `national`",
            )),
            (Some(known), None) => own_word(known.platform().standing.words.clone(), &own),
            (Some(known), Some(name)) => match &found.group {
                Some(group) => own_word(known.group(group, None).standing.words, &own),
                None => Err(Refused::new(
                    "HealthGroupNotFound",
                    format!("there is no HealthGroup `{name}`"),
                )),
            },
        };
        let says = known.and_then(|known| known.says(&own));
        let counts = read.is_ok();
        update_status::update_status(&self.0, word, says, read).await?;
        if counts {
            begin(&self.0).await?;
        }
        Ok(Next::Settled)
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Status(_) => "StatusFailed",
            Error::Publish(_) => "ApplyFailed",
        }
    }
}

type Counted = Result<dmp_homologation::signed::Signer, Refused>;

fn own_word(words: Vec<(String, Counted)>, own: &str) -> Counted {
    let found = words.into_iter().find(|(name, _)| name == own);
    found.map_or_else(
        || Err(Refused::new("Unreadable", "it cannot be read")),
        |(_, read)| read,
    )
}

/// The condition of a platform or a production group that could not be looked at.
pub fn unreadable() -> Fact {
    let message = "closed: a SystemHomologation cannot be read, and may be a refusal (kubectl get syshom)";
    Fact::new(CONDITION, false, "Unreadable", message)
}
