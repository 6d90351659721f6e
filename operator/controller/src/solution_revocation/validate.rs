//! What a revocation reaches, whether it is in force, and who was told. Pure.

use dmp_api::body::Role;
use dmp_api::solution_revocation::{Installed, Told, ToldState};
use dmp_api::{SolutionCredential, SolutionRevocation, SolutionRevocationSpec, SolutionVersion};
use k8s_controller::conditions;
use kube::ResourceExt;

use super::dereference::Found;
use crate::solution_credential::listing::{self, LISTED, NOT_LISTED};

/// Subsystems of the ledger.
const FACTS: &str = "facts";
const CERTIFICATES: &str = "certificates";

/// What it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// What it names and nobody finds.
    pub absent: Option<Absent>,
    pub credentials: usize,
    /// Deciding bodies that have not lifted it; nobody: it is lifted.
    pub lacking: Vec<Role>,
    /// Some lift counts.
    pub begun: bool,
    pub ledger: Vec<Told>,
}

/// What a revocation names and is not there: a name that is mistyped closes nothing. It holds all the same, should one appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    Solution,
    Version,
    Credential,
    Establishment,
}

impl Absent {
    /// Reason of the condition `SolutionKnown`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Solution => "SolutionNotFound",
            Self::Version => "VersionNotFound",
            Self::Credential => "CredentialNotFound",
            Self::Establishment => "EstablishmentNotFound",
        }
    }

    /// For people.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Solution => {
                "there is no such Solution, or none of this vendor: it holds all the same, should one appear"
            }
            Self::Version => {
                "no SolutionVersion of it has this number, letter by letter: it holds all the same, should one appear"
            }
            Self::Credential => {
                "there is no such SolutionCredential of it: it holds all the same, should one appear"
            }
            Self::Establishment => {
                "it is installed at no such establishment: it holds all the same, should it be"
            }
        }
    }
}

impl Reach {
    pub const fn is_lifted(&self) -> bool {
        self.lacking.is_empty()
    }

    /// Whether a line of the ledger is not done.
    pub fn has_open_lines(&self) -> bool {
        self.ledger.iter().any(|line| line.state != ToldState::Done)
    }
}

pub fn validate(revocation: &SolutionRevocation, found: &Found) -> Reach {
    let closed: Vec<_> = found
        .credentials
        .iter()
        .filter(|credential| closes(&revocation.spec, credential))
        .collect();
    let before = revocation.status.as_ref().map(|status| status.ledger.as_slice());
    let before = before.unwrap_or_default();
    let lifted = found.verdict.is_lifted();
    Reach {
        absent: absent(&revocation.spec, found),
        credentials: closed.len(),
        lacking: found.verdict.lacking.clone(),
        begun: found.verdict.lifts.iter().any(|(_, lift)| lift.is_ok()),
        // The ledger of a lifted one is history.
        ledger: if lifted {
            before.to_vec()
        } else {
            vec![facts(revocation, before), certificates(&closed)]
        },
    }
}

fn absent(spec: &SolutionRevocationSpec, found: &Found) -> Option<Absent> {
    if !found.known {
        return Some(Absent::Solution);
    }
    // Of a vendor nothing else is named.
    let (_, solution) = spec.solution.as_deref()?.split_once('/')?;
    let credentials = || {
        let of_it = move |credential: &&SolutionCredential| credential.spec.solution == solution;
        found.credentials.iter().filter(of_it)
    };
    if let Some(number) = &spec.version {
        let named = |one: &SolutionVersion| one.spec.solution == solution && one.spec.version == *number;
        return (!found.versions.iter().any(named)).then_some(Absent::Version);
    }
    if let Some(name) = &spec.credential {
        let named = |one: &SolutionCredential| one.name_any() == *name;
        return (!credentials().any(named)).then_some(Absent::Credential);
    }
    let inpe = spec.establishment.as_ref()?;
    let there = |one: &SolutionCredential| {
        let place = one.spec.establishment.as_ref();
        place.is_some_and(|place| place.inpe == *inpe)
    };
    (!credentials().any(there)).then_some(Absent::Establishment)
}

