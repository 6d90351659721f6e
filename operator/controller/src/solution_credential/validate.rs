//! Step 2: do the names exist and belong together, is the request usable? Pure.

use dmp_api::gateway_quota::QuotaInForce;
use dmp_api::names::credential_uri;
use dmp_api::{Mode, SolutionCredential};
use dmp_homologation::installation;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::csr;
use super::dereference::Found;
use crate::gateway_quota;
use crate::solution_revocation::validate::closes;
use crate::status;

/// Why no certificate is signed, until somebody does something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no Platform `national`: apply it first")]
    NoPlatform,
    #[error("there is no Solution `{0}` in this namespace: apply it, or correct spec.solution")]
    NoSolution(String),
    #[error("no SolutionVersion of `{solution}` has version `{version}`: apply it, or correct spec.version")]
    NoVersion { solution: String, version: String },
    #[error("there is no HealthGroup `{0}`: apply it, or correct spec.healthGroup")]
    NoGroup(String),
    #[error("the group's mode is `{group}`, the credential's `{own}`: they are the same")]
    Mode { group: &'static str, own: &'static str },
    #[error("version `{0}` is not homologated: look at its SolutionHomologation, or use mode `sandbox`")]
    NotHomologated(String),
    #[error("a product of kind `{0}` names its establishment and the establishment's group")]
    EstablishmentMissing(&'static str),
    #[error("a product of kind `{0}` has no establishment: remove spec.establishment and spec.healthGroup")]
    EstablishmentGiven(&'static str),
    #[error("revoked by SolutionRevocation `{0}`")]
    Revoked(String),
    #[error("spec.csr is not usable: {0}")]
    Csr(&'static str),
    #[error(
        "the homologation of version `{0}` names no installation key: submit another cycle with spec.installationKey"
    )]
    InstallationKeyMissing(String),
    #[error(
        "no installation statement: sign one (`dmpctl solution sign-installation`) and set spec.installation"
    )]
    InstallationMissing,
    #[error("spec.installation opens nothing here: {0}")]
    Installation(#[from] installation::Invalid),
    #[error("spec.installation is not newer than the statement that was accepted before: sign another one")]
    InstallationSuperseded,
    #[error(
        "spec.installation was signed more than a week before this credential was created: sign another one"
    )]
    InstallationOutdated,
}

impl status::Refusal for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::NoPlatform => "PlatformNotFound",
            Self::NoSolution(_) => "SolutionNotFound",
            Self::NoVersion { .. } => "VersionNotFound",
            Self::NoGroup(_) => "HealthGroupNotFound",
            Self::Mode { .. } => "ModeMismatch",
            Self::NotHomologated(_) => "NotHomologated",
            Self::EstablishmentMissing(_) => "EstablishmentMissing",
            Self::EstablishmentGiven(_) => "EstablishmentNotAllowed",
            Self::Revoked(_) => "Revoked",
            Self::Csr(_) => super::INVALID_CSR,
            Self::InstallationKeyMissing(_) => "InstallationKeyMissing",
            Self::InstallationMissing => "InstallationMissing",
            Self::Installation(invalid) => invalid.reason(),
            Self::InstallationSuperseded => "InstallationSuperseded",
            Self::InstallationOutdated => "InstallationOutdated",
        }
    }
}

/// What the certificate there is may do, whatever is asked for next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entitled {
    /// Production: what the homologation opens.
    pub scopes: Option<Vec<String>>,
    /// What the gateway lets it send.
    pub quota: Option<QuotaInForce>,
}

/// A refusal, and what the present certificate keeps when only the next one is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub refusal: Refusal,
    pub entitled: Option<Box<Entitled>>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            entitled: None,
        }
    }
}

/// A credential that may have a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Valid {
    pub domain: String,
    pub namespace: String,
    pub name: String,
    /// How long a certificate that is signed now lives.
    pub life: SignedDuration,
    pub entitled: Entitled,
    /// SHA-256 of the request's key (SubjectPublicKeyInfo, DER), hex.
    pub key_sha256: String,
    /// Production: the vendor's key for installations, as the homologation names it.
    pub installation_key: Option<String>,
}

/// Life of a certificate for synthetic people.
const SANDBOX_LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Life of a production certificate: so often the homologation is looked at again, whatever happens.
const PRODUCTION_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// # Errors
/// The first reason why not.
pub fn validate(credential: &SolutionCredential, found: &Found, now: Timestamp) -> Result<Valid, Refused> {
    let spec = &credential.spec;
    if let Some(revocation) = found
        .revocations
        .iter()
        .find(|revocation| closes(&revocation.spec, credential))
    {
        return Err(Refusal::Revoked(revocation.name_any()).into());
    }
    let platform = found.platform.as_ref().ok_or(Refusal::NoPlatform)?;
    let solution = found
        .solution
        .as_ref()
        .ok_or_else(|| Refusal::NoSolution(spec.solution.clone()))?;
    let named = |version: &dmp_api::SolutionVersion| {
        version.spec.solution == spec.solution && version.spec.version == spec.version
    };
    if !found.versions.iter().any(named) {
        return Err(Refusal::NoVersion {
            solution: spec.solution.clone(),
            version: spec.version.clone(),
        }
        .into());
    }
    let kind = solution.spec.kind;
    match (&spec.establishment, &spec.health_group, kind.has_establishment()) {
        (Some(_), Some(name), true) => {
            let group = found
                .group
                .as_ref()
                .ok_or_else(|| Refusal::NoGroup(name.clone()))?;
            if group.spec.mode != spec.mode {
                return Err(Refusal::Mode {
                    group: group.spec.mode.as_str(),
                    own: spec.mode.as_str(),
                }
                .into());
            }
        }
        (_, _, true) => return Err(Refusal::EstablishmentMissing(kind.as_str()).into()),
        (None, None, false) => {}
        (_, _, false) => return Err(Refusal::EstablishmentGiven(kind.as_str()).into()),
    }
    let (life, scopes, installation_key) = match spec.mode {
        Mode::Sandbox => (SANDBOX_LIFE, None, None),
        Mode::Production => {
            let open = found
                .dossier
                .as_ref()
                .and_then(|dossier| dossier.open(&spec.solution, &spec.version, now));
            let (homologation, standing) =
                open.ok_or_else(|| Refusal::NotHomologated(spec.version.clone()))?;
            // No certificate outlives the homologation.
            let left = standing
                .until
                .map_or(SignedDuration::ZERO, |until| until.duration_since(now));
            (
                PRODUCTION_LIFE.min(left),
                Some(standing.scopes.into_iter().collect()),
                homologation.spec.installation_key.clone(),
            )
        }
    };
    let namespace = credential.namespace().unwrap_or_default();
    let own = credential_uri(&platform.spec.domain, &namespace, &credential.name_any());
    let entitled = Entitled {
        scopes,
        quota: gateway_quota::of_credential(&platform.spec.gateway.quotas, kind),
    };
    let inpe = spec
        .establishment
        .as_ref()
        .map(|establishment| establishment.inpe.as_str());
    let key_sha256 = csr::check(&spec.csr, &own, inpe).map_err(|what| Refused {
        refusal: Refusal::Csr(what),
        entitled: Some(Box::new(entitled.clone())),
    })?;
    Ok(Valid {
        domain: platform.spec.domain.clone(),
        namespace,
        name: credential.name_any(),
        life,
        entitled,
        key_sha256,
        installation_key,
    })
}
