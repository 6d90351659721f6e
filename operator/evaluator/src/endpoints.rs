//! What every listener offers on the wire, as DMP-CRY-06 asks for it: from what the operator's probe saw (`dmp_api::tls_probe`).
//!
//! The probe opens connections, which this process does not: it has no way to a plane. How old what it left may be: [`crate::left`].

use dmp_api::tls_probe::{CONFIG_MAP, Chain, Endpoint, KEY, Observation, Role};
use dmp_policies::Catalogue;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::collect::Observed;
use crate::left::Left;
use crate::world::{Read, World};

impl Left for Observation {
    const KIND: &'static str = "TLS on the wire";
    const CONFIG_MAP: &'static str = CONFIG_MAP;
    const KEY: &'static str = KEY;
    const FRESH: SignedDuration = SignedDuration::from_hours(2);

    fn observed_at(&self) -> Timestamp {
        self.observed_at
    }
}

/// Services and what is public.
pub fn listeners(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let observation = world.endpoints.as_ref().map_err(Clone::clone)?;
    let all = observation.endpoints.iter();
    let items: Vec<_> = all.filter(|one| one.role != Role::Store).map(listener).collect();
    let inputs = json!({ "endpoints": items, "more": observation.more });
    Ok(vec![Observed::new(None, inputs)])
}

/// OpenBao and databases.
pub fn stores(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let observation = world.endpoints.as_ref().map_err(Clone::clone)?;
    let all = observation.endpoints.iter();
    let items: Vec<_> = all.filter(|one| one.role == Role::Store).map(store).collect();
    let inputs = json!({ "stores": items, "more": observation.more });
    Ok(vec![Observed::new(None, inputs)])
}

fn listener(endpoint: &Endpoint) -> Value {
    let life = endpoint
        .not_before
        .zip(endpoint.not_after)
        .map_or(0, |(from, to)| to.duration_since(from).as_hours() / 24);
    json!({
        "name": endpoint.name,
        "inside": endpoint.role == Role::Service,
        "versions": endpoint.versions,
        "chainValid": endpoint.chain == Chain::Verified,
        "asksForCertificate": endpoint.asks_for_certificate,
        "lifeDays": life,
        "notAfter": endpoint.not_after.map_or_else(String::new, |at| at.to_string()),
        "why": endpoint.why,
    })
}

fn store(endpoint: &Endpoint) -> Value {
    json!({
        "name": endpoint.name,
        "versions": endpoint.versions,
        "certificate": endpoint.chain,
        "notAfter": endpoint.not_after.map_or_else(String::new, |at| at.to_string()),
        "why": endpoint.why,
    })
}

#[cfg(test)]
mod tests {
    use dmp_api::tls_probe::Version;

    use super::*;
    use crate::left::observation;
    use crate::pass::pass;
    use crate::report::{Reports, reports, verdict};

    const CONTROL: &str = "DMP-CRY-06";

    fn now() -> Timestamp {
        "2026-12-01T12:00:00Z".parse().unwrap()
    }

    /// A certificate of an hour, as the platform's authority signs them.
    fn endpoint(name: &str, role: Role) -> Endpoint {
        let hour = SignedDuration::from_hours(1);
        Endpoint {
            name: name.to_owned(),
            role,
            versions: vec![Version::V1_3],
            chain: Chain::Verified,
            asks_for_certificate: role == Role::Service,
            not_before: Some(now() - hour / 2),
            not_after: Some(now() + hour / 2),
            why: String::new(),
        }
    }

    fn platform() -> Vec<Endpoint> {
        let mut database = endpoint("records-rw.dmp-a:5432", Role::Store);
        database.chain = Chain::NameAndTime;
        vec![
            endpoint("records.dmp-a:8443", Role::Service),
            endpoint("gateway.dmp-national:9444", Role::Public),
            endpoint("openbao.dmp-system:8200", Role::Store),
            database,
        ]
    }

    /// Verdict and message of each of the two checks.
    fn said(endpoints: Read<Observation>) -> [(String, String); 2] {
        let world = World {
            endpoints,
            ..World::unread(now())
        };
        let catalogue = Catalogue::embedded().unwrap();
        let report = reports(&pass(&catalogue, &world), &Reports::default(), now()).cluster;
        ["endpoints", "stores"].map(|rule| {
            let mut results = report.results.iter();
            let found = results
                .find(|one| one.policy == CONTROL && one.rule == rule)
                .unwrap();
            (verdict(found).to_owned(), found.message.clone())
        })
    }

    fn of(endpoints: Vec<Endpoint>) -> [(String, String); 2] {
        said(Ok(Observation::new(now(), endpoints)))
    }

    /// With one endpoint of the platform changed.
    fn with(at: usize, change: impl Fn(&mut Endpoint)) -> [(String, String); 2] {
        let mut all = platform();
        change(&mut all[at]);
        of(all)
    }

    #[test]
    fn a_platform_as_it_should_be_passes_and_none_at_all_fails() {
        let [endpoints, stores] = of(platform());
        assert_eq!((endpoints.0.as_str(), stores.0.as_str()), ("pass", "pass"));
        let [endpoints, stores] = of(Vec::new());
        assert_eq!((endpoints.0.as_str(), stores.0.as_str()), ("fail", "fail"));
    }

    #[test]
    fn each_thing_that_is_wrong_fails_where_it_is_and_is_named() {
        let fails = |at: usize, change: fn(&mut Endpoint)| {
            let all = with(at, change);
            let check = usize::from(at > 1);
            let (verdict, message) = &all[check];
            assert_eq!(verdict, "fail", "{at}: {message}");
            assert!(message.contains(&platform()[at].name), "{message}");
            assert_eq!(all[1 - check].0, "pass", "{at}");
        };
        for at in 0..4 {
            fails(at, |one| one.versions.insert(0, Version::V1_1));
            fails(at, |one| one.chain = Chain::Bad);
            // Nobody could speak to it.
            fails(at, |one| {
                one.versions.clear();
                one.chain = Chain::Bad;
                (one.not_before, one.not_after) = (None, None);
            });
        }
        fails(0, |one| one.asks_for_certificate = false);
        // What a Secret vouches for is no chain of the platform.
        fails(0, |one| one.chain = Chain::NameAndTime);
        // A public certificate of three months with a week left.
        fails(1, |one| {
            one.not_before = Some(now() - SignedDuration::from_hours(24 * 83));
            one.not_after = Some(now() + SignedDuration::from_hours(24 * 7));
        });
        let month = with(1, |one| {
            one.not_before = Some(now() - SignedDuration::from_hours(24 * 60));
            one.not_after = Some(now() + SignedDuration::from_hours(24 * 30));
        });
        assert_eq!(month[0].0, "pass");
    }

    #[test]
    fn what_is_old_or_unread_is_an_error() {
        let hours = SignedDuration::from_hours;
        for (age, expected) in [(hours(2), "pass"), (hours(3), "error")] {
            let text = json!(Observation::new(now() - age, platform())).to_string();
            let left = json!({ "metadata": { "name": CONFIG_MAP }, "data": { KEY: text } });
            let left = serde_json::from_value(left).unwrap();
            for (verdict, message) in said(observation(Some(left), now())) {
                assert_eq!(verdict, expected, "{age:?}: {message}");
            }
        }
        let all = said(World::unread(now()).endpoints);
        assert_eq!(
            all[0],
            (
                "error".to_owned(),
                "Things could not be read (forbidden)".to_owned()
            )
        );
    }
}
