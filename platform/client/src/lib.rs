//! The wire between the services: request and answer types, and one typed client per callee.
//!
//! Both sides use these types. Nothing here decides anything; `docs/interfaces.md` says who may call what.

pub mod acts;
pub mod affected;
pub mod audit;
pub mod consent;
pub mod est;
pub mod facts;
pub mod guichet;
pub mod kept;
pub mod probe;
pub mod quota;
pub mod records;
pub mod registry;
pub mod sandbox;
