//! Names of files, identifiers and UUIDs: whoever refers to something makes its name in the same way.

use uuid::Uuid;

use crate::control::Control;
use crate::framework::Framework;

pub const CATALOG: &str = "catalog.json";
/// The profile of all controls.
pub const PROFILE: &str = "profile-all.json";
pub const COMPONENTS: &str = "component-definition.json";
pub const MAPPINGS: &str = "mapping-collection.json";
pub const SSP: &str = "system-security-plan.json";
pub const PLAN: &str = "assessment-plan.json";
pub const RESULTS: &str = "assessment-results.json";
pub const POAM: &str = "plan-of-action-and-milestones.json";

/// Namespace of our own properties and parts.
pub const NS: &str = "https://dmp.ma/ns/oscal";

/// The whole platform, its software, and who evaluates it.
pub const SYSTEM: &str = "component/system";
pub const PLATFORM: &str = "component/platform";
pub const EVALUATOR: &str = "component/evaluator";

/// File of the profile of a framework.
pub fn profile(framework: &Framework) -> String {
    format!("profile-{}.json", framework.option)
}

/// UUIDv5 of a name within a system.
pub fn uuid(system: &str, name: &str) -> String {
    let root = Uuid::new_v5(&Uuid::NAMESPACE_URL, NS.as_bytes());
    Uuid::new_v5(&root, format!("{system}/{name}").as_bytes()).to_string()
}

/// The statement of a control: what a finding is about.
pub fn statement(control: &Control) -> String {
    format!("{}_smt", control.id)
}

/// A check of a control.
pub fn objective(control: &Control, check: &str) -> String {
    format!("{}_obj.{check}", control.id)
}

/// A parameter of a control.
pub fn parameter(control: &Control, name: &str) -> String {
    format!("{}_prm.{name}", control.id)
}

/// An identifier of a norm as OSCAL's token: no blank, slash or bracket, no digit first (`EXI 05.C` is `exi-05.c`).
pub fn token(id: &str) -> String {
    let mut token = String::new();
    if !id.starts_with(char::is_alphabetic) {
        token.push('_');
    }
    for letter in id.chars().flat_map(char::to_lowercase) {
        match letter {
            ')' => {}
            '/' => token.push('_'),
            '.' | '-' | '_' => token.push(letter),
            _ if letter.is_alphanumeric() => token.push(letter),
            _ => token.push('-'),
        }
    }
    token
}
