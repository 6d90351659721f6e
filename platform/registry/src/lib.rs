//! dmp-registry
