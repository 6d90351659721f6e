//! dmp-tlog
