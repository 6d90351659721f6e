//! dmp-audit
