//! What a replica has seen, and the facts that follow from it. Pure: time is an argument.

use std::collections::{BTreeMap, BTreeSet};

use dmp_api::solution_credential::PreviousCertificate;
use dmp_api::{
    HealthGroup, Mode, Platform, RevocationLift, Site, Solution, SolutionCredential, SolutionRevocation,
    SystemHomologation, Vendor,
};
use dmp_client::facts;
use dmp_core::ids::GroupName;
use jiff::Timestamp;
use k8s_controller::conditions;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Resource, ResourceExt};

use super::gate::{self, Gates};
use super::lifted::Verified;
use super::realm::{SignedUp, realm, vendor_of};
use super::shards::Shards;
use crate::guard::Guarded;
use crate::solution_credential::is_about_the_next_one;
use crate::solution_revocation::validate::closes;

/// One step of a list-and-watch.
#[derive(Debug)]
pub enum Change<K> {
    /// Everything there is, at a version.
    Listed(Vec<Guarded<K>>, Option<String>),
    Applied(Guarded<K>),
    Deleted(Guarded<K>),
    /// Nothing newer before this version.
    Bookmark(String),
}

/// What of a kind changed since that was last asked.
#[derive(Debug, PartialEq, Eq)]
pub enum Touched {
    Everything,
    /// Objects that came, changed or went.
    Objects(BTreeSet<String>),
}

impl Default for Touched {
    fn default() -> Self {
        Self::Objects(BTreeSet::new())
    }
}

/// The objects of one kind, by `<namespace>/<name>`.
#[derive(Debug)]
pub struct Table<K> {
    objects: BTreeMap<String, K>,
    /// Objects that are there but not understood.
    unreadable: BTreeSet<String>,
    touched: Touched,
    listed: bool,
    /// Highest resource version seen.
    seq: u64,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            touched: Touched::default(),
            listed: false,
            seq: 0,
        }
    }
}

impl<K: Resource> Table<K> {
    /// Takes a change in; whether objects changed (a bookmark moves the number only).
    pub fn take(&mut self, change: Change<K>) -> bool {
        match change {
            Change::Listed(objects, version) => {
                self.objects.clear();
                self.unreadable.clear();
                self.listed = true;
                self.saw(version.as_deref());
                objects.into_iter().for_each(|object| self.put(object));
                self.touched = Touched::Everything;
                true
            }
            Change::Applied(object) => {
                self.put(object);
                true
            }
            Change::Deleted(object) => {
                self.saw(object.meta().resource_version.as_deref());
                let key = key(&object);
                self.unreadable.remove(&key);
                self.objects.remove(&key);
                self.touch(key);
                true
            }
            Change::Bookmark(version) => {
                self.saw(Some(&version));
                false
            }
        }
    }

    fn put(&mut self, object: Guarded<K>) {
        self.saw(object.meta().resource_version.as_deref());
        let key = key(&object);
        self.touch(key.clone());
        match object.0 {
            Ok(object) => {
                self.unreadable.remove(&key);
                self.objects.insert(key, object);
            }
            Err(_) => {
                self.objects.remove(&key);
                self.unreadable.insert(key);
            }
        }
    }

    fn touch(&mut self, key: String) {
        if let Touched::Objects(touched) = &mut self.touched {
            touched.insert(key);
        }
    }

    /// What changed since this was last asked.
    pub(super) fn touched(&mut self) -> Touched {
        std::mem::take(&mut self.touched)
    }

    fn saw(&mut self, version: Option<&str>) {
        // Resource versions of one API server are comparable numbers (Kubernetes 1.35, KEP-5504).
        if let Some(version) = version.and_then(|text| text.parse().ok()) {
            self.seq = self.seq.max(version);
        }
    }

    /// Whether objects are there that are not understood.
    pub(super) fn has_unreadable(&self) -> bool {
        !self.unreadable.is_empty()
    }

