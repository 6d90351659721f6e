//! What the operator saw of TLS on the wire, as it leaves it for the evaluator: ConfigMap [`CONFIG_MAP`] in namespace
//! `dmp-evidence`, key [`KEY`], the JSON of an [`Observation`].
//!
//! Names of hosts and ports only. Whether what was seen is good enough is the catalogue's to say (`DMP-CRY-06`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Name of the ConfigMap.
pub const CONFIG_MAP: &str = "tls-probe";
/// Its one key.
pub const KEY: &str = "observation.json";
/// Most endpoints that are written one by one, those first that are not as they should be: an object of the API holds a mebibyte.
pub const LISTED: usize = 1_000;

/// One round of the probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Observation {
    pub observed_at: Timestamp,
    pub endpoints: Vec<Endpoint>,
    /// How many were seen beside those that are listed, all of them good; 0 up to [`LISTED`].
    pub more: usize,
}

/// What an endpoint is to the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A service, for other services: mutual TLS.
    Service,
    /// For software and people.
    Public,
    /// OpenBao or a database: whoever calls shows a token or a password.
    Store,
}

/// What became of the certificates that an endpoint shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chain {
    /// Up to the authority that it must be of, in its time, for the name that was called.
    Verified,
    /// In its time and for the name that was called. Its authority is in a Secret, which the operator does not read.
    NameAndTime,
    /// None of that, or there was none.
    Bad,
}

/// Versions of TLS that are asked for; older ones have not been in a library for years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Version {
    #[serde(rename = "1.0")]
    V1_0,
    #[serde(rename = "1.1")]
    V1_1,
    #[serde(rename = "1.2")]
    V1_2,
    #[serde(rename = "1.3")]
    V1_3,
}

/// What one endpoint showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoint {
    /// `<Service>.<namespace>:<port>`.
    pub name: String,
    pub role: Role,
    /// Offered, oldest first; none when it could not be reached or speaks no TLS.
    pub versions: Vec<Version>,
    pub chain: Chain,
    /// It asked for a client's certificate and ended the connection of one who has none.
    pub asks_for_certificate: bool,
    /// Of its own certificate; neither without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// What is wrong with it, for people; empty when nothing is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

impl Endpoint {
    /// Whether it could be spoken to, by whatever version.
    pub const fn answered(&self) -> bool {
        !self.versions.is_empty()
    }

    /// Whether it offers no version that this release would not offer itself, shows what it must, and lets nobody in without a
    /// certificate who needs one.
    pub fn is_good(&self) -> bool {
        self.answered()
            && self.versions.iter().all(|version| *version >= Version::V1_2)
            && self.chain != Chain::Bad
            && (self.role != Role::Service || self.asks_for_certificate)
    }
}

impl Observation {
    /// `endpoints` in any order.
    pub fn new(observed_at: Timestamp, mut endpoints: Vec<Endpoint>) -> Self {
        endpoints.sort_by(|one, other| {
            let key = |endpoint: &Endpoint| endpoint.is_good();
            key(one).cmp(&key(other)).then_with(|| one.name.cmp(&other.name))
        });
        // What does not fit and is not good is left out as well: those that are listed say enough.
        let listed = endpoints.len().min(LISTED);
        let more = endpoints[listed..].iter().filter(|one| one.is_good()).count();
        endpoints.truncate(LISTED);
        Self {
            observed_at,
            endpoints,
            more,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(name: &str) -> Endpoint {
        Endpoint {
            name: name.to_owned(),
            role: Role::Service,
            versions: vec![Version::V1_3],
            chain: Chain::Verified,
            asks_for_certificate: true,
            not_before: Some(Timestamp::UNIX_EPOCH),
            not_after: Some(Timestamp::UNIX_EPOCH),
            why: String::new(),
        }
    }

    #[test]
    fn an_endpoint_is_good_by_all_that_it_showed() {
        let with = |change: &dyn Fn(&mut Endpoint)| {
            let mut one = good("records.dmp-a:8443");
            change(&mut one);
            one.is_good()
        };
        assert!(with(&|_| {}));
        assert!(with(&|one| one.versions.insert(0, Version::V1_2)));
        assert!(with(&|one| one.chain = Chain::NameAndTime));
        assert!(!with(&|one| one.versions.clear()));
        assert!(!with(&|one| one.versions.insert(0, Version::V1_1)));
        assert!(!with(&|one| one.chain = Chain::Bad));
        assert!(!with(&|one| one.asks_for_certificate = false));
        for role in [Role::Public, Role::Store] {
            assert!(with(&|one| (one.role, one.asks_for_certificate) = (role, false)));
        }
    }

    #[test]
    fn of_thousands_those_are_listed_that_are_not_good() {
        let mut all: Vec<_> = (0..LISTED + 7).map(|at| good(&format!("a-{at:05}"))).collect();
        all.last_mut().unwrap().versions.clear();
        let observation = Observation::new(Timestamp::UNIX_EPOCH, all);
        assert_eq!((observation.endpoints.len(), observation.more), (LISTED, 7));
        assert_eq!(observation.endpoints[0].name, format!("a-{:05}", LISTED + 6));
        let text = serde_json::to_string(&observation).unwrap();
        assert!(text.len() < 500_000, "{}", text.len());
        assert_eq!(serde_json::from_str::<Observation>(&text).unwrap(), observation);
        assert!(
            text.contains(r#""versions":["1.3"],"chain":"verified""#),
            "{}",
            &text[..500]
        );
    }
}
