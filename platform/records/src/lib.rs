//! dmp-records
