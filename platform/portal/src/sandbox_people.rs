//! Log-ins of the invented people of a sandbox, made at the guichet for the software of their realm.
//!
//! What such a log-in opens is decided by the gateway: nothing but sandbox software of the same realm ([`dmp_client::sandbox`]).

use dmp_client::sandbox::{AUDIENCE, KEY, LIFETIME_SECONDS, LogIn, issuer};
use dmp_core::ids::Identifier;
use dmp_homologation::jws::Unsigned;
use dmp_keys::{Client, Signer};
use jiff::Timestamp;

/// `typ` of the tokens.
const TYPE: &str = "JWT";

/// Why there is no log-in.
#[derive(Debug, thiserror::Error)]
pub enum SandboxPeopleError {
    #[error(
        "OpenBao does not sign with its key `{KEY}`: an older installation gets it as docs/homologation.md says"
    )]
    Missing,
    #[error("OpenBao changes its key `{KEY}` at this moment")]
    Changing,
    #[error("OpenBao did not sign")]
    OpenBao(#[from] dmp_keys::openbao::Error),
}

/// An invented person. No `Debug`, as for real people.
#[derive(Clone)]
pub enum SandboxPerson {
    /// By INPE.
    Professional(String),
    /// By an identifier that the registry knows in the realm.
    Patient(Identifier),
}

/// Signs log-ins.
pub struct SandboxPeople {
    signer: Signer,
    issuer: String,
}

impl SandboxPeople {
    /// `platform_issuer`: `issuer` of `[service]`, as the gateway has it.
    pub fn new(openbao: Client, platform_issuer: &str) -> Self {
        Self {
            signer: Signer::new(openbao, KEY),
            issuer: issuer(platform_issuer),
        }
    }

    /// An id token, good for five minutes.
    ///
    /// # Errors
    /// When OpenBao does not sign.
    pub async fn token(&self, realm: &str, person: &SandboxPerson) -> Result<String, SandboxPeopleError> {
        let log_in = self.log_in(realm, person, Timestamp::now());
        let payload = serde_json::to_vec(&log_in).unwrap_or_default();
        let keys = match self.signer.public_keys().await {
            Err(error) if is_absent(&error) => return Err(SandboxPeopleError::Missing),
            keys => keys?,
        };
        let (newest, _) = keys.last().ok_or(SandboxPeopleError::Missing)?;
        let unsigned = |kid: &str| Unsigned::new(TYPE, kid, &payload);
        let signed = self.signer.sign_naming(newest, unsigned, Unsigned::message);
        let (unsigned, signature) = signed.await?.ok_or(SandboxPeopleError::Changing)?;
        Ok(unsigned.compact(&signature.bytes))
    }

    fn log_in(&self, realm: &str, person: &SandboxPerson, now: Timestamp) -> LogIn {
        let (sub, inpe, patient_identifier) = match person {
            SandboxPerson::Professional(inpe) => (inpe.clone(), Some(inpe.clone()), None),
            SandboxPerson::Patient(identifier) => (identifier.value.clone(), None, Some(identifier.clone())),
        };
        let iat = now.as_second();
        LogIn {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub,
            iat,
            exp: iat + LIFETIME_SECONDS,
            realm: realm.to_owned(),
            inpe,
            patient_identifier,
        }
    }
}

/// OpenBao answers 404 or 400 for a key that is not there, and 403 when the policy is older than the key.
fn is_absent(error: &dmp_keys::openbao::Error) -> bool {
    use dmp_keys::openbao::Error;
    error.is_not_found()
        || matches!(
            error,
            Error::Forbidden { .. } | Error::Rejected { status: 400, .. }
        )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_api::catalogue::PublicKey;
    use dmp_homologation::jws;
    use dmp_testkit::Bao;

    use super::*;

    #[tokio::test]
    async fn a_log_in_names_the_person_and_the_realm_and_is_signed_by_the_key_of_keys_json() {
        let bao = Bao::shared();
        let client = Client::root(&bao.config(None)).unwrap();
        let people = SandboxPeople::new(client, "https://gateway.dmp.test/");
        let public = bao.public_key(None, KEY).await;
        let keys = [PublicKey {
            kid: public.kid,
            x: public.x,
        }];
        let opened = async |person: SandboxPerson| -> LogIn {
            let token = people.token("a-1", &person).await.unwrap();
            serde_json::from_slice(&jws::verify(&token, TYPE, &keys).unwrap()).unwrap()
        };
        let doctor = opened(SandboxPerson::Professional("100000001".to_owned())).await;
        assert_eq!(doctor.iss, "https://gateway.dmp.test/sandbox");
        assert_eq!((doctor.realm.as_str(), doctor.aud.as_str()), ("a-1", AUDIENCE));
        assert_eq!(
            (doctor.sub.as_str(), doctor.inpe.as_deref()),
            ("100000001", Some("100000001"))
        );
        assert!(doctor.patient_identifier.is_none());
        assert_eq!(doctor.exp - doctor.iat, LIFETIME_SECONDS);
        let identifier = Identifier {
            system: "https://dmp.ma/sid/cnie".to_owned(),
            value: "XT1".to_owned(),
        };
        let patient = opened(SandboxPerson::Patient(identifier.clone())).await;
        assert!(patient.inpe.is_none() && patient.patient_identifier == Some(identifier));
    }

    #[tokio::test]
    async fn without_the_key_there_is_no_log_in() {
        let bao = Bao::shared();
        let mut config = bao.config(None);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(
            &path,
            bao.token(
                None,
                "path \"transit/sign/label\" { capabilities = [\"update\"] }",
            )
            .await,
        )
        .unwrap();
        config.auth = dmp_core::config::OpenBaoAuth::TokenFile { path };
        let people = SandboxPeople::new(Client::root(&config).unwrap(), "https://gateway.dmp.test");
        let person = SandboxPerson::Professional("100000001".to_owned());
        assert!(matches!(
            people.token("a-1", &person).await,
            Err(SandboxPeopleError::Missing)
        ));
    }
}
