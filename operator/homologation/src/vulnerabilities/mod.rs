//! Known vulnerabilities of what is in the platform's images (DMP-WRK-03). Pure.
//!
//! Two papers are held against each other: the bills of materials that the security entity signed with the images ([`package`] reads
//! them) and an export of known vulnerabilities in the OSV schema that the site supplies ([`record`] reads a record of it, [`export`]
//! makes it small enough for an object). [`affected`] says of one version whether a record is about it, in the order of versions of its
//! ecosystem ([`order`]); [`rating`] how bad that is; [`found`] puts together what is to be mended.
//!
//! What cannot be compared is named, and never "not affected". Not here: files and archives (`dmpctl`), how long mending may take (the
//! control), what runs (the evaluator).

pub mod affected;
pub mod export;
pub mod found;
pub mod order;
pub mod package;
pub mod rating;
pub mod record;

#[cfg(test)]
mod tests;