/// The number that the API server gave it when it was written: the facts have it from there on. A status that is written later
/// moves the number of the object and not this one.
fn facts(revocation: &SolutionRevocation, before: &[Told]) -> Told {
    let known = before.iter().find(|line| line.subsystem == FACTS);
    known.cloned().unwrap_or_else(|| Told {
        subsystem: FACTS.to_owned(),
        state: ToldState::Done,
        message: format!(
            "in force from number {} on",
            revocation.resource_version().unwrap_or_default()
        ),
    })
}

/// The revocation list of the solutions' CA: each credential sees to its own certificate.
fn certificates(closed: &[&SolutionCredential]) -> Told {
    let with_certificate = || closed.iter().filter(|credential| serial(credential).is_some());
    let all = with_certificate().count();
    let open = || with_certificate().filter(|credential| !is_listed(credential));
    let (state, message) = match (open().count(), open().find_map(|credential| failure(credential))) {
        (0, _) => (ToldState::Done, format!("{all} on the revocation list")),
        (left, None) => (
            ToldState::Pending,
            format!("{left} of {all} not on the revocation list yet"),
        ),
        (left, Some(why)) => (
            ToldState::Failed,
            format!("{left} of {all} not on the revocation list: {why}"),
        ),
    };
    Told {
        subsystem: CERTIFICATES.to_owned(),
        state,
        message,
    }
}

fn serial(credential: &SolutionCredential) -> Option<&String> {
    credential.status.as_ref()?.serial.as_ref()
}

fn is_listed(credential: &SolutionCredential) -> bool {
    credential.status.as_ref().is_some_and(listing::is_listed)
}

/// Why its last attempt failed.
fn failure(credential: &SolutionCredential) -> Option<&str> {
    let status = credential.status.as_ref()?;
    let listed = conditions::find(&status.conditions, LISTED)?;
    (listed.status == "False" && listed.reason == NOT_LISTED).then_some(listed.message.as_str())
}

