//! Objects that carry one signed statement, and reading what they carry: once, not at each look.

use std::collections::BTreeMap;

use dmp_api::body::Body;
use dmp_api::{ImageRelease, RevocationLift, SiteInventory, SystemHomologation};
use kube::ResourceExt;

use crate::bodies::{self, Bodies};
use crate::dossier::arrived;
use crate::signed::{self, Read};
use crate::statement::{self, Statement};

/// An object that is nothing but the carrier of a statement.
pub trait Carrier: ResourceExt {
    type Statement: Statement + Clone;

    /// The JWS.
    fn statement(&self) -> &str;
}

impl Carrier for RevocationLift {
    type Statement = statement::Lift;

    fn statement(&self) -> &str {
        &self.spec.statement
    }
}

impl Carrier for SystemHomologation {
    type Statement = statement::System;

    fn statement(&self) -> &str {
        &self.spec.statement
    }
}

impl Carrier for ImageRelease {
    type Statement = statement::ImageList;

    fn statement(&self) -> &str {
        &self.spec.statement
    }
}

impl Carrier for SiteInventory {
    type Statement = statement::Inventory;

    fn statement(&self) -> &str {
        &self.spec.statement
    }
}

/// What an object carries, if its signature is a body's.
pub fn read<K: Carrier>(object: &K, bodies: &Result<Bodies, bodies::Invalid>) -> Read<K::Statement> {
    let bodies = bodies.as_ref()?;
    Ok(signed::verify(
        object.statement(),
        bodies,
        arrived(object.meta()),
    )?)
}

/// What was read already: a signature is verified once. Forgets all when the bodies change.
#[derive(Debug)]
pub struct Reader<T> {
    bodies: Option<(Vec<Body>, Result<Bodies, bodies::Invalid>)>,
    /// By the carrier's uid, with the statement that was read.
    read: BTreeMap<String, (String, Read<T>)>,
}

impl<T> Default for Reader<T> {
    fn default() -> Self {
        Self {
            bodies: None,
            read: BTreeMap::new(),
        }
    }
}

impl<T: Clone> Reader<T> {
    /// As [`read`], of all objects there are.
    pub fn read<'a, K: Carrier<Statement = T>>(
        &mut self,
        objects: impl Iterator<Item = &'a K>,
        bodies: &[Body],
    ) -> Vec<(&'a K, Read<T>)> {
        if self.bodies.as_ref().is_none_or(|(known, _)| known != bodies) {
            self.read.clear();
        }
        let (_, checked) = match self.bodies.take() {
            Some(known) if known.0 == bodies => self.bodies.insert(known),
            _ => self.bodies.insert((bodies.to_vec(), Bodies::new(bodies))),
        };
        let mut kept = BTreeMap::new();
        let mut all = Vec::new();
        for object in objects {
            let uid = object.uid().unwrap_or_default();
            let statement = object.statement();
            let known = self.read.remove(&uid).filter(|(text, _)| text == statement);
            let (text, read) = known.unwrap_or_else(|| (statement.to_owned(), read(object, checked)));
            all.push((object, read.clone()));
            kept.insert(uid, (text, read));
        }
        self.read = kept;
        all
    }
}
