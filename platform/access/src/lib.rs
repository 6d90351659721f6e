//! The access decision: from typed facts to permit or refuse, with the reason.
//!
//! Responsible for: the Cedar policies of `policies/access` (embedded, validated against their schema when a
//! [`Decider`] is made), the sorting of documents into categories, the reason of a refusal.
//! Not responsible for: where the facts come from (the caller's token, the consent service), who is told the reason
//! (the log and the patient only), the clock. Pure: no I/O.
//!
//! To add a profession: its code in `schema.cedarschema`, its two policies in `professions.cedar`, its rows in the
//! oracle of `tests.rs`. To add a category: [`Category`], the schema, the policies that include it, the oracle.

mod category;
mod decider;
mod request;
#[cfg(test)]
mod tests;

pub use category::Category;
pub use decider::{AccessError, Decider};
pub use request::{Action, Decision, Facts, Person, Reason, Request};
