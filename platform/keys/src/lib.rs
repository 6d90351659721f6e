//! dmp-keys