    fn is_unreadable(&self, key: &str) -> bool {
        self.unreadable.contains(key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&K> {
        self.objects.get(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &K> {
        self.objects.values()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &String> {
        self.objects.keys()
    }

    /// Keys of the objects of a namespace.
    pub(super) fn within(&self, namespace: &str) -> impl Iterator<Item = &String> {
        let prefix = format!("{namespace}/");
        let from = self.objects.range(prefix.clone()..);
        from.map(|(key, _)| key)
            .take_while(move |key| key.starts_with(&prefix))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Highest resource version seen of this kind.
    pub const fn seq(&self) -> u64 {
        self.seq
    }
}

fn key(object: &impl ResourceExt) -> String {
    match object.namespace() {
        Some(namespace) => format!("{namespace}/{}", object.name_any()),
        None => object.name_any(),
    }
}

/// All watched kinds.
#[derive(Debug, Default)]
pub struct Index {
    pub platforms: Table<Platform>,
    pub groups: Table<HealthGroup>,
    pub solutions: Table<Solution>,
    pub credentials: Table<SolutionCredential>,
    pub revocations: Table<SolutionRevocation>,
    pub lifts: Table<RevocationLift>,
    pub homologations: Table<SystemHomologation>,
    pub sites: Table<Site>,
    pub(super) verified: Verified,
    pub(super) verified_words: gate::Verified,
    pub(super) shards: Shards,
    pub vendors: Table<Vendor>,
    pub leases: Table<Lease>,
}

/// The demonstration's issuer, which no object names.
#[derive(Clone, Debug)]
pub struct DemonstrationIssuer {
    /// PEM of OpenBao's CA.
    pub ca: String,
}

impl Index {
    /// Whether every kind has been listed: before that there are no facts.
    pub const fn is_complete(&self) -> bool {
        self.platforms.listed
            && self.groups.listed
            && self.solutions.listed
            && self.credentials.listed
            && self.revocations.listed
            && self.lifts.listed
            && self.homologations.listed
            && self.sites.listed
            && self.vendors.listed
    }

    /// Conditions of the platform and of the groups: kind, name, type, whether it is `True`.
    pub fn conditions(&self) -> Vec<(&'static str, String, String, bool)> {
        let platforms = self.platforms.objects.values().flat_map(|platform| {
            let status = platform.status.iter();
            let of = status.flat_map(|status| &status.conditions);
            of.map(|condition| ("Platform", platform.name_any(), condition))
        });
        let groups = self.groups.objects.values().flat_map(|group| {
            let status = group.status.iter();
            let of = status.flat_map(|status| &status.conditions);
            of.map(|condition| ("HealthGroup", group.name_any(), condition))
        });
        platforms
            .chain(groups)
            .map(|(kind, name, condition)| (kind, name, condition.type_.clone(), condition.status == "True"))
            .collect()
    }

    /// Whether a revocation is there that is not understood: then the facts are not to be relied on.
    pub fn is_blind(&self) -> bool {
        self.revocations.has_unreadable()
    }

    pub fn seq(&self) -> u64 {
        [
            self.platforms.seq,
            self.groups.seq,
            self.solutions.seq,
            self.credentials.seq,
            self.revocations.seq,
            self.lifts.seq,
            self.homologations.seq,
            self.sites.seq,
            self.vendors.seq,
            self.leases.seq,
        ]
        .into_iter()
        .max()
        .unwrap_or_default()
    }

    /// The platform, once it has been seen.
    pub fn platform(&self) -> Option<&Platform> {
        self.platforms.objects.get(dmp_api::names::PLATFORM)
    }

    /// Whether it is a platform of demonstration.
    pub(super) fn is_demonstrating(&self) -> bool {
        self.platform()
            .is_some_and(|platform| platform.spec.demonstration)
    }

    /// The facts at `now`, with their credentials in the line.
    pub fn facts(
        &self,
        now: Timestamp,
        stale_since: Option<Timestamp>,
        demonstration: &DemonstrationIssuer,
    ) -> facts::Facts {
        let lifted = self.lifted();
        let (demonstrating, in_force) = (self.is_demonstrating(), self.in_force(&lifted));
        let credentials = self.credentials.iter();
        let credentials = credentials.filter_map(|c| self.credential_fact(c, &in_force, demonstrating));
        facts::Facts {
            credentials: credentials.collect(),
            ..self.line(now, stale_since, demonstration, &lifted)
        }
    }

    /// Everything but the credentials; `lifted`: names of the revocations that are ([`Self::lifted`]).
    pub(super) fn line(
        &self,
        now: Timestamp,
        stale_since: Option<Timestamp>,
        demonstration: &DemonstrationIssuer,
        lifted: &BTreeSet<String>,
    ) -> facts::Facts {
        let platform = self.platform();
        let domain = platform.map_or("", |platform| platform.spec.domain.as_str());
        let ended = self.revocations.iter();
        let ended = ended.filter(|revocation| lifted.contains(&revocation.name_any()));
        let (groups, gates) = (self.groups.iter(), self.gates(now));
        facts::Facts {
            seq: self.seq(),
            at: now,
            stale_since,
            demonstration: self.is_demonstrating(),
            gate: gates.platform(),
            groups: groups
                .filter_map(|group| group_fact(group, domain, &gates))
                .collect(),
            revocations: self.in_force(lifted).into_iter().map(revocation_fact).collect(),
            lifted: ended.map(revocation_fact).collect(),
            issuers: platform.map_or_else(Vec::new, |platform| issuers(platform, demonstration)),
            ..facts::Facts::default()
        }
    }

    /// The revocations that nobody has lifted.
    pub(super) fn in_force(&self, lifted: &BTreeSet<String>) -> Vec<&SolutionRevocation> {
        let is_in_force = |revocation: &&SolutionRevocation| !lifted.contains(&revocation.name_any());
        self.revocations.iter().filter(is_in_force).collect()
    }

    pub(super) fn signed_up(&self, namespace: &str) -> SignedUp<'_> {
        let Some(name) = vendor_of(namespace) else {
            return SignedUp::Never;
        };
        match self.vendors.objects.get(name) {
            Some(vendor) => SignedUp::Vendor(vendor),
            None if self.vendors.is_unreadable(name) => SignedUp::Unreadable,
            None => SignedUp::Never,
        }
    }

    pub(super) fn credential_fact(
        &self,
        credential: &SolutionCredential,
        in_force: &[&SolutionRevocation],
        demonstrating: bool,
    ) -> Option<facts::Credential> {
        let namespace = credential.namespace()?;
        let solution = format!("{namespace}/{}", credential.spec.solution);
        let kind = self.solutions.objects.get(&solution)?.spec.kind;
        let status = credential.status.as_ref()?;
        // Refused by its controller (a reference is gone): its certificate opens nothing. A request for the next certificate
        // that is not usable says nothing against the present one. A revoked one stays, beside the revocation that closes
        // the door: so the gateway can say why.
        if conditions::find(&status.conditions, "Stalled")
            .is_some_and(|stalled| stalled.status == "True" && !is_about_the_next_one(&stalled.reason))
            && !in_force
                .iter()
                .any(|revocation| closes(&revocation.spec, credential))
        {
            return None;
        }
        let group = match &credential.spec.health_group {
            Some(name) => Some(name.parse::<GroupName>().ok()?),
            None => None,
        };
        let mode = mode(credential.spec.mode);
        let realm = realm(mode, self.signed_up(&namespace), demonstrating).ok()?;
        Some(facts::Credential {
            name: format!("{namespace}/{}", credential.name_any()),
            solution,
            version: credential.spec.version.clone(),
            kind: kind.as_str().to_owned(),
            establishment: credential
                .spec
                .establishment
                .as_ref()
                .map(|establishment| establishment.inpe.clone()),
            group,
            mode,
            certificate_sha256: status.certificate_sha256.clone()?,
            not_after: status.not_after.as_ref()?.parse().ok()?,
            previous: status.previous.as_ref().and_then(previous),
            scopes: match credential.spec.mode {
                Mode::Sandbox => None,
                Mode::Production => Some(status.scopes.clone().unwrap_or_default()),
            },
            realm,
        })
    }
}

/// One whose end is not understood has ended.
fn previous(previous: &PreviousCertificate) -> Option<facts::Previous> {
    Some(facts::Previous {
        certificate_sha256: previous.certificate_sha256.clone(),
        until: previous.until.parse().ok()?,
    })
}

const fn mode(mode: Mode) -> facts::Mode {
    match mode {
        Mode::Sandbox => facts::Mode::Sandbox,
        Mode::Production => facts::Mode::Production,
    }
}

fn group_fact(group: &HealthGroup, domain: &str, gates: &Gates<'_>) -> Option<facts::Group> {
    let name: GroupName = group.name_any().parse().ok()?;
    let namespace = name.namespace();
    let served = group
        .status
        .as_ref()
        .and_then(|status| conditions::find(&status.conditions, "ServiceReady"))
        .is_some_and(|ready| ready.status == "True");
    let gate = gates.group(group);
    Some(facts::Group {
        tag: name.tag(),
        mode: mode(group.spec.mode),
        records: crate::plane::config::url("records", &namespace),
        identity: dmp_api::names::spiffe(domain, &namespace, "records"),
        gate,
        serving: served && gate != facts::Gate::Closed && group.metadata.deletion_timestamp.is_none(),
        name,
    })
}

fn revocation_fact(revocation: &SolutionRevocation) -> facts::Revocation {
    let spec = &revocation.spec;
    let namespace = spec.namespace();
    facts::Revocation {
        solution: spec.solution.clone(),
        vendor: spec.vendor.as_ref().and(namespace.clone()),
        version: spec.version.clone(),
        credential: spec
            .credential
            .as_ref()
            .map(|name| format!("{}/{name}", namespace.unwrap_or_default())),
        establishment: spec.establishment.clone(),
    }
}

fn issuers(platform: &Platform, demonstration: &DemonstrationIssuer) -> Vec<facts::Issuer> {
    let mut issuers: Vec<facts::Issuer> = platform
        .spec
        .issuers
        .iter()
        .map(|issuer| facts::Issuer {
            url: issuer.url.clone(),
            jwks: issuer.jwks.clone(),
            ca: issuer.ca.clone(),
            audience: issuer.audience.clone(),
            demonstration: issuer.demonstration,
        })
        .collect();
    if platform.spec.demonstration && platform.spec.openbao.managed {
        let url = format!(
            "{}/v1/people/identity/oidc",
            platform.spec.openbao.address.trim_end_matches('/')
        );
        issuers.push(facts::Issuer {
            jwks: Some(format!("{url}/.well-known/keys")),
            url,
            ca: Some(demonstration.ca.clone()),
            audience: "dmp".to_owned(),
            demonstration: true,
        });
    }
    issuers
}
