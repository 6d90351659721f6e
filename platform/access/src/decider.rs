//! The Cedar policies, and one evaluation of them.

use std::collections::HashMap;
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision as CedarDecision, Entities, Entity, EntityId, EntityTypeName, EntityUid,
    PolicySet, Request as CedarRequest, RestrictedExpression, Schema, ValidationMode, Validator,
};

use crate::Category;
use crate::request::{Action, Decision, Person, Reason, Request};

const SCHEMA: &str = include_str!("../../../policies/access/schema.cedarschema");
const POLICIES: [&str; 3] = [
    include_str!("../../../policies/access/floor.cedar"),
    include_str!("../../../policies/access/patient.cedar"),
    include_str!("../../../policies/access/professions.cedar"),
];

/// The embedded policies cannot be used: an error of the release, found at start.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("the access schema does not parse: {0}")]
    Schema(String),
    #[error("the access policies do not parse: {0}")]
    Policies(String),
    #[error("the access policies do not fit their schema: {0}")]
    Invalid(String),
    #[error("policy `{0}` has no `@id`, or one that another policy has")]
    Id(String),
    #[error("policy `{0}` forbids without a known `@reason`")]
    Reason(String),
}

/// Decides. Cheap to share, made once.
pub struct Decider {
    authorizer: Authorizer,
    policies: PolicySet,
    schema: Schema,
    types: Types,
}

struct Types {
    action: EntityTypeName,
    professional: EntityTypeName,
    profession: EntityTypeName,
    patient: EntityTypeName,
    document: EntityTypeName,
    category: EntityTypeName,
}

impl Decider {
    /// Parses and validates the embedded policies.
    ///
    /// # Errors
    /// [`AccessError`] when they cannot be used: the service must not start.
    pub fn new() -> Result<Self, AccessError> {
        Self::from_sources(SCHEMA, &POLICIES.concat())
    }

    pub(crate) fn from_sources(schema: &str, policies: &str) -> Result<Self, AccessError> {
        let (schema, _) =
            Schema::from_cedarschema_str(schema).map_err(|e| AccessError::Schema(e.to_string()))?;
        let policies = PolicySet::from_str(policies).map_err(|e| AccessError::Policies(e.to_string()))?;
        let validation = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
        if !validation.validation_passed() {
            let errors: Vec<_> = validation.validation_errors().map(ToString::to_string).collect();
            return Err(AccessError::Invalid(errors.join("; ")));
        }
        check_annotations(&policies)?;
        let name =
            |text: &str| EntityTypeName::from_str(text).map_err(|e| AccessError::Schema(e.to_string()));
        let types = Types {
            action: name("Action")?,
            professional: name("Professional")?,
            profession: name("Profession")?,
            patient: name("Patient")?,
            document: name("Document")?,
            category: name("Category")?,
        };
        Ok(Self {
            authorizer: Authorizer::new(),
            policies,
            schema,
            types,
        })
    }

    /// One decision. Refuses by default and on any error of evaluation.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let reason = self
            .evaluate(request, request.action, request.category)
            .unwrap_or(Reason::EvaluationError);
        Decision {
            allowed: reason == Reason::Permitted,
            reason,
        }
    }

    /// The categories in which this person may search; `request.action` and `request.category` have no meaning here.
    ///
    /// # Errors
    /// Why, when there is no such category.
    pub fn search(&self, request: &Request<'_>) -> Result<Vec<Category>, Reason> {
        let mut found = Vec::new();
        let mut refused = Reason::Profession;
        for category in Category::ALL {
            match self.evaluate(request, Action::Search, category) {
                Some(Reason::Permitted) => found.push(category),
                Some(reason) => refused = refused.min(reason),
                None => return Err(Reason::EvaluationError),
            }
        }
        if found.is_empty() { Err(refused) } else { Ok(found) }
    }

    /// `None`: the question could not be put or a policy failed.
    fn evaluate(&self, request: &Request<'_>, action: Action, category: Category) -> Option<Reason> {
        let principal = self.principal(&request.person)?;
        let document = self.document(category, request.record_group)?;
        let cedar = CedarRequest::new(
            principal.uid(),
            uid(&self.types.action, action.as_str()),
            document.uid(),
            context(request)?,
            Some(&self.schema),
        )
        .ok()?;
        let entities = Entities::from_entities([principal, document], None).ok()?;
        let response = self.authorizer.is_authorized(&cedar, &self.policies, &entities);
        if response.diagnostics().errors().next().is_some() {
            return None;
        }
        if response.decision() == CedarDecision::Allow {
            return Some(Reason::Permitted);
        }
        Some(
            response
                .diagnostics()
                .reason()
                .filter_map(|id| self.policies.annotation(id, "reason"))
                .filter_map(Reason::of_annotation)
                .min()
                .unwrap_or(Reason::Profession),
        )
    }

    fn principal(&self, person: &Person<'_>) -> Option<Entity> {
        match *person {
            Person::Professional {
                inpe,
                profession,
                establishment,
                group,
            } => {
                let attributes = [("establishment", establishment), ("group", group)]
                    .into_iter()
                    .filter_map(|(key, value)| Some((key.to_owned(), text(value?))))
                    .collect();
                let parents = [uid(&self.types.profession, profession)].into();
                Entity::new(uid(&self.types.professional, inpe), attributes, parents).ok()
            }
            Person::Patient { is_subject } => {
                let attributes = HashMap::from([(
                    "is_subject".to_owned(),
                    RestrictedExpression::new_bool(is_subject),
                )]);
                Entity::new(uid(&self.types.patient, "patient"), attributes, [].into()).ok()
            }
        }
    }

    fn document(&self, category: Category, group: &str) -> Option<Entity> {
        let attributes = HashMap::from([("group".to_owned(), text(group))]);
        let parents = [uid(&self.types.category, category.as_str())].into();
        Entity::new(uid(&self.types.document, "document"), attributes, parents).ok()
    }

    #[cfg(test)]
    pub(crate) fn policies(&self) -> &PolicySet {
        &self.policies
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn context(request: &Request<'_>) -> Option<Context> {
    let long = RestrictedExpression::new_long;
    let mut pairs = vec![
        ("now".to_owned(), long(request.now.as_millisecond())),
        ("purpose".to_owned(), text(request.purpose)),
        (
            "opposed".to_owned(),
            RestrictedExpression::new_bool(request.facts.opposed),
        ),
    ];
    if let Some(until) = request.facts.care_relation_until {
        pairs.push(("care_relation_until".to_owned(), long(until.as_millisecond())));
    }
    Context::from_pairs(pairs).ok()
}

/// Every policy has an `@id` of its own, every forbid a `@reason` that [`Reason`] knows.
fn check_annotations(policies: &PolicySet) -> Result<(), AccessError> {
    let mut seen = std::collections::HashSet::new();
    for policy in policies.policies() {
        let id = policy.annotation("id").unwrap_or_default();
        if id.is_empty() || !seen.insert(id) {
            return Err(AccessError::Id(policy.id().to_string()));
        }
        let forbids = policy.effect() == cedar_policy::Effect::Forbid;
        if forbids
            && policy
                .annotation("reason")
                .and_then(Reason::of_annotation)
                .is_none()
        {
            return Err(AccessError::Reason(id.to_owned()));
        }
    }
    Ok(())
}
