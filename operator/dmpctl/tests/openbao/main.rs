//! The configuration of OpenBao and its bootstrap, against the real server.
#![allow(clippy::unwrap_used)]

mod bootstrap;
mod rights;
mod server;

use dmpctl::embedded;
use dmpctl::install::bootstrap::{Plan, Policies};

fn plan(demonstration: bool) -> Plan {
    Plan {
        domain: "dmp.test".into(),
        public_names: vec!["dmp.example.ma".into()],
        demonstration,
    }
}

fn policies() -> Policies<'static> {
    let text = |name: &str| embedded::text(&format!("manifests/openbao/policies/{name}.policy")).unwrap();
    Policies {
        person: text("person"),
        demo: text("demo"),
    }
}