/// Whether a revocation, while it is in force, closes a credential.
pub fn closes(spec: &SolutionRevocationSpec, credential: &SolutionCredential) -> bool {
    let (namespace, name) = (credential.namespace().unwrap_or_default(), credential.name_any());
    let establishment = credential.spec.establishment.as_ref();
    spec.closes(&Installed {
        namespace: &namespace,
        name: &name,
        solution: &credential.spec.solution,
        version: &credential.spec.version,
        establishment: establishment.map(|establishment| establishment.inpe.as_str()),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_homologation::lift::Verdict;
    use serde_json::{Value, json};

    use super::*;

    fn credential(name: &str, status: Value) -> SolutionCredential {
        serde_json::from_value(json!({
            "metadata": { "namespace": "vendor-a", "name": name },
            "spec": { "solution": "his", "version": "1", "csr": "" }, "status": status,
        }))
        .unwrap()
    }

    fn revocation(status: Value) -> SolutionRevocation {
        serde_json::from_value(json!({
            "metadata": { "name": "r", "resourceVersion": "17" },
            "spec": { "solution": "vendor-a/his", "reason": "test" }, "status": status,
        }))
        .unwrap()
    }

    fn found(credentials: Vec<SolutionCredential>, lacking: &[Role]) -> Found {
        Found {
            known: true,
            versions: Vec::new(),
            credentials,
            verdict: Verdict {
                lifts: Vec::new(),
                lacking: lacking.to_vec(),
            },
        }
    }

    const BOTH: [Role; 2] = [Role::Interop, Role::Security];

    fn line(reach: &Reach, index: usize) -> (ToldState, &str) {
        (reach.ledger[index].state, reach.ledger[index].message.as_str())
    }

    #[test]
    fn the_ledger_tells_of_each_what_became_of_it() {
        let listed = credential("a", json!({ "serial": "1", "listedSerial": "1" }));
        let pending = credential("b", json!({ "serial": "2", "listedSerial": "1" }));
        let never_signed = credential("c", json!({}));
        let condition = json!({
            "type": LISTED, "status": "False", "reason": NOT_LISTED, "message": "OpenBao is away",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        let failed = credential("d", json!({ "serial": "4", "conditions": [condition] }));

        let reach = validate(
            &revocation(json!(null)),
            &found(vec![listed.clone(), never_signed], &BOTH),
        );
        assert_eq!(line(&reach, 0), (ToldState::Done, "in force from number 17 on"));
        assert_eq!(line(&reach, 1), (ToldState::Done, "1 on the revocation list"));
        assert!(!reach.has_open_lines() && !reach.is_lifted() && reach.credentials == 2);

        let reach = validate(
            &revocation(json!(null)),
            &found(vec![listed.clone(), pending.clone()], &BOTH),
        );
        assert_eq!(
            line(&reach, 1),
            (ToldState::Pending, "1 of 2 not on the revocation list yet")
        );
        let reach = validate(
            &revocation(json!(null)),
            &found(vec![listed, pending, failed], &BOTH),
        );
        assert_eq!(
            line(&reach, 1),
            (
                ToldState::Failed,
                "2 of 3 not on the revocation list: OpenBao is away"
            )
        );
        assert!(reach.has_open_lines());
    }

    #[test]
    fn the_number_of_the_facts_is_that_of_its_creation_and_a_lift_leaves_the_ledger() {
        let before = json!({ "ledger": [{ "subsystem": "facts", "state": "done", "message": "in force from number 9 on" }] });
        let reach = validate(&revocation(before.clone()), &found(Vec::new(), &BOTH));
        assert_eq!(line(&reach, 0).1, "in force from number 9 on");
        let lifted = validate(
            &revocation(before),
            &found(vec![credential("a", json!({ "serial": "1" }))], &[]),
        );
        assert!(lifted.is_lifted() && !lifted.has_open_lines());
        assert_eq!(lifted.ledger.len(), 1);
        assert!(!validate(&revocation(json!(null)), &found(Vec::new(), &[Role::Security])).is_lifted());
    }

    #[test]
    fn what_is_named_and_is_not_there_is_said() {
        let mut chu = credential("chu", json!({}));
        chu.spec.establishment = Some(dmp_api::solution_credential::Establishment {
            inpe: "123456789".to_owned(),
        });
        let mut found = found(vec![chu], &BOTH);
        let version = json!({ "metadata": { "name": "v" }, "spec": { "solution": "his", "version": "1.2" } });
        found.versions = vec![serde_json::from_value(version).unwrap()];
        let said = |found: &Found, more: Value| {
            let mut spec = json!({ "solution": "vendor-a/his", "reason": "x" });
            spec.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            absent(&serde_json::from_value(spec).unwrap(), found)
        };
        for (named, expected) in [
            (json!({}), None),
            (json!({ "version": "1.2" }), None),
            (json!({ "version": "1.2.0" }), Some(Absent::Version)),
            (json!({ "version": "01.2" }), Some(Absent::Version)),
            (
                json!({ "solution": "vendor-a/lis", "version": "1.2" }),
                Some(Absent::Version),
            ),
            (json!({ "credential": "chu" }), None),
            (json!({ "credential": "CHU" }), Some(Absent::Credential)),
            (json!({ "establishment": "123456789" }), None),
            (
                json!({ "establishment": "123456780" }),
                Some(Absent::Establishment),
            ),
            (json!({ "solution": null, "vendor": "a" }), None),
        ] {
            assert_eq!(said(&found, named.clone()), expected, "{named}");
        }
        found.known = false;
        assert_eq!(said(&found, json!({})), Some(Absent::Solution));
    }

    #[test]
    fn a_credential_is_closed_by_its_own_names() {
        let mut own = credential("x", json!({}));
        own.spec.establishment = Some(dmp_api::solution_credential::Establishment {
            inpe: "123456789".to_owned(),
        });
        let spec = |text: Value| serde_json::from_value::<SolutionRevocationSpec>(text).unwrap();
        for (named, closed) in [
            (json!({ "vendor": "a", "reason": "x" }), true),
            (json!({ "vendor": "b", "reason": "x" }), false),
            (
                json!({ "solution": "vendor-a/his", "establishment": "123456789", "reason": "x" }),
                true,
            ),
            (
                json!({ "solution": "vendor-a/his", "establishment": "987654321", "reason": "x" }),
                false,
            ),
            (
                json!({ "solution": "vendor-a/his", "credential": "y", "reason": "x" }),
                false,
            ),
        ] {
            assert_eq!(closes(&spec(named.clone()), &own), closed, "{named}");
        }
    }
}
