//! dmp-e2e
