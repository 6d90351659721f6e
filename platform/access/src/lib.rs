//! dmp-access
