//! SQL, one module per aggregate. Whoever calls decides on transactions; nothing here knows a key or plaintext.

pub(crate) mod content;
pub(crate) mod document;
pub(crate) mod link;
pub(crate) mod submission;

use sqlx::migrate::Migrator;

pub(crate) static MIGRATOR: Migrator = sqlx::migrate!();
