//! What several kinds share: modes, sizes, the conditions list.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Whether real patients are behind it. Never changes during the life of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Synthetic people only; opens to solutions without a homologation.
    #[default]
    Sandbox,
    /// Real people: the demonstration's log-ins are refused.
    Production,
}

impl Mode {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Production => "production",
        }
    }
}

/// How much of the machine a plane gets: databases, services and quota derive from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sizing {
    /// One database instance each; a development machine or a small hospital.
    #[default]
    Small,
    /// Two database instances each.
    Medium,
    /// Three database instances each.
    Large,
}

/// A status that carries meta/v1 conditions.
pub trait StatusConditions: Default {
    fn conditions(&self) -> &[Condition];
    fn conditions_mut(&mut self) -> &mut Vec<Condition>;
    /// Generation of the object that the status is about.
    fn observed_generation_mut(&mut self) -> &mut Option<i64>;
}

macro_rules! status_conditions {
    ($status:ty) => {
        impl $crate::StatusConditions for $status {
            fn conditions(&self) -> &[k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition] {
                &self.conditions
            }

            fn conditions_mut(
                &mut self,
            ) -> &mut Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition> {
                &mut self.conditions
            }

            fn observed_generation_mut(&mut self) -> &mut Option<i64> {
                &mut self.observed_generation
            }
        }
    };
}
pub(crate) use status_conditions;

/// The schema of `status.conditions`: meta/v1 `Condition`, a map keyed by `type`.
pub(crate) fn conditions_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "lastTransitionTime": { "type": "string", "description": "When `status` last changed.", "format": "date-time" },
                "message": { "type": "string", "description": "What is so, and what to do, for people.", "maxLength": 32768 },
                "observedGeneration": { "type": "integer", "description": "Generation of the specification that this condition is about.", "format": "int64", "minimum": 0 },
                "reason": {
                    "description": "Why, as one stable word for programs.", "type": "string", "minLength": 1, "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
                },
                "status": { "type": "string", "description": "`True`, `False` or `Unknown`.", "enum": ["True", "False", "Unknown"] },
                "type": {
                    "description": "Name of the condition.", "type": "string", "maxLength": 316,
                    "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
                }
            }
        }
    })
}
