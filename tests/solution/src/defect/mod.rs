//! Broken variants of the solution, for the conformance suite's own tests. **A vendor need not read this.**
//!
//! Each defect fails exactly one requirement, in the tests it names, and does everything else well: it changes one
//! habit, for one transaction. To add one: a row in [`table`], and its cell in the README.

mod change;
mod detour;
mod table;

pub use table::Defect;
